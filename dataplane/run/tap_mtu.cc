#include "dataplane/run/tap_mtu.h"

#include <rte_ethdev.h>
#include <rte_memzone.h>
#include <rte_version.h>

#include <string_view>

namespace postern {
namespace {

// Where the driver's transmit queue begins in DPDK 22.11 (drivers/net/tap/rte_eth_tap.h): `mtu`
// points at the port's MTU in ethdev's memory. Before it is used, it is held against that memory
// and the value that ethdev itself gives.
struct TransmitQueue {
  int type;
  uint16_t* mtu;
};

uint16_t mtu_of(uint16_t port_id) {
  uint16_t mtu_bytes = 0;
  return rte_eth_dev_get_mtu(port_id, &mtu_bytes) == 0 ? mtu_bytes : uint16_t{0};
}

// The port's MTU in ethdev's memory, or null where what is there is not what is expected.
uint16_t* find_mtu(uint16_t port_id) {
  if (!std::string_view(rte_version()).starts_with("DPDK 22.11")) return nullptr;
  const rte_memzone* const zone = rte_memzone_lookup("rte_eth_dev_data");
  void* const* const queues = rte_eth_fp_ops[port_id].txq.data;
  if (zone == nullptr || queues == nullptr || queues[0] == nullptr) return nullptr;
  uint16_t* const mtu = static_cast<const TransmitQueue*>(queues[0])->mtu;
  const uintptr_t start = zone->addr_64;
  const auto at = reinterpret_cast<uintptr_t>(mtu);
  const bool inside = at >= start && at + sizeof(*mtu) <= start + zone->len;
  return inside && at % sizeof(*mtu) == 0 && *mtu == mtu_of(port_id) ? mtu : nullptr;
}

}  // namespace

bool raise_tap_mtu(uint16_t port_id, uint16_t mtu_bytes) {
  uint16_t* const mtu = find_mtu(port_id);
  if (mtu == nullptr) return false;
  const uint16_t before = *mtu;
  *mtu = mtu_bytes;
  if (mtu_of(port_id) == mtu_bytes) return true;
  *mtu = before;
  return false;
}

}  // namespace postern
