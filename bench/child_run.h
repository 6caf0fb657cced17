// A measurement in a process of its own: this program again, with other words. Every point of a
// sweep begins with fresh memory, as the first one did. Main thread.
#ifndef POSTERN_BENCH_CHILD_RUN_H_
#define POSTERN_BENCH_CHILD_RUN_H_

#include <string>
#include <vector>

namespace postern::bench {

struct ChildEnd {
  int status = 0;    // exit status; 128 + the signal where one ended it; 127: it did not start
  std::string said;  // last line that it wrote to its standard error
};

// Runs /proc/self/exe (or `program`, found as a shell finds it) with `words`, its standard output
// on ours, and waits.
[[nodiscard]] ChildEnd run_child(const std::vector<std::string>& words,
                                 const std::string& program = "/proc/self/exe");

}  // namespace postern::bench

#endif  // POSTERN_BENCH_CHILD_RUN_H_
