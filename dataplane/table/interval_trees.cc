#include "dataplane/table/interval_trees.h"

#include <algorithm>

namespace postern {

IntervalTree IntervalTrees::add(std::span<const IntervalStep> steps) {
  if (steps.size() == 1) return IntervalTree::constant(steps[0].value);
  std::vector<IntervalStep> level(steps.begin(), steps.end());
  uint32_t levels = 0;
  while (levels == 0 || level.size() > 1) {
    std::vector<IntervalStep> above;
    for (size_t first = 0; first < level.size(); first += kBranches) {
      const size_t count = std::min(kBranches, level.size() - first);
      Node node;
      node.last.fill(Node::ordered(~uint32_t{0}));
      node.next.fill(level[first + count - 1].value);
      for (size_t i = 0; i < count; ++i) {
        node.last[i] = Node::ordered(level[first + i].last);
        node.next[i] = level[first + i].value;
      }
      above.push_back({level[first + count - 1].last, static_cast<uint32_t>(nodes_.size())});
      nodes_.push_back(node);
    }
    level = std::move(above);
    ++levels;
  }
  return {level[0].value, levels};
}

}  // namespace postern
