// Catches the system calls of a piece of code, in the process itself: the kernel is told to hand
// every system call of this thread back (PR_SET_SYSCALL_USER_DISPATCH, Linux 5.11). The first one
// of each run is counted and then made; clock_gettime by the vDSO is none.
//
// One at a time in a process (SIGSYS). Called by one thread.
#ifndef POSTERN_BENCH_SYSTEM_CALL_COUNT_H_
#define POSTERN_BENCH_SYSTEM_CALL_COUNT_H_

#include <cstdint>

namespace postern::bench {

class SystemCallCount {
 public:
  SystemCallCount();
  ~SystemCallCount();
  SystemCallCount(const SystemCallCount&) = delete;
  SystemCallCount& operator=(const SystemCallCount&) = delete;

  // Whether the kernel can do this.
  [[nodiscard]] bool works() const { return works_; }

  template <typename Work>
  void run(Work&& work) {
    set_armed(true);
    work();
    set_armed(false);
  }
  // Runs with a system call so far, and the number of the last one (as in <sys/syscall.h>).
  [[nodiscard]] uint64_t runs_with_one() const;
  [[nodiscard]] int last_number() const;

 private:
  static void set_armed(bool armed);
  bool works_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_SYSTEM_CALL_COUNT_H_
