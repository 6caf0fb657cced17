// Which ARP messages the control thread is told of. It keeps only neighbours that it asked for, and
// needs to hear of each now and then; so a storm, of strangers or of one neighbour, must not fill
// the ring that others' news and questions come by.
//
//   a stranger's                              never
//   a neighbour's first within 100 ms         always: it lives
//   the MAC address that the table has        not again
//   anything else (an answer, another MAC)    so many in that time
//
// Owned by one worker.
#ifndef POSTERN_DATAPLANE_RUN_HEARD_FILTER_H_
#define POSTERN_DATAPLANE_RUN_HEARD_FILTER_H_

#include <array>
#include <cstdint>

#include "dataplane/packet/now.h"
#include "dataplane/table/neighbour.h"

namespace postern {

class HeardFilter {
 public:
  static constexpr uint64_t kWindow_ms = 100;  // the shortest patience for an answer
  // A bound: eighty a second of one neighbour that contradicts itself.
  static constexpr uint32_t kNewsPerWindow = 8;

  // Whether to tell of it; a message that passes counts as told.
  [[nodiscard]] bool passes(const NeighbourTable& neighbours, NeighbourKey key,
                            const MacAddress& mac, Now now) {
    const NeighbourSlot slot = neighbours.find(key);
    if (slot == kNoNeighbour) return false;
    Told& told = told_[slot % kRemembered];
    if (told.slot != slot || now.ms - told.since_ms >= kWindow_ms) {
      told = {slot, 1, now.ms};
      return true;
    }
    if (NeighbourTable::is_reachable_at(neighbours.word(slot), mac)) return false;
    if (told.messages == kNewsPerWindow) return false;
    ++told.messages;
    return true;
  }

 private:
  // Neighbours that share a place and take turns are told of more often, no less. A bound of
  // memory.
  static constexpr uint32_t kRemembered = 1024;

  struct Told {
    NeighbourSlot slot = kNoNeighbour;
    uint32_t messages = 0;  // since then
    uint64_t since_ms = 0;
  };

  std::array<Told, kRemembered> told_{};
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_HEARD_FILTER_H_
