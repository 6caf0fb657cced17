// Asks DNS servers for the addresses of host names: c-ares on the control thread's event loop. One
// question, one answer; when to ask is HostNames' business.
//
// The servers are those of /etc/resolv.conf, the sockets the kernel's: queries leave by the host's
// own network, never through the data path. Names are asked for as they are, without the search
// domains of resolv.conf, and in DNS only, not in /etc/hosts. Answers are taken from the server
// that was asked, to the question that was asked, with its identifier (RFC 5452 section 9); what
// does not fit into a datagram is asked for again over TCP (RFC 7766).
//
// Control thread.
#ifndef POSTERN_CONTROL_SERVE_DNS_CLIENT_H_
#define POSTERN_CONTROL_SERVE_DNS_CLIENT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/serve/name_queries.h"

struct event;
struct event_base;
struct ares_channeldata;

namespace postern {

struct DnsSettings {
  // "ADDRESS:PORT,..."; empty: those of /etc/resolv.conf.
  std::string servers = {};
  // How long the first try waits for each server; the next tries wait twice as long each.
  int timeout_ms = 2000;
  int tries = 2;
};

class DnsClient : public NameQueries {
 public:
  // `base` outlives it.
  explicit DnsClient(event_base* base, DnsSettings settings = {});
  DnsClient(const DnsClient&) = delete;
  DnsClient& operator=(const DnsClient&) = delete;
  ~DnsClient() override;  // what was asked is not answered any more

  void ask(const std::string& name, Done done) override;

  // Reads the servers again. What is being asked is asked again, of them.
  void reread();

 private:
  struct Free {
    void operator()(event* event) const;
  };
  using Event = std::unique_ptr<event, Free>;
  struct Request;
  struct Watch;

  static void answered(void* request, int status, int timeouts, unsigned char* reply, int bytes);
  static void watch(void* client, int fd, int readable, int writable);
  static void ready(int fd, short events, void* client);
  static void time_passed(int fd, short events, void* client);

  void open();
  void close();
  void wait();

  event_base* base_;
  DnsSettings settings_;
  ares_channeldata* channel_ = nullptr;  // null: it could not be opened
  std::string problem_;                  // why
  std::map<int, Event> sockets_;
  Event timer_;
  bool closing_ = false;
  std::vector<std::unique_ptr<Request>> interrupted_;  // by closing the channel
};

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_DNS_CLIENT_H_
