// A gateway under a load that is offered rather than taken: trials for searches, with latencies.
//
// Packets of established sessions fall due at a rate into a PacedRing and are walked as the daemon
// walks them. What finds the ring full is lost, and so is what the gateway drops. After the last
// packet fell due, the ring is emptied before anything is counted.
//
// While the thread waits for its CPU, because others run there, time does not pass for the packets:
// the kernel says how long that was, and the schedule is put off. What others do to the caches
// cannot be undone, so such a trial is marked.
//
// Made and used on the worker's lcore.
#ifndef POSTERN_BENCH_LOADED_GATEWAY_H_
#define POSTERN_BENCH_LOADED_GATEWAY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "bench/environment.h"
#include "bench/established_traffic.h"
#include "bench/paced_ring.h"
#include "bench/rate_search.h"
#include "bench/run_delay.h"

namespace postern::bench {

enum class LoadCase : uint8_t {
  kIo,      // frames are freed unseen: what the ring and this loop can do, the tester's own limit
  kNatOut,  // packets from the pods
  kNatIn,   // replies
};
[[nodiscard]] std::string_view name_of(LoadCase which);
[[nodiscard]] std::optional<LoadCase> load_case_of(std::string_view text);

struct LoadTrial {
  Trial trial;
  uint64_t offered = 0;
  uint64_t lost = 0;
  double waited_s = 0;  // that the thread waited for its CPU
  // It did so for longer than a packet takes, or the machine's time was given to others.
  bool disturbed = false;
};

class LoadedGateway {
 public:
  LoadedGateway(rte_mempool* pool, LoadCase which, uint32_t sessions)
      : which_(which),
        traffic_(pool, which == LoadCase::kNatIn ? Direction::kInbound : Direction::kOutbound,
                 sessions) {}

  // Opens the sessions. "" or what went wrong; the rest needs it.
  std::string prepare(bool huge_pages, uint32_t frame_bytes);

  // One trial. Latencies are there until the next one. Packets a second of the device's line are
  // nobody's here, so any load can be offered.
  LoadTrial offer(double per_second, double duration_s);

  // Not empty once buffers ran out: then nothing that was measured counts.
  [[nodiscard]] std::string_view failure() const { return ring_->failure(); }
  [[nodiscard]] const LatencyHistogram& latency() const { return latency_; }
  [[nodiscard]] const PortlessGateway& gateway() const { return traffic_.gateway(); }

 private:
  uint64_t forwarded() const { return freed_ + traffic_.gateway().forwarded(); }
  void serve();
  // The counter; what the thread waited since the last look has not passed.
  uint64_t look();

  LoadCase which_;
  EstablishedTraffic traffic_;
  std::unique_ptr<PacedRing> ring_;
  LatencyHistogram latency_;
  RunDelay delay_;
  Burst burst_;
  uint64_t freed_ = 0;  // by kIo
  uint64_t end_ = 0;    // counter value after which nothing falls due
  uint64_t last_look_ = 0;
  uint64_t delay_ns_ = 0;  // of the thread, at the last look that asked
  uint64_t hz_ = 0;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_LOADED_GATEWAY_H_
