// The pool that every packet buffer of the gateway comes from: all ports receive into it and the
// control thread takes its frames from it, so that any buffer may leave by any port.
//
// Created and freed by the control thread, after Eal::start() and before it ends; workers and the
// control thread allocate and free (rte_pktmbuf_alloc, rte_pktmbuf_free).
#ifndef POSTERN_DATAPLANE_RUN_MBUF_POOL_H_
#define POSTERN_DATAPLANE_RUN_MBUF_POOL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/run/complaint.h"

struct rte_mempool;

namespace postern {

class MbufPool {
 public:
  // `buffers` of `frame_room_bytes` each behind the usual headroom of 128 bytes. Complains where
  // EAL's memory does not hold them.
  static Outcome<MbufPool> create(const std::string& name, uint32_t buffers,
                                  uint32_t frame_room_bytes);

  [[nodiscard]] rte_mempool* get() const { return pool_.get(); }
  [[nodiscard]] uint32_t buffers() const;
  [[nodiscard]] uint32_t frame_room_bytes() const;
  // Buffers that somebody holds: rings of the devices, workers' caches count as free. A walk over
  // the caches: for `mbuf.in_use`, not for the packet path.
  [[nodiscard]] uint32_t in_use() const;

 private:
  struct Free {
    void operator()(rte_mempool* pool) const;
  };
  explicit MbufPool(rte_mempool* pool) : pool_(pool) {}
  std::unique_ptr<rte_mempool, Free> pool_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_MBUF_POOL_H_
