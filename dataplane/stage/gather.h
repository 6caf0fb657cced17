// Gather: whose are these fragments?
//
// Asks the fragment table for the ports of each fragment's datagram, so that all later stages find
// its session as they find any packet's. Early ones wait here, frame and all, until the first of
// their datagram comes, and are then walked in bursts of their own. Outbound fragments of sources
// that are nobody's never get that far: only pods that may use the gateway use its memory.
//
// Owned by one worker, like the table.
#ifndef POSTERN_DATAPLANE_STAGE_GATHER_H_
#define POSTERN_DATAPLANE_STAGE_GATHER_H_

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <memory>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/counters.h"
#include "dataplane/packet/direction.h"
#include "dataplane/packet/doors.h"
#include "dataplane/packet/now.h"
#include "dataplane/stage/track.h"
#include "dataplane/table/fragment_table.h"
#include "dataplane/table/snapshot.h"

namespace postern {

class FragmentGatherer {
 public:
  // Of one of so many workers, each of which has its share of what fragments may cost. Both
  // references outlive it.
  FragmentGatherer(FragmentTable& table, Counters& counters, uint32_t workers = 1)
      : table_(table),
        counters_(counters),
        workers_(workers),
        early_(std::make_unique<Early[]>(table.early_slots())),
        woken_{{Woken(table.early_slots()), Woken(table.early_slots())}} {}

  // Packets `in` are fragments that came that way. Those that may go on are pushed to `ready`, with
  // the ports of their datagram in their metadata; some are kept.
  void gather(const Snapshot& snapshot, Burst& burst, const IndexList& in, Direction direction,
              Now now, IndexList& ready, Refusals& refusals, Doors& doors);

  // Whether kept fragments may go on now, of that direction or any.
  [[nodiscard]] bool has_woken(Direction direction) const { return woken(direction).size != 0; }
  [[nodiscard]] bool has_woken() const {
    return has_woken(Direction::kOutbound) || has_woken(Direction::kInbound);
  }
  // Fills an empty burst with them, at most kBurst.
  void wake(Direction direction, Burst& burst, Doors& doors);

  // Drops those whose time is over, of at most `budget` datagrams.
  void expire(const Snapshot& snapshot, Now now, uint32_t budget, Doors& doors);
  // Drops everything as `reason`, when the worker stops.
  void drop_all(Reason reason, Doors& doors);

 private:
  struct Early {
    PacketMeta meta;
    rte_mbuf* frame = nullptr;
  };
  // A queue of slots; there is never more in it than there are slots.
  struct Woken {
    explicit Woken(uint32_t slots) : room(slots), slot(std::make_unique<EarlySlot[]>(slots)) {}
    void push(EarlySlot which) {
      slot[(first + size) % room] = which;
      ++size;
    }
    EarlySlot pop() {
      const EarlySlot which = slot[first];
      first = (first + 1) % room;
      --size;
      return which;
    }
    uint32_t room;
    std::unique_ptr<EarlySlot[]> slot;
    uint32_t first = 0;
    uint32_t size = 0;
  };

  [[nodiscard]] const Woken& woken(Direction direction) const {
    return woken_[static_cast<size_t>(direction)];
  }
  [[nodiscard]] FragmentLimits share_of(FragmentLimits limits) const;
  void keep(const Burst& burst, uint32_t i, EarlySlot slot, Doors& doors);
  void wake_later(EarlySlot chain, const FirstFragment& first, Direction direction);
  void drop_chain(EarlySlot chain, Reason reason, Doors& doors);
  Early give_back(EarlySlot slot, Doors& doors);

  FragmentTable& table_;
  Counters& counters_;
  uint32_t workers_;
  std::unique_ptr<Early[]> early_;  // by EarlySlot
  std::array<Woken, 2> woken_;      // by Direction
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_GATHER_H_
