// Frames as text: one line a layer, every field that a test may care about, and what is wrong.
#include <cstdio>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/other_protocols.h"
#include "test/packet/packet.h"

namespace postern::test {
namespace {

constexpr uint16_t kGenevePort = 6081;

template <typename... Args>
std::string line(const char* format, Args... args) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, format, args...);
  return std::string(buffer) + "\n";
}

std::string hex(const uint8_t* at, size_t bytes) {
  std::string text;
  char digits[4];
  for (size_t i = 0; i < bytes; ++i) {
    std::snprintf(digits, sizeof digits, "%02x", at[i]);
    text += digits;
  }
  return text;
}

class Decoder {
 public:
  Decoder(const Bytes& frame, uint16_t vxlan_port) : frame_(frame), vxlan_port_(vxlan_port) {}

  std::string ethernet(size_t at) {
    if (!has(at, sizeof(EthernetHeader))) return "ethernet: cut short\n";
    const auto header = load<EthernetHeader>(&frame_[at]);
    std::string text = line("ethernet %s > %s type %04x", header.source.text().c_str(),
                            header.destination.text().c_str(), header.type.host());
    return text + typed(at + sizeof header, header.type.host());
  }

  // What follows a type, at `at`.
  std::string typed(size_t at, uint16_t type) {
    if (type == kEtherTypeIpv4) return ipv4(at, false);
    if (type == kEtherTypeArp) return arp(at);
    if (type != kEtherTypeVlan || !has(at, sizeof(VlanTag))) return rest(at);
    const uint16_t control = load<Be16>(&frame_[at]).host();
    const uint16_t inner = load<Be16>(&frame_[at + 2]).host();
    return line("vlan %u priority %u type %04x", control & 0xfff, control >> 13, inner) +
           typed(at + sizeof(VlanTag), inner);
  }

  std::string ipv4(size_t at, bool quoted) {
    if (!has(at, sizeof(Ipv4Header))) return "ipv4: cut short\n";
    const auto ip = load<Ipv4Header>(&frame_[at]);
    const bool good =
        has(at, ip.header_bytes()) && checksum_of(&frame_[at], ip.header_bytes()).raw() == 0;
    std::string text =
        line("%sipv4 %s > %s ttl %u tos %u flags %04x bytes %u protocol %u%s",
             quoted ? "quoted " : "", Ipv4Address::from(ip.source).text().c_str(),
             Ipv4Address::from(ip.destination).text().c_str(), ip.ttl, ip.tos, ip.fragment.host(),
             ip.total_bytes.host(), ip.protocol, good ? "" : " BAD CHECKSUM");
    if (ip.header_bytes() > sizeof ip && good) {
      text += "  options " + hex(&frame_[at + sizeof ip], ip.header_bytes() - sizeof ip) + "\n";
    }
    const size_t end = at + ip.total_bytes.host();
    if (!quoted && end != frame_.size()) {
      text += line("  FRAME HAS %zu BYTES, PACKET ENDS AT %zu", frame_.size(), end);
    }
    return text + transport(at + ip.header_bytes(), ip, quoted);
  }

 private:
  [[nodiscard]] bool has(size_t at, size_t bytes) const { return at + bytes <= frame_.size(); }

  std::string rest(size_t at) const {
    if (at >= frame_.size()) return "";
    const size_t shown = std::min<size_t>(frame_.size() - at, 32);
    return line("payload %zu bytes %s", frame_.size() - at, hex(&frame_[at], shown).c_str());
  }

  std::string arp(size_t at) const {
    if (!has(at, sizeof(ArpHeader))) return "arp: cut short\n";
    const auto arp = load<ArpHeader>(&frame_[at]);
    return line("arp %s sender %s %s target %s %s",
                arp.operation.host() == ArpHeader::kRequest ? "request" : "reply",
                arp.sender_mac.text().c_str(), Ipv4Address::from(arp.sender_ip).text().c_str(),
                arp.target_mac.text().c_str(), Ipv4Address::from(arp.target_ip).text().c_str());
  }

  // Right, absent, or wrong; a quoted packet is mostly cut, which nobody can judge.
  std::string judge(size_t at, const Ipv4Header& ip, bool quoted, Be16 checksum) const {
    const size_t bytes = ip.total_bytes.host() - ip.header_bytes();
    if (ip.protocol == kProtocolUdp && checksum.raw() == 0) return " no checksum";
    if (!has(at, bytes)) return quoted ? "" : " CUT SHORT";
    const uint64_t pseudo = ip.protocol == kProtocolIcmp
                                ? 0
                                : pseudo_header_sum(ip.source, ip.destination, ip.protocol,
                                                    static_cast<uint16_t>(bytes));
    return checksum_of(&frame_[at], bytes, pseudo).raw() == 0 ? "" : " BAD CHECKSUM";
  }

