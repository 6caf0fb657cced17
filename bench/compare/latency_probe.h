// Sends stamped frames at a rate and tells how long they took to come back: compare-latency's loop.
//
// The stamp is the time at which a frame was due, not that at which it was sent, so that a stall
// counts against every frame that it held up. It stands in the last 16 bytes with its complement
// behind it, which leaves the checksum of the pod's packet right. Answers ARP for every address
// that is asked for. Used by one worker.
#ifndef POSTERN_BENCH_COMPARE_LATENCY_PROBE_H_
#define POSTERN_BENCH_COMPARE_LATENCY_PROBE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "bench/compare/probe_ports.h"
#include "bench/frames.h"
#include "bench/latency_histogram.h"

namespace postern::bench {

class LatencyProbe {
 public:
  struct Result {
    uint64_t sent = 0;
    uint64_t received = 0;
    double seconds = 0;
    LatencyHistogram latency;
  };

  // Frames go out by `near`; they may come back by either port. `frames` and `records` (at least
  // one) outlive the probe.
  LatencyProbe(ProbePort& near, ProbePort& far, rte_mempool* pool, const Frames& frames,
               std::span<const FrameRecord> records, uint64_t tsc_hz)
      : near_(near), far_(far), pool_(pool), frames_(frames), records_(records), hz_(tsc_hz) {}

  // Sends slowly until nearly all comes back: neighbours known, sessions open. False when it does
  // not within `patience_s`.
  bool settle(double patience_s);
  // `rate` frames a second, 0: as many as find room.
  Result measure(double rate, double seconds);

 private:
  static constexpr uint16_t kBurst = 32;

  // Sends what is due; frames due before `begin` are not counted.
  void send_due(uint64_t now);
  void receive(ProbePort& port);
  void take(ProbePort& port, rte_mbuf* frame, uint64_t now);
  bool answer(ProbePort& port, rte_mbuf* frame);
  void run(double rate, double seconds, bool counting);

  ProbePort& near_;
  ProbePort& far_;
  rte_mempool* pool_;
  const Frames& frames_;
  std::span<const FrameRecord> records_;
  const uint64_t hz_;
  size_t next_record_ = 0;
  double due_ = 0;       // TSC at which the next frame is due
  double interval_ = 0;  // 0: always due
  uint64_t begin_ = 0;   // stamps from here on belong to the phase
  Result result_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_COMPARE_LATENCY_PROBE_H_
