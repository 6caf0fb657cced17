#include "dataplane/table/port_search.h"

#include <algorithm>
#include <array>
#include <bit>

namespace postern {
namespace {

// Belongs to the remote, whatever its port.
bool is_of_remote(const SessionEntry& entry, InboundWords remote) {
  return InboundWords::of(entry).remote() == remote;
}

bool is_held(const SessionEntry& entry) { return (entry.flags & kSessionHeld) != 0; }

}  // namespace

struct PortSearch::Batch {
  uint32_t count = 0;
  std::array<uint32_t, kBatch> block;
  std::array<IndexPlace, kBatch> place;
};

// Reads what is behind every tag that looks like the remote's, and writes its record. Lines are
// asked for one batch ahead, entries while the next batch's lines are read.
class PortSearch::ExactWalk {
 public:
  ExactWalk(const PortSearch& search, ScarceRemotes& scarce, ScarceRemote& record, Now now)
      : search_(search), scarce_(scarce), record_(record), now_(now) {}

  void run() {
    Batch next;
    std::array<uint32_t, kMaxPending> before;
    uint32_t before_count = 0;
    for (uint32_t block = search_.blocks_.first(); block <= search_.blocks_.last();) {
      block = fill(next, block);
      std::array<uint32_t, kMaxPending> handles;
      const uint32_t count = gather(next, handles);
      verify({before.data(), before_count});
      std::copy_n(handles.data(), count, before.data());
      before_count = count;
    }
    verify({before.data(), before_count});
    for (const RemoteHeldChain& chain : by_age_) record_.held.append(search_.entries_, chain);
  }

 private:
  // Eight blocks, each at most all its lines full of its tag.
  static constexpr uint32_t kMaxPending =
      kBatch * IndexLine::kSlots * (1 + SessionIndex::kMaxReach);
  // Oldest first: seconds, and in the last one, which decides who may be taken, milliseconds.
  // Configuration knows no longer hold.
  static constexpr uint32_t kSeconds = 600;
  static constexpr uint32_t kAges = kSeconds + kHoldAtLeast_ms;

  uint32_t fill(Batch& batch, uint32_t block) const {
    batch.count = 0;
    for (; block <= search_.blocks_.last() && batch.count < kBatch; ++block) {
      if (search_.blocks_.owns(block)) batch.block[batch.count++] = block;
    }
    search_.load_batch(record_.key, batch);
    return block;
  }

  uint32_t gather(const Batch& batch, std::array<uint32_t, kMaxPending>& handles) const {
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch.count; ++i) {
      const IndexPlace& place = batch.place[i];
      search_.inbound_.for_each_line(place, [&](const IndexLine& line) {
        for (SlotSet slots = line.with_block(place.tag); !slots.empty(); slots.drop_first()) {
          handles[count] = line.handle(slots.first());
          _mm_prefetch(reinterpret_cast<const char*>(&search_.entries_[handles[count]]),
                       _MM_HINT_T0);
          ++count;
        }
        return false;
      });
    }
    return count;
  }

  void verify(std::span<const uint32_t> handles) {
    for (const uint32_t handle : handles) {
      SessionEntry& entry = search_.entries_[handle];
      if (!is_of_remote(entry, record_.key)) continue;
      if (!scarce_.take(record_, entry.egress_port.host())) continue;  // seen in an earlier line
      if (is_held(entry)) by_age_[age_of(entry)].push_newest(search_.entries_, handle);
    }
  }

  [[nodiscard]] uint32_t age_of(SessionEntry& entry) const {
    const uint32_t age_ms = held_for_ms(entry, now_);
    if (age_ms < kHoldAtLeast_ms) return kAges - 1 - age_ms;
    return kSeconds - std::min(age_ms / 1000, kSeconds);
  }

  const PortSearch& search_;
  ScarceRemotes& scarce_;
  ScarceRemote& record_;
  Now now_;
  std::array<RemoteHeldChain, kAges> by_age_;
};

PortSearch::PortSearch(const Setup& setup, const SessionHash& hash, const SessionIndex& inbound,
                       SessionEntry* entries, std::span<std::byte> memory)
    : blocks_(setup.blocks),
      hash_(hash),
      inbound_(inbound),
      entries_(entries),
      random_(setup.random_key_low, setup.random_key_high),
      scarce_(blocks_, setup.max_sessions, memory) {}

inline IndexPlace PortSearch::place_of(InboundWords remote, uint32_t block) const {
  return inbound_.block_place(
      hash_.inbound_block(remote.with_port(static_cast<uint16_t>(8 * block))));
}

inline uint8_t PortSearch::taken_ports(const IndexPlace& block) const {
  uint8_t ports = 0;
  inbound_.for_each_line(block, [&](const IndexLine& line) {
    ports |= line.ports_of_block(block.tag);
    return ports == 0xff;
  });
  return ports;
}

