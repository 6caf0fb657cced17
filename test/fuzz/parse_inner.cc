// Fuzzes what a pod or an outside host sends: any bytes as the IP packet inside a node's tunnel, or
// on the uplink, with right addresses and checksums put in where the first byte says so, so that
// the deeper stages are reached.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "dataplane/wire/checksum.h"
#include "test/fuzz/invariants.h"

namespace {

using namespace postern;
using namespace postern::test;

// Bits of the first byte.
constexpr uint8_t kUplink = 1;
constexpr uint8_t kMendAddresses = 2;
constexpr uint8_t kMendChecksum = 4;
constexpr uint8_t kMendVersion = 8;
constexpr uint8_t kMendLength = 16;
constexpr uint8_t kMendErrorChecksum = 32;

void mend(uint8_t how, Bytes& packet) {
  if (packet.size() < sizeof(Ipv4Header)) return;
  auto ip = load<Ipv4Header>(packet.data());
  if ((how & kMendVersion) != 0) ip.version_ihl = 0x45;
  if ((how & kMendLength) != 0) ip.total_bytes = Be16(static_cast<uint16_t>(packet.size()));
  if ((how & kMendAddresses) != 0) {
    const bool uplink = (how & kUplink) != 0;
    ip.source = Ipv4Address::parse(uplink ? kServer : kPod)->wire();
    ip.destination = Ipv4Address::parse(uplink ? kPodAddress : kServer)->wire();
  }
  store(packet.data(), ip);
  const size_t header_bytes = ip.header_bytes();
  if (header_bytes < sizeof ip || header_bytes > packet.size()) return;
  if ((how & kMendErrorChecksum) != 0 && packet.size() >= header_bytes + sizeof(IcmpHeader)) {
    uint8_t* at = packet.data() + header_bytes;
    store(at + offsetof(IcmpHeader, checksum), Be16(0));
    store(at + offsetof(IcmpHeader, checksum), checksum_of(at, packet.size() - header_bytes));
  }
  if ((how & kMendChecksum) != 0) {
    store(&packet[offsetof(Ipv4Header, checksum)], Be16(0));
    store(&packet[offsetof(Ipv4Header, checksum)], checksum_of(packet.data(), header_bytes));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 1600) return 0;
  static FuzzedGateway fuzzed;
  Bytes packet(data + 1, data + size);
  mend(data[0], packet);
  if ((data[0] & kUplink) != 0) {
    fuzzed.receive("uplink", Packet()
                                 .ethernet_type(kRouterMac, Gateway::kUplinkMac, kEtherTypeIpv4)
                                 .raw(std::move(packet)));
  } else {
    fuzzed.receive("underlay", Packet()
                                   .ethernet(kNode1Mac, Gateway::kClusterMac)
                                   .ipv4("10.0.0.1", "10.0.0.254")
                                   .udp(50000, 4789, false)
                                   .vxlan(100)
                                   .ethernet_type(kNode1InnerMac, kInnerMac, kEtherTypeIpv4)
                                   .raw(std::move(packet)));
  }
  return 0;
}
