#include "bench/rate_search.h"

namespace postern::bench {

Throughput search_throughput(const SearchRange& range, double loss_ratio, double trial_s,
                             const Measurer& measure) {
  Throughput result;
  const auto passes = [&](double load) {
    const Trial trial = measure(load, trial_s);
    ++result.trials;
    result.seconds += trial.duration_s;
    return trial.loss_ratio <= loss_ratio;
  };
  if (passes(range.max_load)) {
    result.load = range.max_load;
    return result;
  }
  result.above = range.max_load;
  if (!passes(range.min_load)) {
    result.above = range.min_load;
    return result;
  }
  result.load = range.min_load;
  while (*result.above - *result.load > range.width * *result.above) {
    const double middle = (*result.load + *result.above) / 2;
    (passes(middle) ? result.load : result.above) = middle;
  }
  return result;
}

}  // namespace postern::bench