// A free port of the block, a random one.
inline PortChoice PortSearch::pick(uint32_t block, const IndexPlace& place, uint8_t free,
                                   uint32_t draw) {
  const int turn = static_cast<int>(draw >> 29);
  const auto in_block = static_cast<uint32_t>(std::countr_zero(std::rotr(free, turn)) + turn) % 8;
  return {.kind = PortChoice::Kind::kFree,
          .port = static_cast<uint16_t>(8 * block + in_block),
          .place = {.sequence = place.sequence,
                    .home = place.home,
                    .tag = static_cast<uint16_t>(place.tag | in_block)},
          .held = kNoLink};
}

// Nearly always the first block of the walk has a free port.
PortChoice PortSearch::choose(InboundWords remote, uint32_t shard, bool prefer_held, Now now) {
  const uint32_t draw = random_.next();
  uint32_t block;
  if (scarce_.count() == 0 && !prefer_held && blocks_.owns_shard(shard) &&
      PortBlocks::Walk(blocks_, shard, draw).next(&block, 1) != 0) [[likely]] {
    const IndexPlace place = place_of(remote, block);
    const auto free = static_cast<uint8_t>(~taken_ports(place));
    ++statistics_.blocks_examined;
    if (free != 0) [[likely]]
      return pick(block, place, free, draw);
  }
  return choose_among_few(remote, shard, draw, prefer_held, now);
}

PortChoice PortSearch::choose_among_few(InboundWords remote, uint32_t shard, uint32_t draw,
                                        bool prefer_held, Now now) {
  if (const ScarceRemote* record = record_of(remote)) {
    return from_record(*record, shard, draw, prefer_held, now);
  }
  if (prefer_held) {
    const PortChoice choice = held_nearby(remote, shard, draw, now);
    if (choice.kind == PortChoice::Kind::kHeld) return choice;
  }
  long_walk_ = false;
  PortChoice choice;
  for (uint32_t i = 0; i < blocks_.shards(); ++i) {
    const uint32_t tried = (shard + i) & blocks_.shard_mask();
    if (!blocks_.owns_shard(tried)) continue;
    choice = walk(remote, tried, draw);
    if (choice.kind == PortChoice::Kind::kFree) break;
  }
  if (choice.kind == PortChoice::Kind::kFree && !long_walk_) return choice;

  const ScarceRemote* record = make_record(remote, now);
  if (record != nullptr) return from_record(*record, shard, draw, prefer_held, now);
  if (choice.kind == PortChoice::Kind::kNone) ++statistics_.unverified_refusals;
  return choice;
}

void PortSearch::load_batch(InboundWords remote, Batch& batch) const {
  for (uint32_t i = 0; i < batch.count; ++i) {
    batch.place[i] = place_of(remote, batch.block[i]);
    inbound_.prefetch(batch.place[i].home);
  }
}

void PortSearch::prefetch(InboundWords remote, uint32_t shard, unsigned ahead) {
  if (!blocks_.owns_shard(shard)) return;
  const uint32_t draw = random_.peek(ahead);
  uint32_t block = 0;
  if (const ScarceRemote* record = record_of(remote)) {
    if (record->free_ports != 0) block = scarce_.choose(*record, shard, draw) / 8U;
  } else {
    PortBlocks::Walk(blocks_, shard, draw).next(&block, 1);
  }
  inbound_.prefetch(place_of(remote, block).home);
}

PortChoice PortSearch::walk(InboundWords remote, uint32_t shard, uint32_t draw) {
  PortBlocks::Walk order(blocks_, shard, draw);
  PortChoice choice;
  Batch batch;
  uint32_t examined = 0;
  for (uint32_t wanted = 1;; wanted = std::min(2 * wanted, kBatch)) {
    batch.count = order.next(batch.block.data(), wanted);
    examined += batch.count;
    load_batch(remote, batch);
    if (batch.count == 0 || pick_from(batch, draw, choice)) break;
  }
  statistics_.blocks_examined += examined;
  long_walk_ = examined > kLongWalk;
  return choice;
}

// Blocks whose ports are all in their home line come first; lines elsewhere are asked for
// meanwhile.
bool PortSearch::pick_from(const Batch& batch, uint32_t draw, PortChoice& choice) const {
  uint32_t spread = 0;  // blocks that have ports elsewhere, and home does not show all eight
  for (uint32_t i = 0; i < batch.count; ++i) {
    const IndexPlace& place = batch.place[i];
    const IndexLine& home = inbound_.line(place.home);
    const auto free = static_cast<uint8_t>(~home.ports_of_block(place.tag));
    if (free == 0) continue;
    if (home.reach == 0) {
      choice = pick(batch.block[i], place, free, draw);
      return true;
    }
    inbound_.prefetch_others(place);
    spread |= 1U << i;
  }
  for (; spread != 0; spread &= spread - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(spread));
    const auto free = static_cast<uint8_t>(~taken_ports(batch.place[i]));
    if (free == 0) continue;
    choice = pick(batch.block[i], batch.place[i], free, draw);
    return true;
  }
  return false;
}

