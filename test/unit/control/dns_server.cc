#include "test/unit/control/dns_server.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace postern {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr uint16_t kTypeA = 1;
constexpr uint16_t kTypeCname = 5;

void put16(std::vector<uint8_t>& to, uint32_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

void put32(std::vector<uint8_t>& to, uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}

void put_name(std::vector<uint8_t>& to, const std::string& name) {
  for (size_t at = 0; at < name.size();) {
    const size_t end = std::min(name.find('.', at), name.size());
    to.push_back(static_cast<uint8_t>(end - at));
    to.insert(to.end(), name.begin() + static_cast<ptrdiff_t>(at),
              name.begin() + static_cast<ptrdiff_t>(end));
    at = end + 1;
  }
  to.push_back(0);
}

void put_record(std::vector<uint8_t>& to, const std::string& owner, uint16_t type, uint32_t ttl_s,
                const std::vector<uint8_t>& data) {
  put_name(to, owner);
  put16(to, type);
  put16(to, 1);  // IN
  put32(to, ttl_s);
  put16(to, static_cast<uint32_t>(data.size()));
  to.insert(to.end(), data.begin(), data.end());
}

int bound_socket(int type, uint16_t& port) {
  const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in self{};
  self.sin_family = AF_INET;
  self.sin_port = htons(port);
  self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&self), sizeof self) != 0) {
    close(fd);
    return -1;
  }
  socklen_t bytes = sizeof self;
  getsockname(fd, reinterpret_cast<sockaddr*>(&self), &bytes);
  port = ntohs(self.sin_port);
  return fd;
}

}  // namespace

void DnsServer::Free::operator()(event* event) const { event_free(event); }

DnsServer::DnsServer(event_base* base) : base_(base) {
  // The port that UDP got may be taken for TCP: then another one.
  for (int tries = 0; tries < 100 && tcp_ < 0; ++tries) {
    port_ = 0;
    if (udp_ >= 0) close(udp_);
    udp_ = bound_socket(SOCK_DGRAM, port_);
    tcp_ = bound_socket(SOCK_STREAM, port_);
  }
  if (udp_ < 0 || tcp_ < 0 || listen(tcp_, 8) != 0) throw std::runtime_error("no port is free");
  udp_event_.reset(event_new(base_, udp_, EV_READ | EV_PERSIST, &DnsServer::on_udp, this));
  tcp_event_.reset(event_new(base_, tcp_, EV_READ | EV_PERSIST, &DnsServer::on_connect, this));
  event_add(udp_event_.get(), nullptr);
  event_add(tcp_event_.get(), nullptr);
}

DnsServer::~DnsServer() {
  udp_event_.reset();
  tcp_event_.reset();
  for (Connection& each : connections_) {
    each.event.reset();
    close(each.fd);
  }
  close(udp_);
  close(tcp_);
}

std::string DnsServer::place() const { return "127.0.0.1:" + std::to_string(port_); }

void DnsServer::on_udp(int fd, short, void* argument) {
  DnsServer& self = *static_cast<DnsServer*>(argument);
  Bytes query(512);
  sockaddr_in from{};
  socklen_t from_bytes = sizeof from;
  auto* peer = reinterpret_cast<sockaddr*>(&from);
  const ssize_t bytes = recvfrom(fd, query.data(), query.size(), 0, peer, &from_bytes);
  if (bytes < static_cast<ssize_t>(kHeaderBytes)) return;
  query.resize(static_cast<size_t>(bytes));
  ++self.udp_questions;
  if (self.silent) return;
  const Question question = read(query);
  if (self.spoof != Spoof::kNothing) {
    const Bytes lie = self.stranger(question);
    sendto(fd, lie.data(), lie.size(), 0, peer, from_bytes);
  }
  const Bytes truth = self.answer(question, self.truncate);
  sendto(fd, truth.data(), truth.size(), 0, peer, from_bytes);
}

