// An echo of a pod and its answer: what the gateway makes of both.
#ifndef POSTERN_TEST_PACKET_ECHO_TRIP_H_
#define POSTERN_TEST_PACKET_ECHO_TRIP_H_

#include <gtest/gtest.h>

#include <string_view>

#include "test/packet/only_frame.h"
#include "test/packet/world.h"

namespace postern::test {

// kPod asks `dialled`; outside `face` asks `remote`, with an identifier of the session's.
inline void expect_echo_round_trip(Gateway& gateway, std::string_view dialled,
                                   std::string_view face, std::string_view remote) {
  const auto request = from_node1().ipv4(kPod, dialled).echo_request(42, 7).payload("ping");
  const Bytes out = only_frame(gateway.receive("underlay", request), "uplink");
  const uint16_t identifier = gateway.only_session().egress_port.host();
  EXPECT_EQ(decode(out), decode(on_uplink()
                                    .ipv4(face, remote, {.ttl = 63})
                                    .echo_request(identifier, 7)
                                    .payload("ping")
                                    .bytes()));
  const auto reply = from_outside().ipv4(remote, face).echo_reply(identifier, 7).payload("ping");
  const Bytes back = only_frame(gateway.receive("uplink", reply), "underlay");
  EXPECT_EQ(decode(back), decode(to_node1(entropy_of(back))
                                     .ipv4(dialled, kPod, {.ttl = 63})
                                     .echo_reply(42, 7)
                                     .payload("ping")
                                     .bytes()));
}

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_ECHO_TRIP_H_
