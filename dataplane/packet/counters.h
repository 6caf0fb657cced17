// What a worker counts. One Counters per worker, written by it alone, read by the control thread
// at any time: single 64-bit words, relaxed, so a reader sees each word whole and the sums close
// once the traffic is quiet: received + made = forwarded + answered + dropped + held.
#ifndef POSTERN_DATAPLANE_PACKET_COUNTERS_H_
#define POSTERN_DATAPLANE_PACKET_COUNTERS_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "dataplane/packet/reason.h"
#include "dataplane/wire/bytes.h"

namespace postern {

// One number with one writer. add() is an ordinary addition, no locked instruction.
class Counter {
 public:
  void add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  void set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// The last packet dropped for a reason, for drops.list: inner addresses where there is an inner
// packet. Guarded by a sequence word: odd while it is written.
struct DropSample {
  uint64_t at_ms = 0;
  Be32 source{};
  Be32 destination{};
  Be16 source_port{};
  Be16 destination_port{};
  uint8_t protocol = 0;
  uint8_t has_addresses = 0;  // bits of drop_facts.h
  uint16_t port = 0;          // index into Snapshot::ports on which it came
};

class LastDrop {
 public:
  // Worker.
  void write(const DropSample& sample) {
    sequence_.store(sequence_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    const auto words = std::bit_cast<Words>(sample);
    for (size_t i = 0; i < words.size(); ++i) words_[i].store(words[i], std::memory_order_relaxed);
    sequence_.store(sequence_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  // Any thread: false when it was just being written (ask again) or never was.
  bool read(DropSample& sample) const {
    const uint32_t before = sequence_.load(std::memory_order_acquire);
    if (before == 0 || (before & 1) != 0) return false;
    Words words;
    for (size_t i = 0; i < words.size(); ++i) words[i] = words_[i].load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (sequence_.load(std::memory_order_relaxed) != before) return false;
    sample = std::bit_cast<DropSample>(words);
    return true;
  }

 private:
  using Words = std::array<uint64_t, 3>;
  std::atomic<uint32_t> sequence_{0};
  std::array<std::atomic<uint64_t>, 3> words_{};
};

// Sets of ports are bits of a word.
inline constexpr size_t kMaxPorts = 64;

struct PortCounters {
  Counter received;
  Counter forwarded;
  Counter handed_over;  // of those that were received: arrived at another worker than their own
};

struct Counters {
  Counter received;   // taken from a port
  Counter made;       // created by the gateway
  Counter forwarded;  // given to a port's queue and taken by it
  Counter answered;   // consumed by the gateway itself
  Counter dropped;    // the sum of `drops`
  Counter held;       // gauge: waiting for a neighbour, or for the first fragment
  std::array<Counter, kReasonCount> drops;
  std::array<LastDrop, kReasonCount> last_drops;
  std::array<PortCounters, kMaxPorts> ports;

  Counter session_created;
  Counter session_expired;
  Counter session_deleted;
  Counter port_failures;  // nat.port_failures
  Counter icmp_error_translated;
  Counter icmp_error_sent;
  Counter fragments_held;      // gauge: waiting for the first one
  Counter fragments_followed;  // gauge: datagrams of which some fragments have come
  Counter handover_packets;    // given to other workers
  Counter handover_bursts;
  Counter taken_over;  // from other workers; at the end the sum of what they gave

  // For status: time spent, in TSC cycles.
  Counter busy_cycles;
  Counter idle_cycles;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_COUNTERS_H_
