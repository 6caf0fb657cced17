// Packets for golden tests: built by a chain from the outside in, compared as decoded text, so that
// a failure reads as a difference between two packets and not between two rows of hex.
//
//   Packet().ethernet(node_mac, gateway_mac).ipv4("10.0.0.1", "10.0.0.254").udp(50000, 4789)
//       .vxlan(100).ethernet(pod_mac, gateway_mac).ipv4("10.128.0.11", "203.0.113.5").udp(7, 53)
//       .payload("question")
#ifndef POSTERN_TEST_PACKET_PACKET_H_
#define POSTERN_TEST_PACKET_PACKET_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/wire/headers.h"

namespace postern::test {

using Bytes = std::vector<uint8_t>;

// Fields of an IPv4 header that a test may want to choose.
struct Ipv4Options {
  uint8_t ttl = 64;
  uint8_t tos = 0;
  bool dont_fragment = false;
  uint16_t fragment_offset = 0;  // in units of 8 bytes
  bool more_fragments = false;
  Bytes options = {};     // a multiple of four bytes
  uint8_t protocol = 47;  // where bytes follow that are no header
};

struct TcpOptions {
  uint8_t flags = 0;
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;
  uint16_t window = 65535;
  Bytes options = {};  // a multiple of four bytes
};

// Fields of a Geneve header that a test may want to choose.
struct GeneveFields {
  Bytes options = {};  // a multiple of four bytes
  uint8_t flags = 0;
  uint8_t version = 0;
  uint16_t protocol = GeneveHeader::kEthernet;
  uint8_t reserved = 0;  // the last byte
};

class Packet {
 public:
  Packet& ethernet(MacAddress source, MacAddress destination);
  // The same with a type of its own, whatever follows.
  Packet& ethernet_type(MacAddress source, MacAddress destination, uint16_t type);
  // A VLAN tag, behind ethernet().
  Packet& vlan(uint16_t id, uint8_t priority = 0);
  Packet& ipv4(std::string_view source, std::string_view destination, Ipv4Options options = {});
  Packet& udp(uint16_t source_port, uint16_t destination_port, bool checksum = true);
  Packet& tcp(uint16_t source_port, uint16_t destination_port, TcpOptions options);
  Packet& echo_request(uint16_t identifier, uint16_t sequence = 1);
  Packet& echo_reply(uint16_t identifier, uint16_t sequence = 1);
  // An ICMP error that quotes `quoted` (built from its IP header on) up to `limit` bytes; `mtu` for
  // fragmentation needed.
  Packet& icmp_error(uint8_t type, uint8_t code, const Packet& quoted, uint16_t mtu = 0,
                     size_t limit = 28);
  Packet& arp_request(MacAddress sender, std::string_view sender_ip, std::string_view target_ip);
  Packet& arp_reply(MacAddress sender, std::string_view sender_ip, MacAddress target,
                    std::string_view target_ip);
  Packet& vxlan(uint32_t vni, uint8_t flags = 0x08);
  Packet& geneve(uint32_t vni, const GeneveFields& fields = {});
  Packet& payload(std::string_view text);
  Packet& payload(size_t bytes);
  Packet& raw(Bytes bytes);

  // The finished bytes: lengths, EtherTypes, protocols and checksums follow from the chain.
  [[nodiscard]] Bytes bytes() const;

 private:
  struct Layer {
    enum class Kind { kEthernet, kVlan, kIpv4, kUdp, kTcp, kIcmp, kArp, kTunnel, kRaw };
    Kind kind;
    Bytes header;
    bool checksum = true;
  };
  Packet& icmp(uint8_t type, uint8_t code, uint16_t identifier, uint16_t sequence);

  std::vector<Layer> layers_;
};

// Every layer of a frame on a line of its own, with what is wrong about it. Looks into VXLAN on
// `vxlan_port`, into Geneve, and into the packets that ICMP errors quote.
std::string decode(const Bytes& frame, uint16_t vxlan_port = 4789);

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_PACKET_H_
