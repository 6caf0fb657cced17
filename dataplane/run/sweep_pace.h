// How far the sweep over the sessions goes in a turn of the worker: so far that it goes round in
// its time, and never so far that packets wait too long for the turn to end. Owned by the worker.
#ifndef POSTERN_DATAPLANE_RUN_SWEEP_PACE_H_
#define POSTERN_DATAPLANE_RUN_SWEEP_PACE_H_

#include <algorithm>
#include <cstdint>

#include "dataplane/packet/now.h"

namespace postern {

class SweepPace {
 public:
  // Once a turn. `sweep(positions)` goes over so many positions of the table, which has `capacity`;
  // `cycles()` is the time stamp counter.
  template <typename Sweep, typename Cycles>
  void turn(Now now, uint64_t capacity, bool purging, Sweep&& sweep, Cycles&& cycles) {
    if (until_ms_ == 0) until_ms_ = now.ms;
    if (now.ms != until_ms_) {
      owed_ += capacity * (now.ms - until_ms_) / (purging ? kPurgeRound_ms : kRound_ms) + 1;
      owed_ = std::min(owed_, capacity);  // once round, however long nobody came by
      until_ms_ = now.ms;
    }
    if (owed_ == 0) return;
    const uint64_t begun = cycles();
    uint64_t slice = kFirstSlice;
    do {
      const uint64_t positions = std::min(owed_, slice);
      sweep(static_cast<uint32_t>(positions));
      owed_ -= positions;
      slice = std::min(2 * slice, kLargestSlice);
    } while (owed_ != 0 && cycles() - begun < kCyclesPerTurn);
  }

 private:
  // Once round in two seconds, so that a session ends at most that late; a purge is four times
  // faster. Bounds of time; both cost a share of a percent (half a cycle a position,
  // bench/session_table_bench).
  static constexpr uint64_t kRound_ms = 2000;
  static constexpr uint64_t kPurgeRound_ms = 500;
  // A bound for a turn, about what a burst of packets takes: 8,000 positions where nothing is due,
  // or thirty sessions that end or are looked at again. The rest waits for the next turn, so when
  // very many are due at once, packets and sweep share the worker evenly. With a bound of positions
  // alone a turn lasted 1.3 ms, and with one of 40,000 cycles the packets got too little
  // (postern-bench run expire: both lost packets).
  static constexpr uint64_t kCyclesPerTurn = 4'000;
  // Between two looks at the time: 32 that end are a turn; 256 that are passed by cost more than
  // the look does (bench/session_table_bench).
  static constexpr uint64_t kFirstSlice = 32;
  static constexpr uint64_t kLargestSlice = 256;

  uint64_t until_ms_ = 0;
  uint64_t owed_ = 0;  // positions that the time until then asks for
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_SWEEP_PACE_H_
