// What a run says while it lasts, and whether it was asked to end. Any thread.
#ifndef POSTERN_BENCH_RUN_CONSOLE_H_
#define POSTERN_BENCH_RUN_CONSOLE_H_

#include <signal.h>

#include <cstdio>
#include <string>

namespace postern::bench {

// Before any thread starts, so that none of them is ended by Ctrl-C.
inline void block_interrupts() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// SIGINT and SIGTERM are blocked in every thread, so that a run looks for them when it can end.
inline bool was_interrupted() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

inline void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_CONSOLE_H_
