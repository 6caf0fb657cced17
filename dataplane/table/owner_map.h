// Which worker a packet belongs to: a stateless answer that both directions of a session give
// alike.
//
//   outbound   keyed hash of the inner tuple, as the pod sent it  -> shard -> worker
//              (AES, or, where a NIC shall compute it as well, Toeplitz without the VNI)
//   inbound    external port >> 3, modulo the number of shards    -> shard -> worker
//
// A session begins on the worker of its outbound tuple, which gives it a port of its own shards
// (port_blocks.h), so the replies lead to the same worker. An ICMP error belongs to the owner of
// the packet that it quotes; a fragment, which has no ports of its own, to the worker of its
// datagram until its ports are known; protocols whose ports are not ours to choose, or that have
// none, to worker 0.
//
// The map from shards to workers is fixed while the gateway runs. There are more shards than
// workers, so that any number of workers gets about the same share: with 64 shards and 3 workers
// 22, 21 and 21. The key is the same for all workers and secret: nobody can aim at one of them.
// Values; any thread.
#ifndef POSTERN_DATAPLANE_TABLE_OWNER_MAP_H_
#define POSTERN_DATAPLANE_TABLE_OWNER_MAP_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "dataplane/table/session_entry.h"
#include "dataplane/table/session_hash.h"
#include "dataplane/table/toeplitz.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {

using WorkerIndex = uint8_t;
// Shards are bits of a word; with twice as many of them as workers the shares differ by a half.
inline constexpr uint32_t kMaxWorkers = 32;

class OwnerMap {
 public:
  static constexpr uint32_t kMaxShards = 64;  // bits of a word, see above

  struct Setup {
    uint32_t workers = 1;  // 1..kMaxWorkers
    uint16_t port_low = 1024;
    uint16_t port_high = 65535;            // at least 64 ports a worker
    std::array<uint64_t, 2> key = {0, 0};  // secret, random, made at start
    // The owners of what pods send are those that a NIC finds with this key by RSS over inner
    // headers (run/steering.h). Only where Toeplitz::machine_can().
    std::optional<Toeplitz::Key> toeplitz_key = {};
  };
  // SessionHash::machine_can() must be true.
  explicit OwnerMap(const Setup& setup)
      : hash_(setup.key[0], setup.key[1]),
        by_toeplitz_(setup.toeplitz_key.has_value()),
        toeplitz_(setup.toeplitz_key.value_or(Toeplitz::Key{})),
        toeplitz_key_(setup.toeplitz_key),
        workers_(setup.workers),
        shards_(shards_for(setup.workers, setup.port_low, setup.port_high)) {
    for (uint32_t shard = 0; shard < kMaxShards; ++shard) {
      worker_of_[shard] = static_cast<WorkerIndex>(shard % workers_);
    }
  }

  [[nodiscard]] uint32_t workers() const { return workers_; }
  [[nodiscard]] uint32_t shards() const { return shards_; }
  [[nodiscard]] uint8_t shard_bits() const {
    return static_cast<uint8_t>(std::countr_zero(shards_));
  }
  [[nodiscard]] WorkerIndex worker_of(uint32_t shard) const { return worker_of_[shard]; }
  [[nodiscard]] const std::optional<Toeplitz::Key>& toeplitz_key() const { return toeplitz_key_; }
  // A bit for each shard of the worker: whose ports it may give out.
  [[nodiscard]] uint64_t owned_shards(WorkerIndex worker) const {
    uint64_t owned = 0;
    for (uint32_t shard = 0; shard < shards_; ++shard) {
      owned |= uint64_t{worker_of_[shard] == worker} << shard;
    }
    return owned;
  }

  // The shard whose ports a session with this outbound key takes first.
  [[nodiscard, gnu::target("aes")]] uint32_t shard_of(const OutboundKey& key) const {
    if (shards_ == 1) return 0;
    if (by_toeplitz_) return shard_by_toeplitz(key);
    return shard_of_hash(hash_.of(key.source_ip.raw() | uint64_t{key.vni_protocol} << 32,
                                  key.remote_ip.raw() | uint64_t{key.remote_port.raw()} << 32 |
                                      uint64_t{key.source_port.raw()} << 48));
  }
  // The owner of what a pod sends.
  [[nodiscard, gnu::target("aes")]] WorkerIndex outbound(const OutboundKey& key) const {
    if (is_other_protocol(key.protocol())) return 0;
    return worker_of_[shard_of(key)];
  }
  // The owner of what comes from outside for an external port, or an echo's identifier.
  [[nodiscard]] WorkerIndex inbound(uint8_t protocol, Be16 egress_port) const {
    if (is_other_protocol(protocol)) return 0;
    return worker_of_[egress_port.host() >> 3 & (shards_ - 1)];
  }
  // Where the fragments of one datagram meet.
  [[nodiscard, gnu::target("aes")]] WorkerIndex datagram(Be32 source, Be32 destination,
                                                         Be16 identification,
                                                         uint8_t protocol) const {
    return worker_of_[shard_of_hash(
        hash_.of(source.raw() | uint64_t{destination.raw()} << 32,
                 identification.raw() | uint64_t{protocol} << 16 | uint64_t{1} << 63))];
  }

 private:
  // No more than there are blocks of ports, so that every shard has some.
  static uint32_t shards_for(uint32_t workers, uint16_t port_low, uint16_t port_high) {
    if (workers == 1) return 1;
    const uint32_t blocks = (port_high + 1U - port_low) / 8;
    return std::min(kMaxShards, std::bit_floor(std::max(blocks, workers)));
  }
  // NICs hash the ports of TCP and UDP, and of nothing else. The lowest bits of the hash are the
  // shard in the opposite order.
  [[nodiscard, gnu::target("pclmul")]] uint32_t shard_by_toeplitz(const OutboundKey& key) const {
    const bool has_ports = key.protocol() != kProtocolIcmp;
    const uint32_t bits = toeplitz_.low_bits_reversed(key.source_ip, key.remote_ip,
                                                      has_ports ? key.source_port : Be16(0),
                                                      has_ports ? key.remote_port : Be16(0));
    return bits >> (Toeplitz::kResultBits - shard_bits());
  }
  [[nodiscard]] uint32_t shard_of_hash(SessionHashValue hash) const {
    return static_cast<uint32_t>(hash.low) & (shards_ - 1);
  }

  SessionHash hash_;
  bool by_toeplitz_;
  Toeplitz toeplitz_;
  std::optional<Toeplitz::Key> toeplitz_key_;
  uint32_t workers_;
  uint32_t shards_;
  std::array<WorkerIndex, kMaxShards> worker_of_{};
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_OWNER_MAP_H_