  std::string transport(size_t at, const Ipv4Header& ip, bool quoted) {
    if (ip.protocol == kProtocolUdp && has(at, sizeof(UdpHeader))) return udp(at, ip, quoted);
    if (ip.protocol == kProtocolTcp && has(at, sizeof(TcpHeader))) return tcp(at, ip, quoted);
    if (ip.protocol == kProtocolIcmp && has(at, sizeof(IcmpHeader))) return icmp(at, ip, quoted);
    if (covers_addresses(ip.protocol) && has(at, 8)) return covering(at, ip, quoted);
    if (has(at, 8) && quoted) {
      return line("  ports %u > %u", load<Be16>(&frame_[at]).host(),
                  load<Be16>(&frame_[at + 2]).host());
    }
    return rest(at);
  }

  std::string udp(size_t at, const Ipv4Header& ip, bool quoted) {
    const auto udp = load<UdpHeader>(&frame_[at]);
    std::string text =
        line("udp %u > %u bytes %u%s", udp.source_port.host(), udp.destination_port.host(),
             udp.bytes.host(), judge(at, ip, quoted, udp.checksum).c_str());
    at += sizeof udp;
    if (quoted || !has(at, sizeof(VxlanHeader))) return text + rest(at);
    if (udp.destination_port.host() == kGenevePort) return text + geneve(at);
    if (udp.destination_port.host() != vxlan_port_) return text + rest(at);
    const auto vxlan = load<VxlanHeader>(&frame_[at]);
    text +=
        line("vxlan flags %02x vni %u reserved %02x%02x%02x %02x", vxlan.flags, vxlan.vni_host(),
             vxlan.reserved[0], vxlan.reserved[1], vxlan.reserved[2], vxlan.vni.host() & 0xff);
    return text + ethernet(at + sizeof vxlan);
  }

  std::string geneve(size_t at) {
    const auto header = load<GeneveHeader>(&frame_[at]);
    std::string text =
        line("geneve version %u flags %02x protocol %04x vni %u reserved %02x", header.version(),
             header.flags, header.protocol.host(), header.vni_host(), header.vni.host() & 0xff);
    at += sizeof header;
    if (header.option_bytes() > 0 && has(at, header.option_bytes())) {
      text += "  options " + hex(&frame_[at], header.option_bytes()) + "\n";
    }
    return text + ethernet(at + header.option_bytes());
  }

  // UDP-Lite and DCCP.
  std::string covering(size_t at, const Ipv4Header& ip, bool quoted) const {
    const auto checksum = load<Be16>(&frame_[at + kCoveringChecksumOffset]);
    return line("ports %u > %u%s", load<Be16>(&frame_[at]).host(),
                load<Be16>(&frame_[at + 2]).host(), judge(at, ip, quoted, checksum).c_str()) +
           rest(at + 8);
  }

  std::string tcp(size_t at, const Ipv4Header& ip, bool quoted) const {
    const auto tcp = load<TcpHeader>(&frame_[at]);
    std::string text = line("tcp %u > %u flags %02x sequence %u acknowledgement %u window %u%s",
                            tcp.source_port.host(), tcp.destination_port.host(), tcp.flags,
                            tcp.sequence.host(), tcp.acknowledgement.host(), tcp.window.host(),
                            judge(at, ip, quoted, tcp.checksum).c_str());
    if (tcp.header_bytes() > sizeof tcp && has(at, tcp.header_bytes())) {
      text += "  options " + hex(&frame_[at + sizeof tcp], tcp.header_bytes() - sizeof tcp) + "\n";
    }
    return text + rest(at + tcp.header_bytes());
  }

  std::string icmp(size_t at, const Ipv4Header& ip, bool quoted) {
    const auto icmp = load<IcmpHeader>(&frame_[at]);
    std::string text = line("icmp type %u code %u identifier %u sequence %u%s", icmp.type,
                            icmp.code, icmp.identifier.host(), icmp.sequence.host(),
                            judge(at, ip, quoted, icmp.checksum).c_str());
    const bool is_error =
        icmp.type != IcmpHeader::kEchoReply && icmp.type != IcmpHeader::kEchoRequest;
    if (is_error && !quoted) return text + ipv4(at + sizeof icmp, true);
    return text + rest(at + sizeof icmp);
  }

  const Bytes& frame_;
  uint16_t vxlan_port_;
};

}  // namespace

std::string decode(const Bytes& frame, uint16_t vxlan_port) {
  return Decoder(frame, vxlan_port).ethernet(0);
}

}  // namespace postern::test
