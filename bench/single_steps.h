// Runs code one instruction at a time and looks at each before it is executed: how many there are,
// and which of them lock the bus (a lock prefix, or an exchange with memory). Exact, on the real
// processor, whatever is called or inlined; some microseconds an instruction.
//
// One at a time in a process: the processor reports to a signal handler (SIGTRAP). Not under a
// debugger or valgrind. Called by one thread.
#ifndef POSTERN_BENCH_SINGLE_STEPS_H_
#define POSTERN_BENCH_SINGLE_STEPS_H_

#include <cstdint>
#include <span>

namespace postern::bench {

class SingleSteps {
 public:
  // A locked instruction, and how often it was executed.
  struct Locked {
    uintptr_t address;
    uint64_t times;
  };

  SingleSteps();
  ~SingleSteps();
  SingleSteps(const SingleSteps&) = delete;
  SingleSteps& operator=(const SingleSteps&) = delete;

  template <typename Work>
  void run(Work&& work) {
    toggle();
    work();
    toggle();
  }
  // Of all runs of this object.
  [[nodiscard]] uint64_t instructions() const;
  [[nodiscard]] std::span<const Locked> locked() const;

  // Whether the instruction at `code` is one.
  [[nodiscard]] static bool is_locked(const uint8_t* code);

 private:
  // The handler turns stepping on, or off where it is on.
  static void toggle() { asm volatile("int3" ::: "memory"); }
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_SINGLE_STEPS_H_
