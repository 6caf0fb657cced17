// Fragments of a datagram, without its payload: virtual reassembly (nat.md F1 to F4, RFC 4787
// REQ-14).
//
// Only the first fragment of a datagram has ports. The table remembers them for the others, and
// says of each fragment whether it may go on:
//
//   first, others behind it     may pass, with the ports of the first
//   others before the first     are early: the caller keeps them in the slots that the table gives,
//                               until the first wakes them
//   overlap                     the datagram is spoilt: its early fragments and all that still come
//                               are dropped (RFC 5722). The same fragment once more is none
//   bad                         behind the end that the last fragment told, or a second end
//
// A datagram is forgotten when all of it has passed, and when its time is over. What it can cost is
// bounded: datagrams, early fragments and range maps, in all and by source. At a bound the oldest
// (of the source; in all, of everybody) gives way if it waits for longer than what a slow link
// needs for a datagram, else the newcomer is refused. So lost fragments do not fill the table for
// their source, and a flood meets its own bound.
//
// The memory is given, and none is asked for later. It holds no packets: the caller has those, in
// an array of its own by EarlySlot. Owned by one worker; time is an argument.
#ifndef POSTERN_DATAPLANE_TABLE_FRAGMENT_TABLE_H_
#define POSTERN_DATAPLANE_TABLE_FRAGMENT_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet/direction.h"
#include "dataplane/packet/now.h"
#include "dataplane/table/fragment_ranges.h"
#include "dataplane/table/session_hash.h"
#include "dataplane/wire/bytes.h"

namespace postern {

// What fragments of one datagram share (RFC 791 3.2), with where they were heard.
struct alignas(16) FragmentKey {
  Be32 source;
  uint32_t vni_protocol;  // as OutboundKey::pack; inbound VNI 0
  Be32 destination;
  Be16 id;
  Direction direction;
  uint8_t zero = 0;

  friend bool operator==(const FragmentKey&, const FragmentKey&) = default;
};
static_assert(sizeof(FragmentKey) == 16);

// What only the first fragment tells.
struct FirstFragment {
  Be16 source_port{};  // echo: as in Ipv4Parts
  Be16 destination_port{};
  uint32_t tcp_base = 0;  // of TCP: the sequence number of the segment, less its header's bytes
};

// A fragment that is sane by itself: bytes of the datagram's payload first_byte <= b < end_byte, at
// least one; first_byte a multiple of eight, end_byte too where more follow.
struct Fragment {
  FragmentKey key;
  uint16_t first_byte = 0;
  uint16_t end_byte = 0;
  bool more = false;
  FirstFragment first;  // where first_byte is 0
};

using EarlySlot = uint32_t;
inline constexpr EarlySlot kNoEarly = ~uint32_t{0};

enum class FragmentVerdict : uint8_t { kPass, kEarly, kOverlap, kLimit, kBad };

struct FragmentAnswer {
  FragmentVerdict verdict = FragmentVerdict::kLimit;
  FirstFragment first;          // kPass: of its datagram
  EarlySlot slot = kNoEarly;    // kEarly: where the caller keeps it
  EarlySlot others = kNoEarly;  // early ones of the datagram, oldest first: kPass, they may pass as
                                // well; kOverlap, they are dropped with it
  EarlySlot evicted = kNoEarly;  // early ones of a datagram that gave way
};

// config.md `sessions.fragments`. May change at any time.
struct FragmentLimits {
  uint32_t timeout_ms = 30'000;
  uint32_t datagrams = 65536;            // at most what the table was made for
  uint32_t datagrams_per_source = 1024;  // at least 1
};

// Room that is always made, so that a change to `sessions.fragments.max` rarely needs more. A bound
// of memory: 19 MB.
inline constexpr uint32_t kLeastFragmentRoom = 65536;

struct FragmentTableConfig {
  uint32_t datagrams = kLeastFragmentRoom;
  uint32_t early = 1024;  // slots
  // A datagram of 65,535 bytes in reverse order on a link of 576 bytes has 119 fragments.
  uint32_t early_per_source = 256;
  std::array<uint64_t, 2> key{};  // random, made at start
};

class FragmentTable {
 public:
  // What gives way at a bound has waited for so long: 64 KB at 1 Mbit/s.
  static constexpr uint32_t kGivesWay_ms = 500;

