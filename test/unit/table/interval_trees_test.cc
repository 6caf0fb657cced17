// Functions by stretches: every size of tree around the branching, and the ends of all stretches.
#include "dataplane/table/interval_trees.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace postern {
namespace {

constexpr uint32_t kEnd = ~uint32_t{0};

// So many stretches with random ends, values 0, 1, 2 ...
std::vector<IntervalStep> random_steps(size_t count, std::mt19937& random) {
  std::set<uint32_t> ends = {kEnd};
  while (ends.size() < count) ends.insert(static_cast<uint32_t>(random()));
  std::vector<IntervalStep> steps;
  for (const uint32_t end : ends) steps.push_back({end, static_cast<uint32_t>(steps.size())});
  return steps;
}

TEST(IntervalTrees, AnswersForEveryEndAndItsNeighbours) {
  std::mt19937 random(3);
  IntervalTrees trees;
  std::vector<std::vector<IntervalStep>> functions;
  std::vector<IntervalTree> handles;
  for (const size_t count : {1u, 2u, 15u, 16u, 17u, 31u, 32u, 33u, 255u, 256u, 257u, 4097u}) {
    functions.push_back(random_steps(count, random));
    handles.push_back(trees.add(functions.back()));
  }
  for (size_t i = 0; i < functions.size(); ++i) {
    EXPECT_EQ(trees.find(handles[i], 0), 0u);
    for (const auto& [last, value] : functions[i]) {
      EXPECT_EQ(trees.find(handles[i], last), value);
      if (last == kEnd) continue;
      EXPECT_EQ(trees.find(handles[i], last + 1), value + 1);
    }
  }
}

TEST(IntervalTrees, TakesTheEndsOfAllNumbers) {
  const IntervalStep steps[] = {{0, 7},           {1, 8},         {0x7fffffff, 9},
                                {0x80000000, 10}, {kEnd - 1, 11}, {kEnd, 12}};
  IntervalTrees trees;
  const IntervalTree tree = trees.add(steps);
  EXPECT_EQ(trees.find(tree, 0), 7u);
  EXPECT_EQ(trees.find(tree, 1), 8u);
  EXPECT_EQ(trees.find(tree, 2), 9u);
  EXPECT_EQ(trees.find(tree, 0x7fffffff), 9u);
  EXPECT_EQ(trees.find(tree, 0x80000000), 10u);
  EXPECT_EQ(trees.find(tree, 0x80000001), 11u);
  EXPECT_EQ(trees.find(tree, kEnd - 1), 11u);
  EXPECT_EQ(trees.find(tree, kEnd), 12u);
}

TEST(IntervalTrees, OneValueForAllNeedsNoNode) {
  IntervalTrees trees;
  const IntervalStep all[] = {{kEnd, 5}};
  EXPECT_EQ(trees.find(trees.add(all), 123), 5u);
  EXPECT_EQ(trees.find(IntervalTree::constant(6), kEnd), 6u);
  EXPECT_EQ(trees.bytes(), 0u);
}

TEST(IntervalSteps, JoinsWhatIsEqual) {
  IntervalSteps steps;
  steps.add(4, 1);
  steps.add(9, 1);
  steps.add(kEnd, 2);
  ASSERT_EQ(steps.all().size(), 2u);
  EXPECT_EQ(steps.all()[0].last, 9u);
}

}  // namespace
}  // namespace postern
