// Packets of other protocols than TCP, UDP and ICMP, for golden tests (nat.md O1).
#ifndef POSTERN_TEST_PACKET_OTHERS_H_
#define POSTERN_TEST_PACKET_OTHERS_H_

#include <string_view>

#include "dataplane/wire/other_protocols.h"
#include "test/packet/world.h"

namespace postern::test {

inline constexpr uint8_t kGre = 47;
inline constexpr uint8_t kEsp = 50;
inline constexpr uint8_t kIpInIp = 4;

// What a packet of that protocol begins with, up to its payload: ports, where it has them, and room
// for a checksum.
inline Bytes other_header(uint8_t protocol, uint16_t source_port, uint16_t destination_port) {
  if (!keeps_ports(protocol)) return {0x30, 0x81, 0x88, 0x0b, 0x12, 0x34, 0x56, 0x78};
  Bytes header(12);
  store(header.data(), Be16(source_port));
  store(&header[2], Be16(destination_port));
  return header;
}

// An IP packet of that protocol, as a pod sends it or as it looks outside.
inline Packet& other(Packet& in, uint8_t protocol, std::string_view source,
                     std::string_view destination, Ipv4Options ip = {}, uint16_t source_port = 5000,
                     uint16_t destination_port = 9) {
  ip.protocol = protocol;
  return in.ipv4(source, destination, ip)
      .raw(other_header(protocol, source_port, destination_port))
      .payload("whatever is inside");
}

inline Packet from_pod(uint8_t protocol, std::string_view pod = kPod,
                       std::string_view server = kServer, Ipv4Options ip = {}) {
  Packet packet = from_node1();
  return other(packet, protocol, pod, server, ip);
}
// What from_pod() has in its tunnel, from the IP header on.
inline Bytes inner_ip(const Packet& packet) {
  const Bytes frame = packet.bytes();
  return {frame.begin() + sizeof(TunnelEncapsulation), frame.end()};
}
inline Packet as_left(uint8_t protocol, std::string_view source = kPodAddress,
                      std::string_view server = kServer) {
  Packet packet = on_uplink();
  return other(packet, protocol, source, server, {.ttl = 63});
}
// What the server sends back: its ports are the pod's the other way round.
inline Packet answer_to(uint8_t protocol, std::string_view destination = kPodAddress,
                        std::string_view server = kServer) {
  Packet packet = from_outside();
  return other(packet, protocol, server, destination, {}, 9, 5000);
}
inline Packet as_arrived(uint8_t protocol, const Bytes& frame, std::string_view pod = kPod,
                         std::string_view server = kServer) {
  Packet packet = to_node1(entropy_of(frame));
  return other(packet, protocol, server, pod, {.ttl = 63}, 9, 5000);
}

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_OTHERS_H_