  static size_t memory_bytes(const FragmentTableConfig& config);
  // `memory` is zeroed, aligned to 64 bytes, at least memory_bytes(), and outlives the table.
  FragmentTable(const FragmentTableConfig& config, std::span<std::byte> memory);

  // Notes a fragment. The caller sees to the slots in the answer: it walks the chains by
  // next_early(), and gives every slot back by free_early() when its packet is gone.
  FragmentAnswer take(const Fragment& fragment, const FragmentLimits& limits, Now now);

  // Forgets one datagram whose time is over and hands out its early fragments (or kNoEarly); false
  // when there is none.
  bool expire_one(const FragmentLimits& limits, Now now, EarlySlot& early);

  [[nodiscard]] EarlySlot next_early(EarlySlot slot) const { return early_next_[slot]; }
  void free_early(EarlySlot slot) {
    early_next_[slot] = free_early_;
    free_early_ = slot;
  }

  // Datagrams that are followed now.
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t early_slots() const { return static_cast<uint32_t>(early_next_.size()); }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr uint32_t kRanges = 14;  // 20 KB on a link of 1,500 bytes
  static constexpr uint8_t kPortsKnown = 1;
  static constexpr uint8_t kSpoilt = 2;

  struct Links {
    uint32_t older;
    uint32_t newer;
  };
  struct Ends {
    uint32_t oldest = kNone;
    uint32_t newest = kNone;
  };
  struct alignas(64) Datagram {
    FragmentKey key;
    uint32_t next;  // in its bucket, or of the free ones
    uint32_t source;
    Links in_all;
    Links of_source;
    uint32_t began_ms;  // low 32 bits
    uint32_t map;       // kNone: `ranges` has them
    Ends early;
    FirstFragment first;
    uint16_t end_bytes;      // 0: the last fragment has not come
    uint16_t highest_bytes;  // where the furthest fragment ends
    uint16_t covered_units;
    uint8_t range_count;
    uint8_t flags;
    std::array<UnitRange, kRanges> ranges;
  };
  static_assert(sizeof(Datagram) == 128);
  struct Source {
    uint64_t key;
    uint32_t next;  // in its bucket, or of the free ones
    uint32_t datagrams;
    uint32_t early;
    uint32_t maps;
    Ends chain;
  };
  static_assert(sizeof(Source) == 32);
  struct Memory;

  FragmentTable(const FragmentTableConfig& config, const Memory& memory);
  [[nodiscard]] uint32_t bucket_of(const FragmentKey& key) const;
  [[nodiscard]] uint32_t find(const FragmentKey& key, uint32_t bucket) const;
  uint32_t create(const FragmentKey& key, uint32_t bucket, const FragmentLimits& limits, Now now,
                  FragmentAnswer& answer);
  EarlySlot remove(uint32_t index);
  void evict_old(const Ends& chain, uint32_t not_this, uint32_t count, Now now,
                 FragmentAnswer& answer);
  uint32_t source_of(const FragmentKey& key);
  void drop_source_unless_used(uint32_t index);

  [[nodiscard]] RangeFit fit(const Datagram& datagram, const Fragment& fragment) const;
  bool make_map(uint32_t index, const FragmentLimits& limits, Now now, FragmentAnswer& answer);
  void free_map(Datagram& datagram);
  void note(Datagram& datagram, const Fragment& fragment);
  void spoil(Datagram& datagram, FragmentAnswer& answer);
  bool hold(Datagram& datagram, uint32_t index, Now now, FragmentAnswer& answer);
  EarlySlot detach_early(Datagram& datagram);

  template <Links Datagram::*kPlace>
  void push_newest(Ends& ends, uint32_t index);
  template <Links Datagram::*kPlace>
  void unlink(Ends& ends, uint32_t index);

  SessionHash hash_;
  uint32_t early_per_source_;
  uint32_t bucket_mask_;
  std::span<Datagram> datagrams_;
  std::span<Source> sources_;
  std::span<RangeMap> maps_;
  std::span<uint32_t> map_next_;        // of the free ones
  std::span<uint32_t> buckets_;         // index of the first datagram plus one; 0: empty
  std::span<uint32_t> source_buckets_;  // likewise
  std::span<EarlySlot> early_next_;     // in its chain, or of the free ones
  uint32_t free_datagram_ = kNone;
  uint32_t free_source_ = kNone;
  uint32_t free_map_ = kNone;
  EarlySlot free_early_ = kNoEarly;
  Ends all_;
  uint32_t size_ = 0;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_FRAGMENT_TABLE_H_
