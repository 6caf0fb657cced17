// Next hops and their MAC addresses.
//
// A neighbour is a slot that holds one 64-bit word: the MAC address and the state. The control
// thread resolves (ARP) and stores the word; workers load it. One word is one atomic store, so a
// neighbour that appears, moves or dies needs no new snapshot (docs/decisions/0003). Routes and
// nodes name slots directly; for destinations that are on the link the map finds the slot.
//
// Written by the control thread, read by every worker.
#ifndef POSTERN_DATAPLANE_TABLE_NEIGHBOUR_H_
#define POSTERN_DATAPLANE_TABLE_NEIGHBOUR_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/table/flat_map.h"
#include "dataplane/wire/address.h"

namespace postern {

using NeighbourSlot = uint32_t;
inline constexpr NeighbourSlot kNoNeighbour = ~NeighbourSlot{0};

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

  // As a FlatMap key; never zero.
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
  // Room for `capacity` neighbours; `seed` keys the map (on-link addresses come from strangers).
  NeighbourTable(uint32_t capacity, uint64_t seed) : words_(capacity), map_(capacity * 2, seed) {}

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
  // Any thread: the slot of an on-link address, or kNoNeighbour.
  [[nodiscard]] NeighbourSlot find(NeighbourKey key) const {
    const uint64_t slot = map_.find(key.packed());
    return slot == FlatMap::kAbsent ? kNoNeighbour : static_cast<NeighbourSlot>(slot);
  }

  // Control thread: what a slot holds from now on.
  void store(NeighbourSlot slot, Neighbour neighbour) {
    words_[slot].store(neighbour.mac.packed() | static_cast<uint64_t>(neighbour.state) << 48,
                       std::memory_order_release);
  }
  // Control thread: makes `key` find `slot`; false when the map is full.
  bool bind(NeighbourKey key, NeighbourSlot slot) { return map_.insert(key.packed(), slot); }
  // Control thread: `key` finds nothing any more. The slot may be given to another key once every
  // worker has passed a quiescent point.
  void unbind(NeighbourKey key) { map_.erase(key.packed()); }
  [[nodiscard]] uint32_t capacity() const { return static_cast<uint32_t>(words_.size()); }

 private:
  static constexpr uint64_t kMacMask = (uint64_t{1} << 48) - 1;
  std::vector<std::atomic<uint64_t>> words_;
  FlatMap map_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_NEIGHBOUR_H_
