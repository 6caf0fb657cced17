// A gateway for fuzzing and what must hold after every frame.
#ifndef POSTERN_TEST_FUZZ_INVARIANTS_H_
#define POSTERN_TEST_FUZZ_INVARIANTS_H_

#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "test/packet/gateway.h"
#include "test/packet/others.h"
#include "test/packet/world.h"

namespace postern::test {

class FuzzedGateway {
 public:
  FuzzedGateway() : gateway_(start()) {
    // Live sessions, so that inbound packets and quotes can find one.
    gateway_.receive("underlay",
                     from_node1().ipv4(kPod, kServer).udp(7777, 53).payload("question"));
    for (const uint8_t protocol : {kGre, kProtocolUdpLite}) {
      gateway_.receive("underlay", from_pod(protocol));
    }
  }

  // Walks one frame and judges what leaves. Ends the program when something must not be.
  void receive(std::string_view port, const Packet& frame) {
    for (const Sent& sent : gateway_.receive(port, frame)) judge(sent);
    if (gateway_.imbalance() != 0) fail("the counters do not close", {});
    if (++frames_ % 1024 == 0) {
      gateway_.pass_seconds(5);
      gateway_.release_held();
      gateway_.sweep();
    }
  }

 private:
  static std::string start() {
    start_eal();
    return world();
  }

  static void judge(const Sent& sent) {
    if (sent.port != "uplink" || sent.frame.size() < 34) return;
    if (load<EthernetHeader>(sent.frame.data()).type.host() != kEtherTypeIpv4) return;
    const auto ip = load<Ipv4Header>(&sent.frame[sizeof(EthernetHeader)]);
    const std::string source = Ipv4Address::from(ip.source).text();
    static const std::set<std::string> kEgress{"192.0.2.50", "192.0.2.60", "192.0.2.61"};
    const bool own_icmp = source == "192.0.2.10" && ip.protocol == kProtocolIcmp;
    if (kEgress.count(source) == 0 && !own_icmp) fail("a foreign source left", sent.frame);
  }

  [[noreturn]] static void fail(const char* what, const Bytes& frame) {
    std::fprintf(stderr, "%s\n%s", what, decode(frame).c_str());
    std::abort();
  }

  Gateway gateway_;
  uint64_t frames_ = 0;
};

}  // namespace postern::test

#endif  // POSTERN_TEST_FUZZ_INVARIANTS_H_
