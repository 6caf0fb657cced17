// A DNS server for tests: UDP and TCP on one port of 127.0.0.1, on the test's own event loop. It
// answers what it was given, and can be silent, truncate, or send a stranger's answer first.
#ifndef POSTERN_TEST_UNIT_CONTROL_DNS_SERVER_H_
#define POSTERN_TEST_UNIT_CONTROL_DNS_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/wire/address.h"

struct event;
struct event_base;

namespace postern {

class DnsServer {
 public:
  struct Record {
    std::vector<Ipv4Address> addresses;
    uint32_t ttl_s = 60;
    std::string alias = {};  // what the name is an alias of; the addresses are that name's
    uint32_t alias_ttl_s = 60;
    uint8_t rcode = 0;
  };
  // What is sent before the answer, and must not be believed.
  enum class Spoof : uint8_t { kNothing, kOtherId, kOtherQuestion };

  explicit DnsServer(event_base* base);
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer();

  // "127.0.0.1:PORT".
  [[nodiscard]] std::string place() const;

  std::map<std::string, Record> records;  // others do not exist (NXDOMAIN)
  bool silent = false;
  bool truncate = false;  // over UDP
  Spoof spoof = Spoof::kNothing;
  Ipv4Address spoofed;  // what the stranger's answer says

  int udp_questions = 0;
  int tcp_questions = 0;

 private:
  using Bytes = std::vector<uint8_t>;
  struct Free {
    void operator()(event* event) const;
  };
  using Event = std::unique_ptr<event, Free>;
  struct Question {
    Bytes header_and_question;
    std::string name;
  };
  struct Connection {
    DnsServer* server;
    int fd;
    Bytes received;
    Event event;
  };

  static void on_udp(int fd, short events, void* server);
  static void on_connect(int fd, short events, void* server);
  static void on_tcp(int fd, short events, void* connection);
  static Question read(const Bytes& query);
  [[nodiscard]] Bytes answer(const Question& question, bool truncated) const;
  [[nodiscard]] Bytes stranger(Question question) const;
  static Bytes reply(const Question& question, const Record& record, bool truncated);

  event_base* base_;
  int udp_ = -1;
  int tcp_ = -1;
  uint16_t port_ = 0;
  Event udp_event_;
  Event tcp_event_;
  std::list<Connection> connections_;
};

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_CONTROL_DNS_SERVER_H_
