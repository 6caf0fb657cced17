#include "bench/connection_search.h"

#include <algorithm>

namespace postern::bench {

Throughput search_rate(double start, double least, double most, double width,
                       const std::function<bool(double)>& passes) {
  Throughput result;
  double rate = std::clamp(start, least, most);
  for (;;) {
    ++result.trials;
    (passes(rate) ? result.load : result.above) = rate;
    if (result.load && result.above) {
      if (*result.above - *result.load <= width * *result.above) return result;
      rate = (*result.above + *result.load) / 2;
    } else if (result.load) {
      if (rate >= most) return result;
      rate = std::min(2 * rate, most);
    } else {
      if (rate <= least) return result;
      rate = std::max(rate / 2, least);
    }
  }
}

Capacity search_capacity(uint32_t start, uint32_t most, uint32_t grain,
                         const std::function<bool(uint32_t)>& holds) {
  Capacity result;
  uint64_t count = std::min(start, most);
  for (;;) {
    ++result.trials;
    (holds(static_cast<uint32_t>(count)) ? result.connections : result.too_many) =
        static_cast<uint32_t>(count);
    if (!result.connections) return result;
    if (result.too_many) {
      const uint32_t apart = *result.too_many - *result.connections;
      if (apart <= std::max(1u, *result.too_many / grain)) return result;
      count = *result.connections + apart / 2;
    } else {
      if (count >= most) return result;
      count = std::min<uint64_t>(2 * count, most);
    }
  }
}

}  // namespace postern::bench
