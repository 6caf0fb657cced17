// Ports on hold, oldest first: chains through the held entries themselves.
//
// A held entry needs neither TCP fields nor counters, so the links lie there (offset 32). Two
// chains run through it: all held entries of the table (who gives way when no entry is free), and,
// where the remote is a scarce one (scarce_remotes.h), those of its remote.
// Used by the worker that owns the table.
#ifndef POSTERN_DATAPLANE_TABLE_HELD_CHAIN_H_
#define POSTERN_DATAPLANE_TABLE_HELD_CHAIN_H_

#include <cstddef>
#include <cstdint>

#include "dataplane/packet/now.h"
#include "dataplane/table/session_entry.h"

namespace postern {

inline constexpr uint32_t kNoLink = ~uint32_t{0};
// A held port is taken back by a new session of its remote after this time (nat.md M6).
inline constexpr uint32_t kHoldAtLeast_ms = 1000;

struct HeldLinks {
  struct Neighbours {
    uint32_t older;
    uint32_t newer;
  };
  uint32_t ended_ms;  // low 32 bits
  Neighbours in_table;
  Neighbours of_remote;
};

// The links of a held entry.
[[nodiscard]] inline HeldLinks& held_links(SessionEntry& entry) {
  static_assert(offsetof(SessionEntry, outbound_sequence_end) == 32 && sizeof(HeldLinks) <= 28);
  return reinterpret_cast<HeldLinks&>(entry.outbound_sequence_end);
}
[[nodiscard]] inline uint32_t held_for_ms(SessionEntry& entry, Now now) {
  return static_cast<uint32_t>(now.ms) - held_links(entry).ended_ms;
}

// Ends of one chain; `kPlace` says through which neighbours it runs.
template <HeldLinks::Neighbours HeldLinks::*kPlace>
class HeldChain {
 public:
  [[nodiscard]] uint32_t oldest() const { return oldest_; }
  [[nodiscard]] bool empty() const { return oldest_ == kNoLink; }

  void push_newest(SessionEntry* entries, uint32_t handle) {
    at(entries, handle) = {.older = newest_, .newer = kNoLink};
    (newest_ == kNoLink ? oldest_ : at(entries, newest_).newer) = handle;
    newest_ = handle;
  }
  void remove(SessionEntry* entries, uint32_t handle) {
    const HeldLinks::Neighbours links = at(entries, handle);
    (links.older == kNoLink ? oldest_ : at(entries, links.older).newer) = links.newer;
    (links.newer == kNoLink ? newest_ : at(entries, links.newer).older) = links.older;
  }
  // All of `newer` behind all of this.
  void append(SessionEntry* entries, const HeldChain& newer) {
    if (newer.empty()) return;
    if (empty()) {
      *this = newer;
      return;
    }
    at(entries, newest_).newer = newer.oldest_;
    at(entries, newer.oldest_).older = newest_;
    newest_ = newer.newest_;
  }

 private:
  static HeldLinks::Neighbours& at(SessionEntry* entries, uint32_t handle) {
    return held_links(entries[handle]).*kPlace;
  }
  uint32_t oldest_ = kNoLink;
  uint32_t newest_ = kNoLink;
};

using TableHeldChain = HeldChain<&HeldLinks::in_table>;
using RemoteHeldChain = HeldChain<&HeldLinks::of_remote>;

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_HELD_CHAIN_H_
