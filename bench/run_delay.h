// How long a thread was ready to run while its CPU was given to others: what the kernel counts as
// run delay (/proc/thread-self/schedstat, second field). Where the kernel does not count it, always
// zero, and available() says so.
//
// Belongs to the thread that reads first. Reading is a system call: between windows, not in them.
#ifndef POSTERN_BENCH_RUN_DELAY_H_
#define POSTERN_BENCH_RUN_DELAY_H_

#include <cstdint>

namespace postern::bench {

class RunDelay {
 public:
  RunDelay() = default;
  ~RunDelay();
  RunDelay(const RunDelay&) = delete;
  RunDelay& operator=(const RunDelay&) = delete;

  // Nanoseconds since the thread began.
  uint64_t read_ns();
  [[nodiscard]] bool available() const { return file_ >= 0; }

 private:
  int file_ = -1;
  bool opened_ = false;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_DELAY_H_
