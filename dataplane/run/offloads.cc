#include "dataplane/run/offloads.h"

#include <rte_ethdev.h>

namespace postern {

Offloads choose_offloads(const Device& device, const Offloads& offered, bool has_vlan) {
  constexpr uint64_t kSums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
                             RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM;
  Offloads wanted{.transmit = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE};
  if (device.driver != "net_tap" && device.driver != "net_vhost") wanted.receive |= kSums;
  if (has_vlan) {
    wanted.receive |= RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
    wanted.transmit |= RTE_ETH_TX_OFFLOAD_VLAN_INSERT;
  }
  return {wanted.receive & offered.receive, wanted.transmit & offered.transmit};
}

bool puts_tags_on(const Offloads& chosen) {
  return (chosen.transmit & RTE_ETH_TX_OFFLOAD_VLAN_INSERT) != 0;
}

bool judges_sums(const Offloads& chosen) {
  return (chosen.receive & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
}

}  // namespace postern
