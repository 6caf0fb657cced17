// Functions over 32-bit numbers that are constant over stretches of them: from an address, or from
// protocol and port, to what was decided for it. Any number of such functions share one array.
//
//   node   last[16]   where each of its stretches ends, ascending, the rest filled up
//          next[16]   what is there: a node of the level below, at the lowest level the value
//
// A look-up compares the key with sixteen ends at once, so among n stretches it takes log16(n)
// steps of two cache lines, whatever the key and whatever the stretches: nobody can make it slow by
// choosing them. A function that is the same everywhere needs no node at all.
//
// Built by the control thread, immutable once published, read by every worker.
#ifndef POSTERN_DATAPLANE_TABLE_INTERVAL_TREES_H_
#define POSTERN_DATAPLANE_TABLE_INTERVAL_TREES_H_

#include <immintrin.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace postern {

// The end of a stretch, and what the function is up to there.
struct IntervalStep {
  uint32_t last = 0;
  uint32_t value = 0;
};

// One of the functions: a node of IntervalTrees and how many levels begin there, or (no levels) the
// value that the function has everywhere.
struct IntervalTree {
  uint32_t root = 0;
  uint32_t levels = 0;

  static constexpr IntervalTree constant(uint32_t value) { return {value, 0}; }
};

class IntervalTrees {
 public:
  // Adds a function. The steps ascend, the last one ends at 0xffffffff.
  IntervalTree add(std::span<const IntervalStep> steps);

  // The value at `key`. Any thread.
  [[nodiscard]] uint32_t find(IntervalTree tree, uint32_t key) const {
    const __m256i sought = _mm256_set1_epi32(Node::ordered(key));
    uint32_t at = tree.root;
    for (uint32_t level = tree.levels; level != 0; --level) at = nodes_[at].step(sought);
    return at;
  }
  [[nodiscard]] size_t bytes() const { return nodes_.size() * sizeof(Node); }

 private:
  // Two compares of AVX2, two cache lines: 7 cycles a look-up among 1,000 stretches, 19 among
  // 100,000 (bench/structure_bench).
  static constexpr size_t kBranches = 16;

  struct alignas(64) Node {
    std::array<int32_t, kBranches> last;  // as ordered() has it
    std::array<uint32_t, kBranches> next;

    // AVX2 compares signed numbers only: the order of unsigned ones, as signed.
    static constexpr int32_t ordered(uint32_t number) {
      return static_cast<int32_t>(number ^ 0x80000000);
    }
    // The first branch that does not end before the key (in all eight parts of `sought`). There is
    // one: the last stretch of a function ends where all numbers do.
    [[nodiscard]] uint32_t step(__m256i sought) const {
      const auto* ends = reinterpret_cast<const __m256i*>(last.data());
      const __m256i low = _mm256_cmpgt_epi32(sought, _mm256_load_si256(ends));
      const __m256i high = _mm256_cmpgt_epi32(sought, _mm256_load_si256(ends + 1));
      const auto passed = static_cast<uint32_t>(
          _mm256_movemask_epi8(_mm256_packs_epi32(low, high)));  // two bits a branch, any order
      return next[static_cast<size_t>(std::popcount(passed)) / 2];
    }
  };
  static_assert(sizeof(Node) == 128);

  std::vector<Node> nodes_;
};

// Puts steps together: stretches with equal values that touch become one.
class IntervalSteps {
 public:
  // From the end of the step before up to `last`.
  void add(uint32_t last, uint32_t value) {
    if (!steps_.empty() && steps_.back().value == value) {
      steps_.back().last = last;
    } else {
      steps_.push_back({last, value});
    }
  }
  [[nodiscard]] std::span<const IntervalStep> all() const { return steps_; }

 private:
  std::vector<IntervalStep> steps_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_INTERVAL_TREES_H_
