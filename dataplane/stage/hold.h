// Hold: packets that wait for their next hop's MAC address.
//
// A finished frame that lacks only its destination MAC waits here, in all and per neighbour
// bounded, until the neighbour's word says reachable (it leaves), failed, or its time is over (it
// is dropped). The control thread resolves; the worker looks while anything waits. What a session
// sent leaves only if the session still stands: a change may have been answered meanwhile.
// Owned by one worker.
#ifndef POSTERN_DATAPLANE_STAGE_HOLD_H_
#define POSTERN_DATAPLANE_STAGE_HOLD_H_

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/doors.h"
#include "dataplane/packet/now.h"
#include "dataplane/table/sessions.h"
#include "dataplane/table/snapshot.h"

namespace postern {

class HoldQueue {
 public:
  static constexpr uint32_t kFrames = 512;  // in all
  static constexpr uint32_t kFramesPerNeighbour = 64;
  static constexpr uint32_t kPatience_ms = 4000;  // three ARP requests a second apart, and air

  HoldQueue() : waiting_(std::make_unique<Waiting[]>(kFrames)) {}

  // Takes a frame for `key`, or drops it as neighbour-unresolved when there is no room. `slot` is
  // kNoNeighbour while the address has none.
  void hold(rte_mbuf* frame, NeighbourKey key, NeighbourSlot slot, const PacketMeta& meta, Now now,
            Doors& doors);

  // Lets go what can go now, at most `budget` frames. Looks at all that wait: once a millisecond
  // is enough.
  void release(const Snapshot& snapshot, Sessions& sessions, Now now, uint32_t budget,
               Doors& doors);
  // Drops everything as `reason`, when the worker stops.
  void drop_all(Reason reason, Doors& doors);
  [[nodiscard]] bool empty() const { return waiting_count_ == 0; }
  // An on-link address without a slot that a frame waits for; false when all were told. The
  // worker hands them to the control thread.
  bool next_request(NeighbourKey& key);

 private:
  struct Waiting {
    rte_mbuf* frame;
    NeighbourKey key;
    NeighbourSlot slot;
    uint8_t bucket;
    uint64_t until_ms;
    PacketMeta meta;
  };
  // A bound per neighbour needs no exact count: neighbours that share a bucket share the bound.
  static uint8_t bucket_of(NeighbourKey key, NeighbourSlot slot) {
    return static_cast<uint8_t>(slot == kNoNeighbour ? key.address.value : slot);
  }

  [[nodiscard]] std::span<Waiting> held() { return {waiting_.get(), waiting_count_}; }

  std::unique_ptr<Waiting[]> waiting_;  // kFrames, the first waiting_count_ in order of arrival
  uint32_t waiting_count_ = 0;
  std::array<uint8_t, 256> counts_{};
  static constexpr uint32_t kRequests = 64;
  std::array<NeighbourKey, kRequests> requests_{};
  uint32_t request_count_ = 0;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_HOLD_H_