void DnsServer::on_connect(int fd, short, void* argument) {
  DnsServer& self = *static_cast<DnsServer*>(argument);
  const int accepted = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted < 0) return;
  Connection& connection = self.connections_.emplace_back(Connection{&self, accepted, {}, nullptr});
  connection.event.reset(
      event_new(self.base_, accepted, EV_READ | EV_PERSIST, &DnsServer::on_tcp, &connection));
  event_add(connection.event.get(), nullptr);
}

void DnsServer::on_tcp(int fd, short, void* argument) {
  Connection& connection = *static_cast<Connection*>(argument);
  DnsServer& self = *connection.server;
  std::array<uint8_t, 512> part;
  const ssize_t bytes = ::read(fd, part.data(), part.size());
  if (bytes <= 0) {
    connection.event.reset();
    close(fd);
    self.connections_.remove_if([&](const Connection& each) { return &each == &connection; });
    return;
  }
  Bytes& received = connection.received;
  received.insert(received.end(), part.begin(), part.begin() + bytes);
  const size_t length = received.size() < 2 ? 0 : size_t{received[0]} << 8 | received[1];
  if (received.size() < 2 || received.size() < 2 + length) return;
  ++self.tcp_questions;
  const Bytes whole = self.answer(read(Bytes(received.begin() + 2, received.end())), false);
  received.clear();
  Bytes framed;
  put16(framed, static_cast<uint32_t>(whole.size()));
  framed.insert(framed.end(), whole.begin(), whole.end());
  if (::write(fd, framed.data(), framed.size()) < 0) return;
}

DnsServer::Question DnsServer::read(const Bytes& query) {
  Question question;
  size_t at = kHeaderBytes;
  while (at < query.size() && query[at] != 0) {
    if (!question.name.empty()) question.name += '.';
    question.name.append(query.begin() + static_cast<ptrdiff_t>(at) + 1,
                         query.begin() + static_cast<ptrdiff_t>(at) + 1 + query[at]);
    at += 1u + query[at];
  }
  at += 5;  // the root, type, class
  question.header_and_question.assign(query.begin(), query.begin() + static_cast<ptrdiff_t>(at));
  return question;
}

DnsServer::Bytes DnsServer::answer(const Question& question, bool truncated) const {
  const auto found = records.find(question.name);
  return reply(question,
               found == records.end() ? Record{.addresses = {}, .rcode = 3} : found->second,
               truncated);
}

DnsServer::Bytes DnsServer::stranger(Question question) const {
  Bytes& bytes = question.header_and_question;
  if (spoof == Spoof::kOtherId) bytes[0] ^= 0xff;
  if (spoof == Spoof::kOtherQuestion) {
    bytes[kHeaderBytes + 1] ^= 1;  // the first letter
    question.name[0] = static_cast<char>(bytes[kHeaderBytes + 1]);
  }
  return reply(question, {.addresses = {spoofed}}, false);
}

DnsServer::Bytes DnsServer::reply(const Question& question, const Record& record, bool truncated) {
  Bytes bytes = question.header_and_question;
  const size_t answers =
      truncated || record.rcode != 0 ? 0 : record.addresses.size() + (record.alias.empty() ? 0 : 1);
  bytes[2] = truncated ? 0x87 : 0x85;  // an answer, authoritative
  bytes[3] = static_cast<uint8_t>(0x80 | record.rcode);
  bytes[6] = static_cast<uint8_t>(answers >> 8);
  bytes[7] = static_cast<uint8_t>(answers);
  std::fill(bytes.begin() + 8, bytes.begin() + kHeaderBytes, 0);
  if (answers == 0) return bytes;
  std::string owner = question.name;
  if (!record.alias.empty()) {
    Bytes alias;
    put_name(alias, record.alias);
    put_record(bytes, owner, kTypeCname, record.alias_ttl_s, alias);
    owner = record.alias;
  }
  for (const Ipv4Address& address : record.addresses) {
    Bytes data;
    put32(data, address.value);
    put_record(bytes, owner, kTypeA, record.ttl_s, data);
  }
  return bytes;
}

}  // namespace postern
