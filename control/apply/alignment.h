// Which elements two lists have in common, in their order: what lies between is what was put in and
// taken out. Near linear: elements that are the same are paired by how often they have occurred,
// and of the pairs the longest chain is kept that ascends in both lists. Where every element
// differs from the others of its list that is the longest common subsequence; an element that was
// put in or taken out alone is found always. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_ALIGNMENT_H_
#define POSTERN_CONTROL_APPLY_ALIGNMENT_H_

#include <cstddef>
#include <string>
#include <vector>

namespace postern {

// A stretch of each list that the other one has not; one of them may be empty.
struct Gap {
  size_t running_first = 0;
  size_t running_count = 0;
  size_t wanted_first = 0;
  size_t wanted_count = 0;
};

// In their order; none for equal lists.
std::vector<Gap> align(const std::vector<std::string>& running,
                       const std::vector<std::string>& wanted);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_ALIGNMENT_H_
