#include "control/apply/alignment.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace postern {
namespace {

using Texts = std::vector<std::string>;

struct Pair {
  size_t running = 0;
  size_t wanted = 0;
};

// The n-th occurrence of a text in one list with the n-th of the same text in the other, within
// [first, end); by their place in `running`.
std::vector<Pair> occurrences(const Texts& running, size_t running_end, const Texts& wanted,
                              size_t wanted_end, size_t first) {
  absl::flat_hash_map<std::string_view, std::vector<size_t>> places;
  for (size_t i = wanted_end; i > first; --i) places[wanted[i - 1]].push_back(i - 1);
  std::vector<Pair> pairs;
  for (size_t i = first; i < running_end; ++i) {
    const auto found = places.find(running[i]);
    if (found == places.end() || found->second.empty()) continue;
    pairs.push_back({i, found->second.back()});
    found->second.pop_back();
  }
  return pairs;
}

// The longest chain of pairs that ascends in `wanted` too (patience sorting).
std::vector<Pair> longest_chain(const std::vector<Pair>& pairs) {
  constexpr size_t kNone = ~size_t{0};
  std::vector<size_t>
      ends;  // by length - 1: the pair with the least `wanted` that ends such a chain
  std::vector<size_t> before(pairs.size(), kNone);
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto at =
        std::lower_bound(ends.begin(), ends.end(), pairs[i].wanted,
                         [&](size_t end, size_t wanted) { return pairs[end].wanted < wanted; });
    if (at != ends.begin()) before[i] = *(at - 1);
    if (at == ends.end()) {
      ends.push_back(i);
    } else {
      *at = i;
    }
  }
  std::vector<Pair> chain;
  for (size_t i = ends.empty() ? kNone : ends.back(); i != kNone; i = before[i]) {
    chain.push_back(pairs[i]);
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

}  // namespace

std::vector<Gap> align(const Texts& running, const Texts& wanted) {
  const size_t shorter = std::min(running.size(), wanted.size());
  size_t first = 0;
  while (first < shorter && running[first] == wanted[first]) ++first;
  size_t tail = 0;
  while (tail < shorter - first &&
         running[running.size() - 1 - tail] == wanted[wanted.size() - 1 - tail]) {
    ++tail;
  }
  const size_t running_end = running.size() - tail;
  const size_t wanted_end = wanted.size() - tail;
  std::vector<Pair> chain =
      longest_chain(occurrences(running, running_end, wanted, wanted_end, first));
  chain.push_back({running_end, wanted_end});
  std::vector<Gap> gaps;
  Pair next{first, first};
  for (const Pair& pair : chain) {
    const Gap gap{next.running, pair.running - next.running, next.wanted,
                  pair.wanted - next.wanted};
    if (gap.running_count != 0 || gap.wanted_count != 0) gaps.push_back(gap);
    next = {pair.running + 1, pair.wanted + 1};
  }
  return gaps;
}

}  // namespace postern
