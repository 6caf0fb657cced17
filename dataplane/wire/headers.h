// Header layouts as they lie on the wire. Trivial structs of alignment 1; lengths come from
// accessors in bytes. Nothing here checks anything: packet/parse does, once.
#ifndef POSTERN_DATAPLANE_WIRE_HEADERS_H_
#define POSTERN_DATAPLANE_WIRE_HEADERS_H_

#include <cstdint>

#include "dataplane/wire/address.h"
#include "dataplane/wire/bytes.h"

namespace postern {

// EtherTypes (IEEE 802, RFC 894, RFC 826).
inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;  // a VlanTag follows
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;

// IP protocol numbers.
inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  Be16 type;
};
static_assert(sizeof(EthernetHeader) == 14);

// IEEE 802.1Q 9.6: lies between the source address and the type that the frame had without it.
struct VlanTag {
  static constexpr uint16_t kIdMask = 0x0fff;
  static constexpr uint32_t kOffset = 12;  // in a frame
  Be16 type;                               // kEtherTypeVlan
  Be16 control;                            // priority (3 bits), drop eligible, VLAN id (12 bits)
};
static_assert(sizeof(VlanTag) == 4);

// RFC 826, for Ethernet and IPv4 only.
struct ArpHeader {
  static constexpr uint16_t kRequest = 1;
  static constexpr uint16_t kReply = 2;
  Be16 hardware;           // 1
  Be16 protocol;           // kEtherTypeIpv4
  uint8_t hardware_bytes;  // 6
  uint8_t protocol_bytes;  // 4
  Be16 operation;
  MacAddress sender_mac;
  Be32 sender_ip;
  MacAddress target_mac;
  Be32 target_ip;
};
static_assert(sizeof(ArpHeader) == 28);

// RFC 791.
struct Ipv4Header {
  static constexpr uint16_t kDontFragment = 0x4000;
  static constexpr uint16_t kMoreFragments = 0x2000;
  static constexpr uint16_t kFragmentOffsetMask = 0x1fff;

  uint8_t version_ihl;
  uint8_t tos;
  Be16 total_bytes;
  Be16 id;
  Be16 fragment;  // flags and offset
  uint8_t ttl;
  uint8_t protocol;
  Be16 checksum;
  Be32 source;
  Be32 destination;

  [[nodiscard]] uint8_t version() const { return version_ihl >> 4; }
  [[nodiscard]] uint32_t header_bytes() const { return (version_ihl & 15u) * 4u; }
  [[nodiscard]] bool is_fragment() const {
    return (fragment.host() & (kMoreFragments | kFragmentOffsetMask)) != 0;
  }
  [[nodiscard]] uint32_t fragment_offset_bytes() const {
    return (fragment.host() & kFragmentOffsetMask) * 8u;
  }
  [[nodiscard]] bool more_fragments() const { return (fragment.host() & kMoreFragments) != 0; }
  [[nodiscard]] bool dont_fragment() const { return (fragment.host() & kDontFragment) != 0; }
};
static_assert(sizeof(Ipv4Header) == 20);

// RFC 768.
struct UdpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be16 bytes;  // header and payload
  Be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

// RFC 9293.
struct TcpHeader {
  static constexpr uint8_t kFin = 0x01;
  static constexpr uint8_t kSyn = 0x02;
  static constexpr uint8_t kRst = 0x04;
  static constexpr uint8_t kPsh = 0x08;
  static constexpr uint8_t kAck = 0x10;
  static constexpr uint8_t kUrg = 0x20;

  Be16 source_port;
  Be16 destination_port;
  Be32 sequence;
  Be32 acknowledgement;
  uint8_t offset;  // high nibble: header length in 32-bit words
  uint8_t flags;
  Be16 window;
  Be16 checksum;
  Be16 urgent;

  [[nodiscard]] uint32_t header_bytes() const { return (offset >> 4) * 4u; }
};
static_assert(sizeof(TcpHeader) == 20);

