// Who may send from which inner address: the table that turns (network, inner source) into a node
// and a namespace.
//
// Two parts. The map finds, by longest prefix, the slot for an address: one FlatMap over (network,
// prefix), tried from the longest length in use. The slots hold one 64-bit record each:
// node, namespace, epoch. A session keeps slot and epoch; a record whose epoch has moved on serves
// nothing any more, so a removed pod, namespace or node is dead at once, with one store.
//
// Rules that make this safe: the node and namespace of a slot never change while it is in use (a
// pod that moves gets another slot, its sessions find it again by address); a slot is retired once
// (epoch + 1) and reused only after a full purge sweep over the sessions, so that eight bits of
// epoch cannot come round on a stale session.
//
// Records are made so that the longest match is the whole answer: every node CIDR is a record
// without a namespace, every pod prefix one with the node that holds it, and a node CIDR inside a
// pod prefix bears that prefix's namespace.
//
// Written by the control thread, read by every worker.
#ifndef POSTERN_DATAPLANE_TABLE_SOURCE_TABLE_H_
#define POSTERN_DATAPLANE_TABLE_SOURCE_TABLE_H_

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/table/flat_map.h"
#include "dataplane/wire/address.h"

namespace postern {

// Which virtual network inner addresses belong to: the same address in two of them is two hosts. 31
// bits:
//
//   fixed    a VNI that tunnels name: the VNI itself
//   wide     a tunnel with vni = "any", for all VNIs that come by it: its number (1 to 63) << 24
//   narrow   one VNI of such a tunnel, for the namespaces that name it; it knows their pods only,
//            for other addresses the wide one has the answer
using NetworkId = uint32_t;
inline constexpr NetworkId kNarrowNetwork = 1u << 30;
inline constexpr uint32_t kMaxWideNetworks = 63;

constexpr NetworkId wide_network(uint32_t number) { return number << 24; }
constexpr NetworkId narrow_network(NetworkId wide, uint32_t vni) {
  return kNarrowNetwork | wide | vni;
}
constexpr bool is_narrow(NetworkId network) { return (network & kNarrowNetwork) != 0; }
constexpr bool is_fixed(NetworkId network) { return network >> 24 == 0; }
// Of a narrow network the wide one behind it; else the network itself.
constexpr NetworkId network_behind(NetworkId network) {
  return is_narrow(network) ? network & (kNarrowNetwork - (1u << 24)) : network;
}

using SourceSlot = uint32_t;  // 24 bits
inline constexpr SourceSlot kNoSource = 0xffffff;

// Index into PolicyTable::namespaces. 0 is platform traffic (a node's own addresses).
using NamespaceIndex = uint32_t;
inline constexpr NamespaceIndex kPlatform = 0;
inline constexpr NamespaceIndex kNoNamespace = 0xfffff;

// Index into Snapshot::nodes.
using NodeIndex = uint32_t;
inline constexpr NodeIndex kNoNode = 0xfffff;

struct SourceRecord {
  NodeIndex node = kNoNode;
  NamespaceIndex namespace_index = kNoNamespace;
  uint8_t epoch = 0;

  [[nodiscard]] uint64_t packed() const {
    return uint64_t{node} | uint64_t{namespace_index} << 20 | uint64_t{epoch} << 40;
  }
  static SourceRecord unpacked(uint64_t word) {
    return {static_cast<NodeIndex>(word & 0xfffff),
            static_cast<NamespaceIndex>(word >> 20 & 0xfffff), static_cast<uint8_t>(word >> 40)};
  }
  friend bool operator==(const SourceRecord&, const SourceRecord&) = default;
};

// The records. One for the life of the gateway, shared by all snapshots.
class SourceRecords {
 public:
  explicit SourceRecords(uint32_t capacity)
      : words_(capacity), turns_(capacity), networks_(capacity) {}

  // Any thread.
  [[nodiscard]] SourceRecord load(SourceSlot slot) const {
    return SourceRecord::unpacked(words_[slot].load(std::memory_order_relaxed));
  }
  // Any thread: true while a session that noted `slot_epoch` (slot in the low 24 bits, epoch in
  // the high 8) may be served by it.
  [[nodiscard]] bool is_current(uint32_t slot_epoch) const {
    return load(slot_epoch & 0xffffff).epoch == slot_epoch >> 24;
  }
  // Any thread: true where the addresses of `slot`, which is in use, have belonged to its namespace
  // without a break since `before` was retired or longer. A pod that left its namespace and came
  // back has another record of the same namespace, and its old sessions have no part in it.
  [[nodiscard]] bool goes_on_from(SourceSlot before, SourceSlot slot) const {
    std::atomic_thread_fence(std::memory_order_acquire);  // after the epoch that retire() stored
    return turns_[slot].load(std::memory_order_relaxed) <=
           turns_[before].load(std::memory_order_relaxed);
  }
  // Any thread: the fixed or wide network that the addresses of `slot` belong to, retired or not.
  [[nodiscard]] NetworkId network(SourceSlot slot) const {
    return networks_[slot].load(std::memory_order_relaxed);
  }
  void prefetch(SourceSlot slot) const { __builtin_prefetch(&words_[slot]); }

