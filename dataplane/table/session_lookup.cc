// Lookups: one key, and whole bursts in four passes, so that the memory of all packets is on its
// way at once. Packet by packet the same table costs four to five times as much at a million
// sessions (docs/decisions/0001).
#include <smmintrin.h>

#include "dataplane/table/session_table.h"

namespace postern {

struct SessionTable::OutboundLookup {
  using Key = OutboundKey;

  static const SessionIndex& index(const SessionTable& table) { return table.outbound_; }
  [[gnu::target("aes")]] static IndexPlace place(const SessionTable& table, const Key& key) {
    return table.outbound_place(key);
  }
  // Bytes 0..15 of the entry are the key; but those of a router session are another one.
  static bool is_it(const SessionTable& table, SessionHandle handle, const Key& key) {
    const SessionEntry& entry = table.entries_[handle];
    const __m128i have = _mm_load_si128(reinterpret_cast<const __m128i*>(&entry));
    const __m128i want = _mm_load_si128(reinterpret_cast<const __m128i*>(&key));
    const __m128i difference = _mm_xor_si128(have, want);
    const bool plain = (entry.flags & (kSessionLive | kSessionRouter)) == kSessionLive;
    if (_mm_testz_si128(difference, difference) != 0 && plain) [[likely]]
      return true;
    return is_it_by_original(table, handle, key);
  }
  [[gnu::cold, gnu::noinline]] static bool is_it_by_original(const SessionTable& table,
                                                             SessionHandle handle, const Key& key) {
    constexpr uint16_t kBoth = kSessionLive | kSessionRouter;
    return (table.entries_[handle].flags & kBoth) == kBoth && table.outbound_key_of(handle) == key;
  }
};

struct SessionTable::InboundLookup {
  using Key = InboundKey;

  static const SessionIndex& index(const SessionTable& table) { return table.inbound_; }
  [[gnu::target("aes")]] static IndexPlace place(const SessionTable& table, const Key& key) {
    return table.inbound_place(key);
  }
  // Bytes 7..22 of the entry are the key, with the source port and the expiry in between.
  static bool is_it(const SessionTable& table, SessionHandle handle, const Key& key) {
    const SessionEntry& entry = table.entries_[handle];
    const __m128i mask = _mm_set_epi8(0, -1, -1, -1, -1, -1, -1, 0, 0, -1, -1, -1, -1, -1, -1, -1);
    const auto* protocol = reinterpret_cast<const std::byte*>(&entry) + 7;
    const __m128i have = _mm_loadu_si128(reinterpret_cast<const __m128i*>(protocol));
    const __m128i want = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&key));
    return _mm_testz_si128(_mm_xor_si128(have, want), mask) != 0 && entry.live();
  }
};

template <typename Lookup>
void SessionTable::find_burst(std::span<const typename Lookup::Key> keys,
                              SessionHandle* out) const {
  const SessionIndex& index = Lookup::index(*this);
  std::array<IndexPlace, kMaxBurst> place;
  std::array<uint8_t, kMaxBurst> elsewhere;  // packets whose home line does not show the tag
  uint32_t elsewhere_count = 0;

  for (uint32_t i = 0; i < keys.size(); ++i) {
    place[i] = Lookup::place(*this, keys[i]);
    index.prefetch(place[i].home);
  }
  for (uint32_t i = 0; i < keys.size(); ++i) {
    const IndexLine& home = index.line(place[i].home);
    const SlotSet slots = home.with_tag(place[i].tag);
    out[i] = kNoSession;
    if (!slots.empty()) [[likely]] {
      out[i] = home.handle(slots.first());
      prefetch_entry(out[i]);
    } else if (home.reach != 0) {
      index.prefetch(index.second_line(place[i]));
      elsewhere[elsewhere_count++] = static_cast<uint8_t>(i);
    }
  }
  for (uint32_t n = 0; n < elsewhere_count; ++n) {
    const IndexPlace& at = place[elsewhere[n]];
    const IndexLine& next = index.line(index.second_line(at));
    const SlotSet slots = next.with_tag(at.tag);
    if (!slots.empty()) prefetch_entry(next.handle(slots.first()));
  }
  const auto find_one = [&](uint32_t i) {
    out[i] = index.find(
        place[i], [&](SessionHandle handle) { return Lookup::is_it(*this, handle, keys[i]); });
  };
  for (uint32_t i = 0; i < keys.size(); ++i) {
    if (out[i] == kNoSession || Lookup::is_it(*this, out[i], keys[i])) [[likely]]
      continue;
    find_one(i);  // a foreign key with the same tag came first
  }
  for (uint32_t n = 0; n < elsewhere_count; ++n) find_one(elsewhere[n]);
}

void SessionTable::find_outbound(std::span<const OutboundKey> keys, SessionHandle* out) const {
  find_burst<OutboundLookup>(keys, out);
}

void SessionTable::find_inbound(std::span<const InboundKey> keys, SessionHandle* out) const {
  find_burst<InboundLookup>(keys, out);
}

SessionHandle SessionTable::find_outbound_one(const OutboundKey& key) const {
  return find_outbound_at(outbound_place(key), key);
}

SessionHandle SessionTable::find_outbound_at(const IndexPlace& place,
                                             const OutboundKey& key) const {
  return outbound_.find(
      place, [&](SessionHandle handle) { return OutboundLookup::is_it(*this, handle, key); });
}

SessionHandle SessionTable::find_inbound_one(const InboundKey& key) const {
  return inbound_.find(inbound_place(key), [&](SessionHandle handle) {
    return InboundLookup::is_it(*this, handle, key);
  });
}

}  // namespace postern
