#include "dataplane/table/fragment_table.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "dataplane/table/memory_cutter.h"
#include "dataplane/table/session_entry.h"

namespace postern {
namespace {

// A range map for every so many datagrams: few have more than kRanges fragments. Bounds
// of memory.
constexpr uint32_t kDatagramsPerMap = 16;
constexpr uint32_t kLeastMaps = 64;
constexpr uint32_t kLeastMapsPerSource = 4;
// A bound: no fragment pays for more than a few others.
constexpr uint32_t kEvictionsAtOnce = 8;

uint16_t units_before(uint16_t end_byte) {
  return static_cast<uint16_t>((uint32_t{end_byte} + kFragmentUnitBytes - 1) / kFragmentUnitBytes);
}

UnitRange units_of(const Fragment& fragment) {
  return {static_cast<uint16_t>(fragment.first_byte / kFragmentUnitBytes),
          units_before(fragment.end_byte)};
}

OutboundKey hashed(const FragmentKey& key) { return std::bit_cast<OutboundKey>(key); }

// For whom datagrams are counted: an inner address with its VNI, or an outer one.
uint64_t source_key(const FragmentKey& key) {
  const uint64_t vni = key.vni_protocol & 0x00ffffff;
  return uint64_t{static_cast<uint8_t>(key.direction)} << 56 | vni << 32 | key.source.raw();
}

bool same_first(const FirstFragment& a, const FirstFragment& b) {
  return a.source_port == b.source_port && a.destination_port == b.destination_port &&
         a.tcp_base == b.tcp_base;
}

}  // namespace

// Where everything lies. With an empty span, only how much there is.
struct FragmentTable::Memory {
  std::span<Datagram> datagrams;
  std::span<Source> sources;
  std::span<RangeMap> maps;
  std::span<uint32_t> map_next;
  std::span<uint32_t> buckets;
  std::span<uint32_t> source_buckets;
  std::span<EarlySlot> early_next;
  size_t bytes;

