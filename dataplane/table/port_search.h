// Chooses the external port of a new session: exactly, unpredictably, at a flat cost.
//
// There is no list of free ports. The eight ports of a block share a line of the inbound index for
// any one remote, so a line shows which of the eight are taken (session_index.h). A search looks at
// blocks in an order drawn at random (port_blocks.h), first one, then more and more at a time, and
// takes a random free port of a block that has any.
//
// Tags may lie: a key of another remote can look like one of ours (13 bits), and then a free port
// looks taken, never the other way round. So nothing is refused by tags: when a walk takes long or
// finds nothing, the exact walk reads the entries behind the tags and keeps what it finds out as
// the record of a scarce remote (scarce_remotes.h), which serves that remote from then on. An exact
// walk costs about two million cycles and they have a budget; beyond it a refusal is by tags, and
// counted.
// Used by the worker that owns the table.
#ifndef POSTERN_DATAPLANE_TABLE_PORT_SEARCH_H_
#define POSTERN_DATAPLANE_TABLE_PORT_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet/now.h"
#include "dataplane/table/held_chain.h"
#include "dataplane/table/port_blocks.h"
#include "dataplane/table/random_stream.h"
#include "dataplane/table/scarce_remotes.h"
#include "dataplane/table/session_entry.h"
#include "dataplane/table/session_hash.h"
#include "dataplane/table/session_index.h"

namespace postern {

// What a search found.
struct PortChoice {
  enum class Kind : uint8_t { kFree, kHeld, kNone };
  Kind kind = Kind::kNone;
  uint16_t port = 0;        // kFree
  IndexPlace place{};       // kFree: where the key with this port belongs
  uint32_t held = kNoLink;  // kHeld: the entry that holds the port, at least 1 s
};

// Whether there is a port to choose.
enum class PortRoom : uint8_t { kSome, kNone, kLookOn };

struct PortSearchStatistics {
  uint64_t blocks_examined = 0;
  uint64_t exact_walks = 0;
  uint64_t unverified_refusals = 0;
};

class PortSearch {
 public:
  struct Setup {
    PortBlocks blocks;
    uint32_t max_sessions;
    uint64_t random_key_low;
    uint64_t random_key_high;
  };
  static size_t memory_bytes(const PortBlocks& blocks, uint32_t max_sessions) {
    return ScarceRemotes::memory_bytes(blocks, max_sessions);
  }
  // All that is referred to outlives the search.
  PortSearch(const Setup& setup, const SessionHash& hash, const SessionIndex& inbound,
             SessionEntry* entries, std::span<std::byte> memory);
  PortSearch(const PortSearch&) = delete;
  PortSearch& operator=(const PortSearch&) = delete;

  // Chooses for `remote` (an inbound key without port), ports of `shard` first. With
  // `prefer_held` a held port of this remote is taken where one is found at once. The caller must
  // then tell taken(), or reuse the held entry.
  [[gnu::target("aes")]] PortChoice choose(InboundWords remote, uint32_t shard, bool prefer_held,
                                           Now now);

  // Whether choose() would find a port for `remote`, without choosing one: looks at up to `budget`
  // blocks from `block` on, which is where to go on; start with the first block.
  [[nodiscard, gnu::target("aes")]] PortRoom room(InboundWords remote, uint32_t& block,
                                                  uint32_t budget, Now now) const;

  // Asks for the line that the search for the `ahead`-th of the next choices will read first.
  void prefetch(InboundWords remote, uint32_t shard, unsigned ahead);

  // What happens to ports, in step with the inbound index. `key` has its port.
  void taken(InboundWords key);
  void freed(InboundWords key);
  // The entry begins to hold its port, or stops to.
  void held(InboundWords key, uint32_t handle);
  void no_longer_held(InboundWords key, uint32_t handle);

  [[nodiscard]] const PortSearchStatistics& statistics() const { return statistics_; }
  [[nodiscard]] const PortBlocks& blocks() const { return blocks_; }

 private:
  // Blocks looked at together: one, two, four, then so many (bench/port_search_bench).
  static constexpr uint32_t kBatch = 8;
  // A walk longer than this has the remote recorded as scarce: from about 88 % use on. At 90 %
  // use a new session costs 173 cycles, with 32 instead 273, with 2 as with 8, which spares records
  // (bench/port_search_bench).
  static constexpr uint32_t kLongWalk = 8;
  // Entries that exact walks may read: so many at once, so many a millisecond after that:
  // a bound of what full remotes may cost (bench/port_search_bench, exact_walk).
  static constexpr uint64_t kExactBurst = 8 * 65536;
  static constexpr uint64_t kExactEachMs = 4096;

  struct Batch;
  class ExactWalk;

  [[nodiscard, gnu::target("aes")]] IndexPlace place_of(InboundWords remote, uint32_t block) const;
  [[gnu::target("aes")]] void load_batch(InboundWords remote, Batch& batch) const;
  [[nodiscard]] uint8_t taken_ports(const IndexPlace& block) const;
  [[nodiscard]] bool can_give(InboundWords remote, const IndexPlace& block, Now now) const;
  [[nodiscard]] static PortChoice pick(uint32_t block, const IndexPlace& place, uint8_t free,
                                       uint32_t draw);
  PortChoice choose_among_few(InboundWords remote, uint32_t shard, uint32_t draw, bool prefer_held,
                              Now now);
  [[gnu::target("aes")]] PortChoice walk(InboundWords remote, uint32_t shard, uint32_t draw);
  PortChoice held_nearby(InboundWords remote, uint32_t shard, uint32_t draw, Now now);
  bool pick_from(const Batch& batch, uint32_t draw, PortChoice& choice) const;
  PortChoice from_record(const ScarceRemote& remote, uint32_t shard, uint32_t draw,
                         bool prefer_held, Now now);
  ScarceRemote* make_record(InboundWords remote, Now now);
  bool spend_exact_budget(Now now);
  [[nodiscard]] ScarceRemote* record_of(InboundWords remote) const;

  PortBlocks blocks_;
  const SessionHash& hash_;
  const SessionIndex& inbound_;
  SessionEntry* entries_;
  RandomStream random_;
  ScarceRemotes scarce_;
  bool long_walk_ = false;  // the walk that was just made
  uint64_t exact_budget_ = kExactBurst;
  uint64_t budget_at_ms_ = 0;
  PortSearchStatistics statistics_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_PORT_SEARCH_H_
