// Hold: packets that wait for their next hop's MAC address.
//
// A finished frame that lacks only its destination MAC waits here until the neighbour's word says
// reachable (it leaves), failed, or its time is over (it is dropped). The control thread resolves;
// the worker looks while anything waits. What a session sent leaves only if the session still
// stands: a change may have been answered meanwhile.
//
// Nobody's waiting frames keep out those of others, so there is a bound for each:
//
//   in all                   512   and of those for on-link addresses, which pods choose, 256: a
//                                  scan of the link leaves next hops of the configuration theirs
//   a neighbour               64   one burst; six initial windows of ten segments (RFC 6928)
//   a pod, to on-link ones    64   a scan by one pod leaves other pods theirs
//
// An address that nobody has is asked for 2.4 s, so the bound of on-link frames is a bound for
// questions, too: some 107 new addresses a second, whatever pods send. Owned by one worker.
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
  // The bounds above.
  static constexpr uint32_t kFrames = 512;
  static constexpr uint32_t kFramesOnLink = 256;
  static constexpr uint32_t kFramesPerNeighbour = 64;
  static constexpr uint32_t kFramesOnLinkPerPod = 64;
  static constexpr uint32_t kPatience_ms = 4000;  // three ARP requests a second apart, and air

  HoldQueue()
      : waiting_(std::make_unique<Waiting[]>(kFrames)),
        tallies_(std::make_unique<Tally[]>(kTallies)) {}

  // Takes a frame for `key`, or drops it as neighbour-unresolved when there is no room. `slot` is
  // kNoNeighbour while the address has none.
  void hold(rte_mbuf* frame, NeighbourKey key, NeighbourSlot slot, const PacketMeta& meta, Now now,
            Doors& doors);

  // Whether hold() would take the frame.
  [[nodiscard]] bool has_room(NeighbourKey key, NeighbourSlot slot, const PacketMeta& meta);

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
    uint64_t until_ms;
    PacketMeta meta;
  };
  // How many frames wait for a neighbour, or of a pod. Found by open addressing; made anew when
  // frames leave, so nothing is ever taken out.
  struct Tally {
    uint64_t whose = 0;  // 0: free
    uint32_t frames = 0;
  };
  static constexpr uint32_t kTallies = 4 * kFrames;  // at most half of them are used

  // Slots below are those of the configuration's next hops.
  static bool is_on_link(NeighbourSlot slot) { return slot >= kMaxNextHops; }
  void count(const Waiting& frame);
  void count_anew();
  Tally& tally_of(uint64_t whose);
  [[nodiscard]] std::span<Waiting> held() { return {waiting_.get(), waiting_count_}; }

  std::unique_ptr<Waiting[]> waiting_;  // kFrames, the first waiting_count_ in order of arrival
  uint32_t waiting_count_ = 0;
  uint32_t on_link_count_ = 0;
  std::unique_ptr<Tally[]> tallies_;
  // A bound of memory: who is left out asks again with its next packet.
  static constexpr uint32_t kRequests = 64;
  std::array<NeighbourKey, kRequests> requests_{};
  uint32_t request_count_ = 0;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_HOLD_H_