  // Control thread, of a slot that nobody finds yet.
  void place(SourceSlot slot, NetworkId network) {
    networks_[slot].store(network_behind(network), std::memory_order_relaxed);
  }
  // Control thread. `since`: the change (counted up) that gave its addresses to the namespace.
  void store(SourceSlot slot, const SourceRecord& record, uint64_t since) {
    turns_[slot].store(since, std::memory_order_relaxed);
    words_[slot].store(record.packed(), std::memory_order_release);
  }
  // Control thread: from now on no session of this slot is served. `until`: the change that took
  // its addresses from it.
  void retire(SourceSlot slot, uint64_t until) {
    SourceRecord record = load(slot);
    ++record.epoch;
    store(slot, record, until);
  }
  [[nodiscard]] uint32_t capacity() const { return static_cast<uint32_t>(words_.size()); }

 private:
  std::vector<std::atomic<uint64_t>> words_;
  std::vector<std::atomic<uint64_t>> turns_;     // in use: since; retired: until. Rarely read
  std::vector<std::atomic<uint32_t>> networks_;  // rarely read
};

// The way from an address to its slot.
class SourceMap {
 public:
  // Room for `entries` prefixes.
  SourceMap(uint32_t entries, uint64_t seed) : map_(entries * 2, seed) {}

  // Any thread: the slot of the longest prefix that holds `address` in exactly that network, or
  // kNoSource.
  [[nodiscard]] SourceSlot find(NetworkId network, Ipv4Address address) const {
    uint64_t lengths = lengths_.load(std::memory_order_acquire);
    while (lengths != 0) {
      const unsigned length = 63u - static_cast<unsigned>(__builtin_clzll(lengths));
      lengths &= ~(uint64_t{1} << length);
      const uint64_t slot = map_.find(key(network, {address, static_cast<uint8_t>(length)}));
      if (slot != FlatMap::kAbsent) return static_cast<SourceSlot>(slot);
    }
    return kNoSource;
  }
  // Any thread: asks for what find_sender() will read first.
  void prefetch_sender(NetworkId network, uint32_t vni, Ipv4Address address) const {
    const uint64_t lengths = lengths_.load(std::memory_order_relaxed);
    const auto longest =
        static_cast<uint8_t>(63u - static_cast<unsigned>(std::countl_zero(lengths | 1)));
    map_.prefetch(
        key(is_fixed(network) ? network : narrow_network(network, vni), {address, longest}));
  }
  // Any thread: likewise for a packet that bears `vni`, in a fixed network or a wide one.
  [[nodiscard]] SourceSlot find_sender(NetworkId network, uint32_t vni, Ipv4Address address) const {
    if (is_fixed(network)) return find(network, address);
    const SourceSlot slot = find(narrow_network(network, vni), address);
    return slot != kNoSource ? slot : find(network, address);
  }
  // Any thread: the slot of exactly this prefix, or kNoSource.
  [[nodiscard]] SourceSlot find_exact(NetworkId network, Ipv4Prefix prefix) const {
    const uint64_t slot = map_.find(key(network, prefix));
    return slot == FlatMap::kAbsent ? kNoSource : static_cast<SourceSlot>(slot);
  }

  // Control thread: makes the prefix find the slot; false when there is no room: build a larger
  // map aside.
  bool assign(NetworkId network, Ipv4Prefix prefix, SourceSlot slot) {
    if (!map_.insert(key(network, prefix), slot)) return false;
    lengths_.store(lengths_.load(std::memory_order_relaxed) | uint64_t{1} << prefix.length,
                   std::memory_order_release);
    return true;
  }
  void erase(NetworkId network, Ipv4Prefix prefix) { map_.erase(key(network, prefix)); }
  [[nodiscard]] size_t size() const { return map_.size(); }
  // Control thread: how many prefixes that the map has never seen it can still take.
  [[nodiscard]] size_t room() const { return map_.limit() - map_.used(); }

 private:
  // A one behind the prefix tells its length, so that all of it is 33 bits and never zero.
  static uint64_t key(NetworkId network, Ipv4Prefix prefix) {
    const uint64_t bits = uint64_t{prefix.address.value & prefix.mask()} << 1;
    return uint64_t{network} << 33 | bits | uint64_t{1} << (32 - prefix.length);
  }
  FlatMap map_;
  std::atomic<uint64_t> lengths_{0};  // bit n: some prefix has length n
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_SOURCE_TABLE_H_
