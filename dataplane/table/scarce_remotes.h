// What is known exactly about the few remotes whose ports run short: which ports are free, which
// are on hold.
//
// The index shows at a glance whether a port is taken, but the last free ones of 64,512 are found
// only by looking at many blocks, and that there is none only by looking at all, again for every
// first packet. So a remote whose walk took long gets a record, made by one exact walk; from then
// on its sessions are made from the record and kept there, until more than half of its ports are
// free again: a new session costs the same at 90, 99 and 99.99 % use, and so does a refusal.
// There are records for twice as many full remotes as the table can hold, at most 256.
// Used by the worker that owns the table.
#ifndef POSTERN_DATAPLANE_TABLE_SCARCE_REMOTES_H_
#define POSTERN_DATAPLANE_TABLE_SCARCE_REMOTES_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/table/held_chain.h"
#include "dataplane/table/port_blocks.h"
#include "dataplane/table/session_entry.h"

namespace postern {

// One scarce remote: an egress address, protocol and remote endpoint.
struct alignas(64) ScarceRemote {
  InboundWords key;  // without port
  uint32_t free_ports;
  RemoteHeldChain held;
  uint64_t words_with_free[16];  // which words of its bit map are not zero
};

class ScarceRemotes {
 public:
  static size_t memory_bytes(const PortBlocks& blocks, uint32_t max_sessions);
  // `memory`: zeroed, 64-byte aligned, memory_bytes() long.
  ScarceRemotes(const PortBlocks& blocks, uint32_t max_sessions, std::span<std::byte> memory);

  [[nodiscard]] uint32_t count() const { return count_; }
  // The record of `key`, or null. `fingerprint` is a hash of the key.
  [[nodiscard]] ScarceRemote* find(uint32_t fingerprint, InboundWords key) const;
  // A new record with all owned ports free, none held. The record with most free ports gives way
  // when there is no room; its remote is then searched by walking again.
  ScarceRemote& add(uint32_t fingerprint, InboundWords key);
  // Drops the record when more than half of the ports are free.
  void drop_if_plenty(ScarceRemote& remote);

  // A port of the record is taken, or free again. Not changed: true only where it was otherwise.
  bool take(ScarceRemote& remote, uint16_t port);
  bool release(ScarceRemote& remote, uint16_t port);

  // A free port chosen by `draw`, of `shard` where one is free; remote.free_ports is not zero.
  [[nodiscard]] uint16_t choose(const ScarceRemote& remote, uint32_t shard, uint32_t draw) const;

 private:
  // Bit maps count from the multiple of 64 ports at or below the first port: word w, bit b is port
  // 64 (first_word_ + w) + b, so a byte is a block.
  [[nodiscard]] uint64_t* free_map(const ScarceRemote& remote) const {
    return maps_ + (&remote - remotes_) * words_;
  }
  [[nodiscard]] uint64_t shard_bits_of_word(uint32_t word, uint32_t shard) const;
  [[nodiscard]] static uint32_t next_word_with_free(const ScarceRemote& remote, uint32_t from);
  void drop(uint32_t number);

  const PortBlocks& blocks_;
  uint32_t first_word_;
  uint32_t words_;     // of one bit map
  uint32_t capacity_;  // records
  uint32_t count_ = 0;
  ScarceRemote* remotes_;
  uint32_t* fingerprints_;  // of remotes_, the first count_
  uint64_t* maps_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_SCARCE_REMOTES_H_
