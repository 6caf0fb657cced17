#include "dataplane/run/mbuf_pool.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

namespace postern {
namespace {

// Buffers that each thread keeps at hand: four bursts of 64. From 64 to 512 a buffer costs the
// same, without any a tenth more (bench/structure_bench).
constexpr unsigned kCacheBuffers = 256;

}  // namespace

Outcome<MbufPool> MbufPool::create(const std::string& name, uint32_t buffers,
                                   uint32_t frame_room_bytes) {
  const uint32_t room = frame_room_bytes + RTE_PKTMBUF_HEADROOM;
  if (room > UINT16_MAX) {
    return Complaint{"packet buffers of " + std::to_string(frame_room_bytes) + " bytes are too big",
                     "lower the ports' mtu"};
  }
  const unsigned cache = buffers >= 4 * kCacheBuffers ? kCacheBuffers : 0;
  rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), buffers, cache, 0,
                                              static_cast<uint16_t>(room), SOCKET_ID_ANY);
  if (pool == nullptr) {
    const uint64_t bytes = uint64_t{buffers} * (sizeof(rte_mbuf) + room + RTE_CACHE_LINE_SIZE);
    return Complaint{"no memory for " + std::to_string(buffers) + " packet buffers (" +
                         std::to_string((bytes >> 20) + 1) + " MiB): " + rte_strerror(rte_errno),
                     "raise eal.memory_mb"};
  }
  return MbufPool(pool);
}

void MbufPool::Free::operator()(rte_mempool* pool) const { rte_mempool_free(pool); }

uint32_t MbufPool::buffers() const { return pool_->size; }

uint32_t MbufPool::frame_room_bytes() const {
  return rte_pktmbuf_data_room_size(pool_.get()) - uint32_t{RTE_PKTMBUF_HEADROOM};
}

uint32_t MbufPool::in_use() const { return rte_mempool_in_use_count(pool_.get()); }

}  // namespace postern