// The oldest port of this remote that is on hold in the first eight blocks of the walk.
PortChoice PortSearch::held_nearby(InboundWords remote, uint32_t shard, uint32_t draw, Now now) {
  Batch batch;
  batch.count = PortBlocks::Walk(blocks_, shard, draw).next(batch.block.data(), kBatch);
  load_batch(remote, batch);
  PortChoice choice;
  uint32_t oldest_ms = kHoldAtLeast_ms;
  for (uint32_t i = 0; i < batch.count; ++i) {
    const IndexPlace& place = batch.place[i];
    inbound_.for_each_line(place, [&](const IndexLine& line) {
      for (SlotSet slots = line.with_block(place.tag); !slots.empty(); slots.drop_first()) {
        const uint32_t handle = line.handle(slots.first());
        SessionEntry& entry = entries_[handle];
        if (!is_held(entry) || !is_of_remote(entry, remote)) continue;
        const uint32_t age_ms = held_for_ms(entry, now);
        if (age_ms < oldest_ms) continue;
        oldest_ms = age_ms;
        choice = {.kind = PortChoice::Kind::kHeld, .held = handle};
      }
      return false;
    });
  }
  return choice;
}

PortChoice PortSearch::from_record(const ScarceRemote& remote, uint32_t shard, uint32_t draw,
                                   bool prefer_held, Now now) {
  const uint32_t oldest = remote.held.oldest();
  const bool takes_held =
      oldest != kNoLink && held_for_ms(entries_[oldest], now) >= kHoldAtLeast_ms;
  if (takes_held && (prefer_held || remote.free_ports == 0)) {
    return {.kind = PortChoice::Kind::kHeld, .held = oldest};
  }
  if (remote.free_ports == 0) return {};
  const uint16_t port = scarce_.choose(remote, shard, draw);
  return {.kind = PortChoice::Kind::kFree,
          .port = port,
          .place = inbound_.inbound_place(hash_.inbound_block(remote.key.with_port(port)), port)};
}

ScarceRemote* PortSearch::make_record(InboundWords remote, Now now) {
  if (!spend_exact_budget(now)) return nullptr;
  ++statistics_.exact_walks;
  ScarceRemote& record = scarce_.add(hash_.fingerprint(remote), remote);
  ExactWalk(*this, scarce_, record, now).run();
  return &record;
}

bool PortSearch::spend_exact_budget(Now now) {
  exact_budget_ = std::min(kExactBurst, exact_budget_ + (now.ms - budget_at_ms_) * kExactEachMs);
  budget_at_ms_ = now.ms;
  if (exact_budget_ < blocks_.ports()) return false;
  exact_budget_ -= blocks_.ports();
  return true;
}

ScarceRemote* PortSearch::record_of(InboundWords remote) const {
  if (scarce_.count() == 0) [[likely]]
    return nullptr;
  return scarce_.find(hash_.fingerprint(remote), remote);
}

PortRoom PortSearch::room(InboundWords remote, uint32_t& block, uint32_t budget, Now now) const {
  if (const ScarceRemote* record = record_of(remote)) {
    const uint32_t oldest = record->held.oldest();
    const bool takes_held =
        oldest != kNoLink && held_for_ms(entries_[oldest], now) >= kHoldAtLeast_ms;
    return takes_held || record->free_ports != 0 ? PortRoom::kSome : PortRoom::kNone;
  }
  for (block = std::max(block, blocks_.first()); block <= blocks_.last(); ++block) {
    if (!blocks_.owns(block)) continue;
    if (budget-- == 0) return PortRoom::kLookOn;
    if (can_give(remote, place_of(remote, block), now)) return PortRoom::kSome;
  }
  return PortRoom::kNone;
}

// Tags may lie, so what is behind them is read where they show all eight ports taken.
bool PortSearch::can_give(InboundWords remote, const IndexPlace& block, Now now) const {
  if (taken_ports(block) != 0xff) return true;
  uint8_t taken = 0;
  bool held_long_enough = false;
  inbound_.for_each_line(block, [&](const IndexLine& line) {
    for (SlotSet slots = line.with_block(block.tag); !slots.empty(); slots.drop_first()) {
      SessionEntry& entry = entries_[line.handle(slots.first())];
      if (!is_of_remote(entry, remote)) continue;
      taken = static_cast<uint8_t>(taken | 1U << entry.egress_port.host() % 8);
      held_long_enough |= is_held(entry) && held_for_ms(entry, now) >= kHoldAtLeast_ms;
    }
    return held_long_enough;
  });
  return held_long_enough || taken != 0xff;
}

void PortSearch::taken(InboundWords key) {
  if (ScarceRemote* record = record_of(key.remote())) {
    scarce_.take(*record, key.port());
  }
}

void PortSearch::freed(InboundWords key) {
  ScarceRemote* record = record_of(key.remote());
  if (record == nullptr) return;
  scarce_.release(*record, key.port());
  scarce_.drop_if_plenty(*record);
}

void PortSearch::held(InboundWords key, uint32_t handle) {
  if (ScarceRemote* record = record_of(key.remote())) record->held.push_newest(entries_, handle);
}

void PortSearch::no_longer_held(InboundWords key, uint32_t handle) {
  if (ScarceRemote* record = record_of(key.remote())) record->held.remove(entries_, handle);
}

}  // namespace postern