// RFC 792. For echo `word` is identifier and sequence, for errors it is unused or the next-hop MTU.
struct IcmpHeader {
  static constexpr uint8_t kEchoReply = 0;
  static constexpr uint8_t kUnreachable = 3;
  static constexpr uint8_t kEchoRequest = 8;
  static constexpr uint8_t kTimeExceeded = 11;
  static constexpr uint8_t kParameterProblem = 12;
  static constexpr uint8_t kCodeFragmentationNeeded = 4;  // of kUnreachable

  uint8_t type;
  uint8_t code;
  Be16 checksum;
  Be16 identifier;
  Be16 sequence;  // for kCodeFragmentationNeeded: the next-hop MTU (RFC 1191)
};
static_assert(sizeof(IcmpHeader) == 8);

// RFC 7348.
struct VxlanHeader {
  static constexpr uint8_t kVniValid = 0x08;  // the I flag
  uint8_t flags;
  uint8_t reserved[3];
  Be32 vni;  // in the high 24 bits; the others are reserved

  [[nodiscard]] uint32_t vni_host() const { return vni.host() >> 8; }
  void set_vni(uint32_t value) { vni = Be32(value << 8); }
};
static_assert(sizeof(VxlanHeader) == 8);

// RFC 8926 3.4. Options follow, and behind them what `protocol` says.
struct GeneveHeader {
  static constexpr uint8_t kControl =
      0x80;  // the O bit: for the tunnel's ends, not to be forwarded
  static constexpr uint8_t kCritical = 0x40;     // the C bit: some option is critical
  static constexpr uint16_t kEthernet = 0x6558;  // an Ethernet frame inside

  uint8_t version_length;  // version, and the options' length in units of four bytes
  uint8_t flags;
  Be16 protocol;
  Be32 vni;  // in the high 24 bits; the others are reserved

  [[nodiscard]] uint8_t version() const { return version_length >> 6; }
  [[nodiscard]] uint32_t option_bytes() const { return (version_length & 0x3fu) * 4u; }
  [[nodiscard]] uint32_t vni_host() const { return vni.host() >> 8; }
  void set_vni(uint32_t value) { vni = Be32(value << 8); }
};
static_assert(sizeof(GeneveHeader) == 8);
static_assert(offsetof(GeneveHeader, vni) == offsetof(VxlanHeader, vni));

// RFC 8926 3.5.
struct GeneveOption {
  static constexpr uint8_t kCritical = 0x80;     // in `type`
  static constexpr uint16_t kClassOvn = 0x0102;  // Open Virtual Networking (IANA)

  Be16 option_class;
  uint8_t type;
  uint8_t length;  // of the data, in units of four bytes; the three high bits are reserved

  [[nodiscard]] bool is_critical() const { return (type & kCritical) != 0; }
  [[nodiscard]] uint32_t bytes() const { return sizeof(GeneveOption) + (length & 0x1fu) * 4u; }
};
static_assert(sizeof(GeneveOption) == 4);

inline constexpr uint32_t kMaxGeneveOptionBytes = 252;

// Outer headers of a tunnel frame over IPv4, in walking order: exactly 64 bytes with the inner
// Ethernet header, so an encapsulation is one template and a few patched fields. Geneve's options
// lie before the inner Ethernet header.
struct TunnelEncapsulation {
  EthernetHeader outer_ethernet;
  Ipv4Header outer_ip;
  UdpHeader udp;
  union {
    VxlanHeader vxlan;
    GeneveHeader geneve;
  };
  EthernetHeader inner_ethernet;
};
static_assert(sizeof(TunnelEncapsulation) == 64);

// What a tunnel over IPv4 adds to an inner IP packet, in IP bytes (20 + 8 + 8 + 14), Geneve's
// options apart.
inline constexpr uint32_t kTunnelIpv4OverheadBytes = 50;

}  // namespace postern

#endif  // POSTERN_DATAPLANE_WIRE_HEADERS_H_
