// Datagrams in pieces, for golden tests: cut as a sender cuts them, and put together again as a
// receiver does, which also judges the pieces.
#ifndef POSTERN_TEST_PACKET_FRAGMENTS_H_
#define POSTERN_TEST_PACKET_FRAGMENTS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "dataplane/wire/checksum.h"
#include "test/packet/world.h"

namespace postern::test {

// The packet from its IP header on.
inline Bytes ip_of(const Packet& packet) { return packet.bytes(); }

// Bytes first..end of the payload of the datagram `ip`, as a fragment.
inline Bytes piece_of(const Bytes& ip, size_t first, size_t end, uint16_t id = 77) {
  auto header = load<Ipv4Header>(ip.data());
  const size_t header_bytes = header.header_bytes();
  end = std::min(end, ip.size() - header_bytes);
  Bytes piece(ip.begin(), ip.begin() + static_cast<long>(header_bytes));
  piece.insert(piece.end(), ip.begin() + static_cast<long>(header_bytes + first),
               ip.begin() + static_cast<long>(header_bytes + end));
  const bool more = header_bytes + end < ip.size();
  header.total_bytes = Be16(static_cast<uint16_t>(piece.size()));
  header.id = Be16(id);
  header.fragment = Be16(static_cast<uint16_t>(header.fragment.host() | first / 8 |
                                               (more ? Ipv4Header::kMoreFragments : 0)));
  header.checksum = Be16(0);
  store(piece.data(), header);
  store(&piece[offsetof(Ipv4Header, checksum)], checksum_of(piece.data(), header_bytes));
  return piece;
}

// The datagram in pieces of `bytes` bytes of payload, a multiple of eight.
inline std::vector<Bytes> pieces_of(const Packet& packet, size_t bytes, uint16_t id = 77) {
  const Bytes ip = ip_of(packet);
  std::vector<Bytes> pieces;
  for (size_t at = 0; at + sizeof(Ipv4Header) < ip.size(); at += bytes) {
    pieces.push_back(piece_of(ip, at, at + bytes, id));
  }
  return pieces;
}

// A piece as it comes out of the tunnel of node-1, or from outside.
inline Packet inner_piece(const Bytes& piece) {
  return Packet()
      .ethernet(kNode1Mac, Gateway::kClusterMac)
      .ipv4("10.0.0.1", "10.0.0.254")
      .udp(50000, 4789, false)
      .vxlan(100)
      .ethernet_type(kNode1InnerMac, kInnerMac, kEtherTypeIpv4)
      .raw(piece);
}
inline Packet outer_piece(const Bytes& piece) {
  return Packet().ethernet_type(kRouterMac, Gateway::kUplinkMac, kEtherTypeIpv4).raw(piece);
}
inline std::vector<Packet> all_of(const std::vector<Bytes>& pieces, Packet (*frame)(const Bytes&)) {
  std::vector<Packet> packets;
  for (const Bytes& piece : pieces) packets.push_back(frame(piece));
  return packets;
}

// The IP packets that left by that port, out of their tunnels.
inline std::vector<Bytes> ip_packets(const std::vector<Sent>& sent, std::string_view port) {
  std::vector<Bytes> packets;
  for (const Sent& one : sent) {
    if (one.port != port) continue;
    const long at = port == "underlay" ? 64 : 14;
    packets.emplace_back(one.frame.begin() + at, one.frame.end());
  }
  return packets;
}

// The datagram that these fragments are, decoded behind an empty link header; or what is wrong.
inline std::string together(const std::vector<Bytes>& pieces, size_t mtu_bytes = 65535) {
  std::map<size_t, Bytes> by_place;
  Bytes whole;
  bool ended = false;
  for (const Bytes& piece : pieces) {
    const auto header = load<Ipv4Header>(piece.data());
    if (header.total_bytes.host() != piece.size()) return "a length is wrong";
    if (checksum_of(piece.data(), header.header_bytes()).raw() != 0) return "a checksum is wrong";
    if (piece.size() > mtu_bytes) return "a piece is too large";
    const size_t place = header.fragment_offset_bytes();
    by_place[place] = Bytes(piece.begin() + header.header_bytes(), piece.end());
    if (place == 0) whole.assign(piece.begin(), piece.begin() + header.header_bytes());
    ended = ended || !header.more_fragments();
  }
  if (whole.empty() || !ended) return "an end is missing";
  size_t expected = 0;
  for (const auto& [place, bytes] : by_place) {
    if (place != expected) return "a piece is missing";
    whole.insert(whole.end(), bytes.begin(), bytes.end());
    expected += bytes.size();
  }
  auto header = load<Ipv4Header>(whole.data());
  header.total_bytes = Be16(static_cast<uint16_t>(whole.size()));
  header.id = Be16(0);
  header.fragment = Be16(static_cast<uint16_t>(header.fragment.host() & 0x4000));
  header.checksum = Be16(0);
  store(whole.data(), header);
  store(&whole[offsetof(Ipv4Header, checksum)], checksum_of(whole.data(), header.header_bytes()));
  return decode(Packet().ethernet_type({}, {}, kEtherTypeIpv4).raw(whole).bytes());
}
// The same of a whole packet, to compare with.
inline std::string whole(const Packet& packet) {
  return decode(Packet().ethernet_type({}, {}, kEtherTypeIpv4).raw(ip_of(packet)).bytes());
}

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_FRAGMENTS_H_
