// What a device with several receive queues is asked to spread packets by. Pure; any thread.
#ifndef POSTERN_DATAPLANE_RUN_RSS_H_
#define POSTERN_DATAPLANE_RUN_RSS_H_

#include <rte_ethdev.h>

#include <cstdint>

namespace postern {

// The fields (RTE_ETH_RSS_*) that packets are to be spread over `queues` receive queues by, of
// those that the device offers: addresses, and the ports of TCP and UDP, which for tunnels are the
// outer ones, whose source port stands for the inner flow (RFC 7348 5). 0: the device is not asked,
// it spreads as it likes, or there is nothing to spread. Any choice is right: whose a packet is
// follows from the packet (table/owner_map.h), a good one saves handovers.
constexpr uint64_t rss_fields(uint64_t offered, uint16_t queues) {
  constexpr uint64_t kWanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
  return queues > 1 ? offered & kWanted : 0;
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_RSS_H_
