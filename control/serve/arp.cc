#include "control/serve/arp.h"

#include <cstring>

namespace postern {
namespace {

constexpr uint16_t kHardwareEthernet = 1;

struct Frame {
  EthernetHeader ethernet;
  ArpHeader arp;
};
static_assert(sizeof(Frame) == 42);

}  // namespace

ArpFrame arp_request(MacAddress sender_mac, Ipv4Address sender, Ipv4Address target,
                     MacAddress destination) {
  const Frame frame{
      .ethernet = {.destination = destination, .source = sender_mac, .type = Be16(kEtherTypeArp)},
      .arp = {.hardware = Be16(kHardwareEthernet),
              .protocol = Be16(kEtherTypeIpv4),
              .hardware_bytes = 6,
              .protocol_bytes = 4,
              .operation = Be16(ArpHeader::kRequest),
              .sender_mac = sender_mac,
              .sender_ip = sender.wire(),
              .target_mac = {},
              .target_ip = target.wire()}};
  ArpFrame bytes{};
  std::memcpy(bytes.data(), &frame, sizeof frame);
  return bytes;
}

ArpFrame arp_announcement(MacAddress mac, Ipv4Address address) {
  return arp_request(mac, address, address);
}

}  // namespace postern
