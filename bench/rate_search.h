// Searches for the highest rate that a device carries, over trials that somebody else makes. Pure
// but for the trials; one thread.
#ifndef POSTERN_BENCH_RATE_SEARCH_H_
#define POSTERN_BENCH_RATE_SEARCH_H_

#include <cstdint>
#include <functional>
#include <optional>

namespace postern::bench {

// What one trial brought.
struct Trial {
  double load = 0;        // packets (or sessions) a second that were offered
  double duration_s = 0;  // for so long
  double loss_ratio = 0;  // of those offered, 0 to 1
};

// Makes a trial. Trials cannot fail: a device that does not answer loses everything.
using Measurer = std::function<Trial(double load, double duration_s)>;

// Where a search looks, and when it has found.
struct SearchRange {
  double min_load = 1;
  double max_load = 1;
  double width = 0.005;  // relative: bounds so close are close enough
};

// RFC 2544, section 26.1 (throughput) with its loss relaxed to `loss_ratio`: bisection over trials
// of one length. Nothing is repeated, as the RFC has it: one unlucky trial counts.
struct Throughput {
  std::optional<double> load;   // the highest that lost no more; none: not even min_load
  std::optional<double> above;  // the lowest that lost more; none: max_load lost no more
  uint32_t trials = 0;
  double seconds = 0;  // of trials
};
[[nodiscard]] Throughput search_throughput(const SearchRange& range, double loss_ratio,
                                           double trial_s, const Measurer& measure);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RATE_SEARCH_H_
