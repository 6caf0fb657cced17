#include "bench/system_call_count.h"

#include <signal.h>
#include <sys/prctl.h>
#include <ucontext.h>

namespace postern::bench {
namespace {

constexpr int kSystemCallBytes = 2;  // of the instruction

// The kernel reads `selector` at every system call; the handler finds nothing but what is global.
volatile char selector = SYSCALL_DISPATCH_FILTER_ALLOW;
volatile uint64_t count = 0;
volatile int number = -1;

void on_system_call(int, siginfo_t* info, void* context) {
  selector = SYSCALL_DISPATCH_FILTER_ALLOW;  // or the handler could not even return
  count = count + 1;
  number = info->si_syscall;
  // It was not made: back to it.
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] -= kSystemCallBytes;
}

}  // namespace

SystemCallCount::SystemCallCount() {
  struct sigaction action = {};
  action.sa_sigaction = on_system_call;
  action.sa_flags = SA_SIGINFO;
  count = 0;
  sigaction(SIGSYS, &action, nullptr);
  works_ = prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector) == 0;
}

SystemCallCount::~SystemCallCount() {
  prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
  signal(SIGSYS, SIG_DFL);
}

uint64_t SystemCallCount::runs_with_one() const { return count; }
int SystemCallCount::last_number() const { return number; }

void SystemCallCount::set_armed(bool armed) {
  selector = armed ? SYSCALL_DISPATCH_FILTER_BLOCK : SYSCALL_DISPATCH_FILTER_ALLOW;
}

}  // namespace postern::bench
