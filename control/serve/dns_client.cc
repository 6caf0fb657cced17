#include "control/serve/dns_client.h"

#include <absl/strings/str_cat.h>
#include <ares.h>
#include <arpa/nameser.h>
#include <event2/event.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <utility>

namespace postern {
namespace {

// What came of a question, in words for operators.
std::string words_of(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
      return "the name does not exist";
    case ARES_ENODATA:
      return "the name has no IPv4 address";
    case ARES_ETIMEOUT:
      return "no DNS server answered";
    case ARES_ECONNREFUSED:  // after SERVFAIL and REFUSED of every server, too
      return "the DNS servers are not there, or fail or refuse to answer";
    default:
      return ares_strerror(status);
  }
}

NameAnswer read_reply(const unsigned char* reply, int bytes) {
  std::array<ares_addrttl, kMaxNameAddresses> records;
  int count = static_cast<int>(records.size());
  const int status = ares_parse_a_reply(reply, bytes, nullptr, records.data(), &count);
  if (status != ARES_SUCCESS) return {{}, 0, words_of(status)};
  if (count == 0) return {{}, 0, words_of(ARES_ENODATA)};
  NameAnswer answer;
  int ttl_s = records[0].ttl;
  for (int i = 0; i < count; ++i) {
    answer.addresses.push_back({ntohl(records[static_cast<size_t>(i)].ipaddr.s_addr)});
    ttl_s = std::min(ttl_s, records[static_cast<size_t>(i)].ttl);
  }
  answer.ttl_s = static_cast<uint32_t>(std::max(ttl_s, 0));  // RFC 2181 section 8: as if zero
  return answer;
}

}  // namespace

struct DnsClient::Request {
  DnsClient* client;
  std::string name;
  Done done;
};

void DnsClient::Free::operator()(event* event) const { event_free(event); }

DnsClient::DnsClient(event_base* base, DnsSettings settings)
    : base_(base),
      settings_(std::move(settings)),
      timer_(event_new(base, -1, 0, &DnsClient::time_passed, this)) {
  open();
}

DnsClient::~DnsClient() { close(); }

void DnsClient::open() {
  ares_options options{};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  options.timeout = settings_.timeout_ms;
  options.tries = settings_.tries;
  options.sock_state_cb = &DnsClient::watch;
  options.sock_state_cb_data = this;
  int status = ares_init_options(
      &channel_, &options,
      ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status == ARES_SUCCESS && !settings_.servers.empty()) {
    status = ares_set_servers_ports_csv(channel_, settings_.servers.c_str());
  }
  if (status == ARES_SUCCESS) return;
  problem_ = absl::StrCat("/etc/resolv.conf cannot be used: ", ares_strerror(status));
  close();
}

void DnsClient::close() {
  if (channel_ == nullptr) return;
  closing_ = true;
  ares_destroy(std::exchange(channel_, nullptr));
  closing_ = false;
  sockets_.clear();
}

void DnsClient::reread() {
  close();
  open();
  for (const auto& request : std::exchange(interrupted_, {})) {
    ask(request->name, std::move(request->done));
  }
}

void DnsClient::ask(const std::string& name, Done done) {
  if (channel_ == nullptr) return done({{}, 0, problem_});
  auto request = std::make_unique<Request>(Request{this, name, std::move(done)});
  ares_query(channel_, name.c_str(), ns_c_in, ns_t_a, &DnsClient::answered, request.release());
  wait();
}

void DnsClient::answered(void* argument, int status, int, unsigned char* reply, int bytes) {
  std::unique_ptr<Request> request(static_cast<Request*>(argument));
  DnsClient& client = *request->client;
  if (client.closing_) return client.interrupted_.push_back(std::move(request));
  request->done(status == ARES_SUCCESS ? read_reply(reply, bytes)
                                       : NameAnswer{{}, 0, words_of(status)});
}

// c-ares opens and closes its sockets itself, and tells what it waits for on each.
void DnsClient::watch(void* argument, int fd, int readable, int writable) {
  DnsClient& client = *static_cast<DnsClient*>(argument);
  client.sockets_.erase(fd);
  if (readable == 0 && writable == 0) return;
  const auto events = static_cast<short>(EV_PERSIST | (readable != 0 ? EV_READ : 0) |
                                         (writable != 0 ? EV_WRITE : 0));
  Event& socket = client.sockets_[fd];
  socket.reset(event_new(client.base_, fd, events, &DnsClient::ready, &client));
  event_add(socket.get(), nullptr);
}

void DnsClient::ready(int fd, short events, void* argument) {
  DnsClient& client = *static_cast<DnsClient*>(argument);
  if (client.channel_ == nullptr) return;
  ares_process_fd(client.channel_, (events & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
                  (events & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
  client.wait();
}

void DnsClient::time_passed(int, short, void* argument) {
  DnsClient& client = *static_cast<DnsClient*>(argument);
  if (client.channel_ == nullptr) return;
  ares_process_fd(client.channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  client.wait();
}

// Until the next try is due.
void DnsClient::wait() {
  timeval time{};
  if (channel_ == nullptr || ares_timeout(channel_, nullptr, &time) == nullptr) {
    event_del(timer_.get());
    return;
  }
  event_add(timer_.get(), &time);
}

}  // namespace postern
