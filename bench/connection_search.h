// Searches of RFC 9693 whose upper end nobody knows: doubling until it fails, then bisection. Pure
// but for the trials; one thread.
#ifndef POSTERN_BENCH_CONNECTION_SEARCH_H_
#define POSTERN_BENCH_CONNECTION_SEARCH_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "bench/rate_search.h"

namespace postern::bench {

// The highest rate from `least` to `most` at which `passes`, within `width` (relative), beginning
// at `start` (maximum connection establishment rate). Throughput::seconds stays zero.
[[nodiscard]] Throughput search_rate(double start, double least, double most, double width,
                                     const std::function<bool(double per_second)>& passes);

// How many connections there is room for (connection tracking table capacity): doubled
// from `start` until there is none, at most to `most`, then bisected to 1/`grain` of it.
struct Capacity {
  std::optional<uint32_t> connections;  // the most that were all there; none: not even `start`
  std::optional<uint32_t> too_many;     // the fewest that were not; none: `most` were there
  uint32_t trials = 0;
};
[[nodiscard]] Capacity search_capacity(uint32_t start, uint32_t most, uint32_t grain,
                                       const std::function<bool(uint32_t connections)>& holds);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_CONNECTION_SEARCH_H_
