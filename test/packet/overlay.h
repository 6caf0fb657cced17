// The small world with one overlay or the other: VXLAN or Geneve, the same nodes and pods.
#ifndef POSTERN_TEST_PACKET_OVERLAY_H_
#define POSTERN_TEST_PACKET_OVERLAY_H_

#include <stdexcept>
#include <string>
#include <string_view>

#include "test/packet/world.h"

namespace postern::test {

enum class Overlay : uint8_t { kVxlan, kGeneve };

// The option that OVN's nodes send: class 0x0102, type 0 with the critical bit, ports in its data.
inline const Bytes kOvnOption{0x01, 0x02, 0x80, 0x01, 0x00, 0x01, 0x00, 0x02};

// Outer headers of a frame, where a test wants others than usual.
struct Outer {
  uint8_t tos = 0;
  uint16_t udp_port = 50000;
  bool udp_checksum = false;
  uint32_t vni = 100;
  GeneveFields geneve = {};
};

inline Packet in_overlay(Packet outer, Overlay overlay, uint16_t source_port, const Outer& with) {
  const uint16_t port = overlay == Overlay::kGeneve ? 6081 : 4789;
  outer.udp(source_port, port, with.udp_checksum);
  return overlay == Overlay::kGeneve ? outer.geneve(with.vni, with.geneve) : outer.vxlan(with.vni);
}

// A frame of node 1 or 2 up to the inner Ethernet header.
inline Packet from_node(Overlay overlay, int node = 1, const Outer& with = {}) {
  const bool first = node == 1;
  return in_overlay(Packet()
                        .ethernet(first ? kNode1Mac : kNode2Mac, Gateway::kClusterMac)
                        .ipv4(first ? "10.0.0.1" : "10.0.0.2", "10.0.0.254", {.tos = with.tos}),
                    overlay, with.udp_port, with)
      .ethernet(first ? kNode1InnerMac : kNode2InnerMac, kInnerMac);
}

// What the gateway sends to a node, up to the inner Ethernet header; `frame` gives its entropy.
inline Packet to_node(Overlay overlay, const Bytes& frame, int node = 1, const Outer& with = {}) {
  const bool first = node == 1;
  return in_overlay(Packet()
                        .ethernet(Gateway::kClusterMac, Gateway::kNextHopMac)
                        .ipv4("10.0.0.254", first ? "10.0.0.1" : "10.0.0.2",
                              {.tos = with.tos, .dont_fragment = true}),
                    overlay, entropy_of(frame), with)
      .ethernet(kInnerMac, first ? kNode1InnerMac : kNode2InnerMac);
}

// `text` with the only place of `what` replaced.
inline std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  if (at == std::string::npos) throw std::invalid_argument("not there: " + std::string(what));
  return text.replace(at, what.size(), by);
}

// The world; `options` (hex) are what replies to node-1 bear.
inline std::string overlay_world(Overlay overlay, std::string_view options = "",
                                 std::string_view policy = kWorldPolicy) {
  std::string text = world(policy);
  if (overlay == Overlay::kGeneve) text = replaced(text, "\"vxlan\"", "\"geneve\"");
  if (options.empty()) return text;
  return replaced(text, "vtep = \"10.0.0.1\";",
                  "vtep = \"10.0.0.1\"; geneve_options = \"" + std::string(options) + "\";");
}

inline std::string overlay_name(Overlay overlay) {
  return overlay == Overlay::kGeneve ? "Geneve" : "Vxlan";
}

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_OVERLAY_H_