  Memory(const FragmentTableConfig& config, std::span<std::byte> memory) {
    MemoryCutter cutter(memory);
    const uint32_t bucket_count = std::bit_ceil(std::max(config.datagrams, 2u));
    const uint32_t map_count = std::max(config.datagrams / kDatagramsPerMap, kLeastMaps);
    datagrams = cutter.cut<Datagram>(config.datagrams);
    sources = cutter.cut<Source>(config.datagrams);
    maps = cutter.cut<RangeMap>(map_count);
    map_next = cutter.cut<uint32_t>(map_count);
    buckets = cutter.cut<uint32_t>(bucket_count);
    source_buckets = cutter.cut<uint32_t>(bucket_count);
    early_next = cutter.cut<EarlySlot>(config.early);
    bytes = cutter.used();
    if (!memory.empty() && !cutter.fits()) std::abort();
  }
};

size_t FragmentTable::memory_bytes(const FragmentTableConfig& config) {
  return Memory(config, {}).bytes;
}

FragmentTable::FragmentTable(const FragmentTableConfig& config, std::span<std::byte> memory)
    : FragmentTable(config, Memory(config, memory)) {}

// The free ones lie in chains, the lowest first, so that what is used lies together.
FragmentTable::FragmentTable(const FragmentTableConfig& config, const Memory& memory)
    : hash_(config.key[0], config.key[1]),
      early_per_source_(config.early_per_source),
      bucket_mask_(static_cast<uint32_t>(memory.buckets.size()) - 1),
      datagrams_(memory.datagrams),
      sources_(memory.sources),
      maps_(memory.maps),
      map_next_(memory.map_next),
      buckets_(memory.buckets),
      source_buckets_(memory.source_buckets),
      early_next_(memory.early_next) {
  for (auto i = static_cast<uint32_t>(datagrams_.size()); i-- > 0;) {
    datagrams_[i].next = free_datagram_;
    sources_[i].next = free_source_;
    free_datagram_ = free_source_ = i;
  }
  for (auto i = static_cast<uint32_t>(maps_.size()); i-- > 0;) {
    map_next_[i] = free_map_;
    free_map_ = i;
  }
  for (auto i = early_slots(); i-- > 0;) free_early(i);
}

FragmentAnswer FragmentTable::take(const Fragment& fragment, const FragmentLimits& limits,
                                   Now now) {
  FragmentAnswer answer;
  const uint32_t bucket = bucket_of(fragment.key);
  uint32_t index = find(fragment.key, bucket);
  if (index == kNone) index = create(fragment.key, bucket, limits, now, answer);
  if (index == kNone) return answer;
  Datagram& datagram = datagrams_[index];
  const RangeFit fits =
      (datagram.flags & kSpoilt) != 0 ? RangeFit::kOverlap : fit(datagram, fragment);
  const bool is_first = fragment.first_byte == 0;
  const bool contradicts =
      is_first && fits == RangeFit::kSame && !same_first(datagram.first, fragment.first);
  if (fits == RangeFit::kOverlap || contradicts) {
    spoil(datagram, answer);
    return answer;
  }
  if (fits == RangeFit::kNew) {
    const bool behind_end = datagram.end_bytes != 0 && fragment.end_byte >= datagram.end_bytes;
    const bool ends_before = !fragment.more && fragment.end_byte <= datagram.highest_bytes;
    if (behind_end || ends_before) {
      answer.verdict = FragmentVerdict::kBad;
      return answer;
    }
    if (datagram.range_count == kRanges && datagram.map == kNone &&
        !make_map(index, limits, now, answer)) {
      return answer;
    }
  }
  if (!is_first && (datagram.flags & kPortsKnown) == 0) {
    if (!hold(datagram, index, now, answer)) return answer;
  } else {
    answer.verdict = FragmentVerdict::kPass;
  }
  if (fits == RangeFit::kNew) note(datagram, fragment);
  if (answer.verdict == FragmentVerdict::kEarly) return answer;
  if (is_first) answer.others = detach_early(datagram);
  answer.first = datagram.first;
  const bool complete =
      datagram.end_bytes != 0 && datagram.covered_units == units_before(datagram.end_bytes);
  if (complete) remove(index);
  return answer;
}

bool FragmentTable::expire_one(const FragmentLimits& limits, Now now, EarlySlot& early) {
  const uint32_t oldest = all_.oldest;
  if (oldest == kNone) return false;
  if (static_cast<uint32_t>(now.ms) - datagrams_[oldest].began_ms < limits.timeout_ms) return false;
  early = remove(oldest);
  return true;
}

uint32_t FragmentTable::bucket_of(const FragmentKey& key) const {
  return static_cast<uint32_t>(hash_.outbound(hashed(key)).low) & bucket_mask_;
}

uint32_t FragmentTable::find(const FragmentKey& key, uint32_t bucket) const {
  uint32_t index = buckets_[bucket] - 1;
  while (index != kNone && !(datagrams_[index].key == key)) index = datagrams_[index].next;
  return index;
}

// A datagram of which nothing is noted, or kNone.
uint32_t FragmentTable::create(const FragmentKey& key, uint32_t bucket,
                               const FragmentLimits& limits, Now now, FragmentAnswer& answer) {
  const uint32_t most = std::min(limits.datagrams, static_cast<uint32_t>(datagrams_.size()));
  if (size_ >= most) evict_old(all_, kNone, 1, now, answer);
  if (size_ >= most) return kNone;
  const uint32_t whose = source_of(key);
  Source& source = sources_[whose];
  ++source.datagrams;  // first, so that the source does not go with its last datagram
  if (source.datagrams > limits.datagrams_per_source)
    evict_old(source.chain, kNone, 1, now, answer);
  if (source.datagrams > limits.datagrams_per_source) {
    --source.datagrams;
    return kNone;
  }
  const uint32_t index = free_datagram_;
  Datagram& datagram = datagrams_[index];
  free_datagram_ = datagram.next;
  datagram.key = key;
  datagram.next = buckets_[bucket] - 1;
  buckets_[bucket] = index + 1;
  datagram.source = whose;
  datagram.began_ms = static_cast<uint32_t>(now.ms);
  datagram.map = kNone;
  datagram.early = {};
  datagram.first = {};
  datagram.end_bytes = datagram.highest_bytes = datagram.covered_units = 0;
  datagram.range_count = datagram.flags = 0;
  push_newest<&Datagram::in_all>(all_, index);
  push_newest<&Datagram::of_source>(source.chain, index);
  ++size_;
  return index;
}

// Forgets a datagram; answers its early fragments.
EarlySlot FragmentTable::remove(uint32_t index) {
  Datagram& datagram = datagrams_[index];
  const EarlySlot early = detach_early(datagram);
  free_map(datagram);
  uint32_t* link = &buckets_[bucket_of(datagram.key)];
  if (*link == index + 1) {
    *link = datagram.next + 1;
  } else {
    uint32_t before = *link - 1;
    while (datagrams_[before].next != index) before = datagrams_[before].next;
    datagrams_[before].next = datagram.next;
  }
  Source& source = sources_[datagram.source];
  unlink<&Datagram::in_all>(all_, index);
  unlink<&Datagram::of_source>(source.chain, index);
  --source.datagrams;
  --size_;
  drop_source_unless_used(datagram.source);
  datagram.next = free_datagram_;
  free_datagram_ = index;
  return early;
}

// At most `count` of the oldest in the chain give way, as far as they have waited for long enough.
void FragmentTable::evict_old(const Ends& chain, uint32_t not_this, uint32_t count, Now now,
                              FragmentAnswer& answer) {
  for (; count > 0; --count) {
    const uint32_t oldest = chain.oldest;
    if (oldest == kNone || oldest == not_this) return;
    const Datagram& datagram = datagrams_[oldest];
    if (static_cast<uint32_t>(now.ms) - datagram.began_ms < kGivesWay_ms) return;
    const EarlySlot last = datagram.early.newest;
    const EarlySlot early = remove(oldest);
    if (early == kNoEarly) continue;
    early_next_[last] = answer.evicted;
    answer.evicted = early;
  }
}

uint32_t FragmentTable::source_of(const FragmentKey& key) {
  const uint64_t wanted = source_key(key);
  FragmentKey whole{};
  whole.source = key.source;
  whole.vni_protocol = key.vni_protocol & 0x00ffffff;
  whole.direction = key.direction;
  uint32_t& bucket = source_buckets_[bucket_of(whole)];
  uint32_t index = bucket - 1;
  while (index != kNone && sources_[index].key != wanted) index = sources_[index].next;
  if (index != kNone) return index;
  index = free_source_;  // there are as many as datagrams
  Source& source = sources_[index];
  free_source_ = source.next;
  source = {.key = wanted, .next = bucket - 1, .datagrams = 0, .early = 0, .maps = 0, .chain = {}};
  bucket = index + 1;
  return index;
}

void FragmentTable::drop_source_unless_used(uint32_t index) {
  Source& source = sources_[index];
  if (source.datagrams != 0) return;
  FragmentKey whole{};
  whole.source = Be32::from_raw(static_cast<uint32_t>(source.key));
  whole.vni_protocol = static_cast<uint32_t>(source.key >> 32) & 0x00ffffff;
  whole.direction = static_cast<Direction>(source.key >> 56);
  uint32_t& bucket = source_buckets_[bucket_of(whole)];
  if (bucket == index + 1) {
    bucket = source.next + 1;
  } else {
    uint32_t before = bucket - 1;
    while (sources_[before].next != index) before = sources_[before].next;
    sources_[before].next = source.next;
  }
  source.next = free_source_;
  free_source_ = index;
}

// Exactly the same fragment has the same place and is the last one or not as that was.
RangeFit FragmentTable::fit(const Datagram& datagram, const Fragment& fragment) const {
  const UnitRange range = units_of(fragment);
  const RangeFit fits = datagram.map == kNone
                            ? fit_of({datagram.ranges.data(), datagram.range_count}, range)
                            : maps_[datagram.map].fit(range);
  if (fits != RangeFit::kSame) return fits;
  const bool was_last = datagram.end_bytes != 0 && units_before(datagram.end_bytes) == range.end;
  const bool same =
      was_last ? !fragment.more && fragment.end_byte == datagram.end_bytes : fragment.more;
  return same ? RangeFit::kSame : RangeFit::kOverlap;
}

// Moves the ranges of a datagram that has too many for its list. False where there is no map.
bool FragmentTable::make_map(uint32_t index, const FragmentLimits& limits, Now now,
                             FragmentAnswer& answer) {
  Datagram& datagram = datagrams_[index];
  Source& source = sources_[datagram.source];
  const uint32_t most =
      std::max(limits.datagrams_per_source / kDatagramsPerMap, kLeastMapsPerSource);
  if (source.maps >= most) evict_old(source.chain, index, kEvictionsAtOnce, now, answer);
  if (free_map_ == kNone) evict_old(all_, index, kEvictionsAtOnce, now, answer);
  if (source.maps >= most || free_map_ == kNone) return false;
  const uint32_t map = free_map_;
  free_map_ = map_next_[map];
  maps_[map].clear();
  for (uint32_t i = 0; i < datagram.range_count; ++i) maps_[map].add(datagram.ranges[i]);
  datagram.map = map;
  ++source.maps;
  return true;
}

void FragmentTable::free_map(Datagram& datagram) {
  if (datagram.map == kNone) return;
  map_next_[datagram.map] = free_map_;
  free_map_ = datagram.map;
  datagram.map = kNone;
  --sources_[datagram.source].maps;
}

void FragmentTable::note(Datagram& datagram, const Fragment& fragment) {
  const UnitRange range = units_of(fragment);
  if (datagram.map != kNone) {
    maps_[datagram.map].add(range);
  } else {
    datagram.ranges[datagram.range_count++] = range;
  }
  datagram.covered_units = static_cast<uint16_t>(datagram.covered_units + range.end - range.first);
  datagram.highest_bytes = std::max(datagram.highest_bytes, fragment.end_byte);
  if (!fragment.more) datagram.end_bytes = fragment.end_byte;
  if (fragment.first_byte != 0) return;
  datagram.first = fragment.first;
  datagram.flags |= kPortsKnown;
}

// It stays until its time is over, so that what still comes is known to belong to it.
void FragmentTable::spoil(Datagram& datagram, FragmentAnswer& answer) {
  answer.verdict = FragmentVerdict::kOverlap;
  answer.others = detach_early(datagram);
  free_map(datagram);
  datagram.flags |= kSpoilt;
}

// Gives an early fragment a slot. False where there is none for its source.
bool FragmentTable::hold(Datagram& datagram, uint32_t index, Now now, FragmentAnswer& answer) {
  Source& source = sources_[datagram.source];
  if (source.early >= early_per_source_) {
    evict_old(source.chain, index, kEvictionsAtOnce, now, answer);
  }
  // What gives way here has its slots given back by the caller: the next one finds room.
  if (free_early_ == kNoEarly) evict_old(all_, index, kEvictionsAtOnce, now, answer);
  if (free_early_ == kNoEarly || source.early >= early_per_source_) {
    if (datagram.covered_units == 0) remove(index);
    return false;
  }
  const EarlySlot slot = free_early_;
  free_early_ = early_next_[slot];
  early_next_[slot] = kNoEarly;
  (datagram.early.oldest == kNoEarly ? datagram.early.oldest : early_next_[datagram.early.newest]) =
      slot;
  datagram.early.newest = slot;
  ++source.early;
  answer.slot = slot;
  answer.verdict = FragmentVerdict::kEarly;
  return true;
}

EarlySlot FragmentTable::detach_early(Datagram& datagram) {
  const EarlySlot first = datagram.early.oldest;
  uint32_t count = 0;
  for (EarlySlot slot = first; slot != kNoEarly; slot = early_next_[slot]) ++count;
  sources_[datagram.source].early -= count;
  datagram.early = {};
  return first;
}

template <FragmentTable::Links FragmentTable::Datagram::*kPlace>
void FragmentTable::push_newest(Ends& ends, uint32_t index) {
  datagrams_[index].*kPlace = {.older = ends.newest, .newer = kNone};
  (ends.newest == kNone ? ends.oldest : (datagrams_[ends.newest].*kPlace).newer) = index;
  ends.newest = index;
}

template <FragmentTable::Links FragmentTable::Datagram::*kPlace>
void FragmentTable::unlink(Ends& ends, uint32_t index) {
  const Links links = datagrams_[index].*kPlace;
  (links.older == kNone ? ends.oldest : (datagrams_[links.older].*kPlace).newer) = links.newer;
  (links.newer == kNone ? ends.newest : (datagrams_[links.newer].*kPlace).older) = links.older;
}

}  // namespace postern
