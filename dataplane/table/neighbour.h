// Next hops and their MAC addresses.
//
// A neighbour is a slot that holds one 64-bit word: the MAC address and the state. The control
// thread resolves (ARP) and stores the word; workers load it. One word is one atomic store, so a
// neighbour that appears, moves or dies needs no new snapshot (docs/decisions/0003). Routes and
// nodes name slots directly; for destinations that are on the link the table finds the slot:
//
//   heads:   | 0 | slot 7 | 0 | slot 3 | ...      by keyed hash of (port, address)
//                    |            '--> slot 9 --> end
//                    '--> end                     links, one a slot: key, next
//
// The slots themselves are the cells of the chains, so as many neighbours as there are slots can
// be found, whoever was met before: a scan of the link uses up nothing. A slot that leaves its
// chain keeps its way on for workers that stand on it; it may be given to another key once every
// worker has passed a quiescent point.
//
// Written by the control thread, read by every worker.
#ifndef POSTERN_DATAPLANE_TABLE_NEIGHBOUR_H_
#define POSTERN_DATAPLANE_TABLE_NEIGHBOUR_H_

#include <atomic>
#include <bit>
#include <cstdint>
#include <vector>

#include "dataplane/wire/address.h"

namespace postern {

using NeighbourSlot = uint32_t;
inline constexpr NeighbourSlot kNoNeighbour = ~NeighbourSlot{0};

// How many there is room for, numbers of removed ones that cool included. Slots of next hops that
// the configuration names come first.
inline constexpr uint32_t kMaxNextHops = 1u << 14;
inline constexpr uint32_t kMaxOnLink = 1u << 15;  // met while forwarding

enum class NeighbourState : uint8_t {
  kUnresolved,  // packets wait
  kReachable,   // the MAC may be used
  kFailed,      // asked and not answered: packets are dropped
};

struct Neighbour {
  MacAddress mac;
  NeighbourState state = NeighbourState::kUnresolved;
};

// Who a slot stands for: an address on a port's link. Ports are indexes into Snapshot::ports.
struct NeighbourKey {
  uint16_t port = 0;
  Ipv4Address address;

  // Never zero.
  [[nodiscard]] uint64_t packed() const {
    return uint64_t{1} << 63 | uint64_t{port} << 32 | address.value;
  }
  static NeighbourKey unpacked(uint64_t key) {
    return {static_cast<uint16_t>(key >> 32), {static_cast<uint32_t>(key)}};
  }
  friend bool operator==(const NeighbourKey&, const NeighbourKey&) = default;
};

class NeighbourTable {
 public:
  // Room for `capacity` neighbours; `seed` keys the hash (on-link addresses come from strangers).
  NeighbourTable(uint32_t capacity, uint64_t seed)
      : words_(capacity),
        links_(capacity),
        heads_(std::bit_ceil(capacity + 2)),
        shift_(64 - static_cast<unsigned>(std::countr_zero(heads_.size()))),
        seed_(seed) {}

  // Any thread: the neighbour in a slot.
  [[nodiscard]] Neighbour load(NeighbourSlot slot) const {
    const uint64_t word = words_[slot].load(std::memory_order_acquire);
    return {MacAddress::from_packed(word & kMacMask), static_cast<NeighbourState>(word >> 48)};
  }
  // Any thread: the raw word, MAC in the low 48 bits, for the hot path.
  [[nodiscard]] uint64_t word(NeighbourSlot slot) const {
    return words_[slot].load(std::memory_order_relaxed);
  }
  static bool is_reachable(uint64_t word) {
    return word >> 48 == static_cast<uint64_t>(NeighbourState::kReachable);
  }
  static bool is_failed(uint64_t word) {
    return word >> 48 == static_cast<uint64_t>(NeighbourState::kFailed);
  }
  static bool is_reachable_at(uint64_t word, const MacAddress& mac) {
    return word == (mac.packed() | static_cast<uint64_t>(NeighbourState::kReachable) << 48);
  }
  // Any thread: the slot of an on-link address, or kNoNeighbour. While the key moves to another
  // slot a worker may miss it once; packets then wait a moment.
  [[nodiscard]] NeighbourSlot find(NeighbourKey key) const {
    const uint64_t packed = key.packed();
    for (uint32_t at = heads_[home(packed)].load(std::memory_order_acquire); at != kEnd;
         at = links_[at - 1].next.load(std::memory_order_acquire)) {
      if (links_[at - 1].key.load(std::memory_order_relaxed) == packed) return at - 1;
    }
    return kNoNeighbour;
  }

  // Control thread: what a slot holds from now on.
  void store(NeighbourSlot slot, Neighbour neighbour) {
    words_[slot].store(neighbour.mac.packed() | static_cast<uint64_t>(neighbour.state) << 48,
                       std::memory_order_release);
  }
  // Control thread: makes `key` find `slot`, and nothing else find it.
  void bind(NeighbourKey key, NeighbourSlot slot) {
    const uint64_t packed = key.packed();
    const uint64_t before = links_[slot].key.load(std::memory_order_relaxed);
    if (before == packed) return;
    if (before != kNoKey) unlink(slot);
    const NeighbourSlot other = find(key);
    std::atomic<uint32_t>& head = heads_[home(packed)];
    links_[slot].key.store(packed, std::memory_order_relaxed);
    links_[slot].next.store(head.load(std::memory_order_relaxed), std::memory_order_release);
    head.store(slot + 1, std::memory_order_release);
    if (other != kNoNeighbour) unlink(other);
  }
  // Control thread: `key` finds nothing any more.
  void unbind(NeighbourKey key) {
    const NeighbourSlot slot = find(key);
    if (slot != kNoNeighbour) unlink(slot);
  }
  [[nodiscard]] uint32_t capacity() const { return static_cast<uint32_t>(words_.size()); }

 private:
  static constexpr uint64_t kMacMask = (uint64_t{1} << 48) - 1;  // IEEE 802: six bytes
  static constexpr uint64_t kNoKey = 0;                          // the slot is in no chain
  static constexpr uint32_t kEnd = 0;                            // otherwise a slot, plus one

  struct Link {
    std::atomic<uint64_t> key{kNoKey};
    std::atomic<uint32_t> next{kEnd};
  };

  // The top bits of two multiply-shift rounds, keyed, as in FlatMap.
  [[nodiscard]] size_t home(uint64_t key) const {
    uint64_t x = (key ^ seed_) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 32) * 0x94d049bb133111ebu;
    return static_cast<size_t>(x >> shift_);
  }

  // The slot's own `next` stays: whoever stands on it goes on in the chain.
  void unlink(NeighbourSlot slot) {
    const uint64_t key = links_[slot].key.load(std::memory_order_relaxed);
    std::atomic<uint32_t>* before = &heads_[home(key)];
    while (before->load(std::memory_order_relaxed) != slot + 1) {
      before = &links_[before->load(std::memory_order_relaxed) - 1].next;
    }
    before->store(links_[slot].next.load(std::memory_order_relaxed), std::memory_order_release);
    links_[slot].key.store(kNoKey, std::memory_order_relaxed);
  }

  std::vector<std::atomic<uint64_t>> words_;  // dense: workers read one for every packet
  std::vector<Link> links_;                   // by slot
  std::vector<std::atomic<uint32_t>> heads_;
  unsigned shift_;
  uint64_t seed_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_NEIGHBOUR_H_
