#include "bench/single_steps.h"

#include <signal.h>
#include <ucontext.h>

#include <array>

namespace postern::bench {
namespace {

constexpr greg_t kTrapFlag = 0x100;  // of RFLAGS
constexpr size_t kMaxLocked = 1024;

// A signal handler finds nothing but what is global: written while stepping, read afterwards.
struct Steps {
  uint64_t instructions = 0;
  std::array<SingleSteps::Locked, kMaxLocked> locked{};
  size_t locked_count = 0;
  struct sigaction before = {};
};
Steps steps;

void note_locked(uintptr_t address) {
  size_t i = 0;
  while (i < steps.locked_count && steps.locked[i].address != address) ++i;
  if (i == kMaxLocked) return;  // the check has failed long since
  if (i == steps.locked_count) steps.locked[steps.locked_count++] = {address, 0};
  ++steps.locked[i].times;
}

void on_trap(int, siginfo_t* info, void* context) {
  greg_t* const registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  if (info->si_code != TRAP_TRACE) {
    registers[REG_EFL] ^= kTrapFlag;
    return;
  }
  const auto address = static_cast<uintptr_t>(registers[REG_RIP]);
  ++steps.instructions;
  if (SingleSteps::is_locked(reinterpret_cast<const uint8_t*>(address))) note_locked(address);
}

bool is_prefix(uint8_t byte) {
  const bool segment_or_size = byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e ||
                               (byte >= 0x64 && byte <= 0x67);
  const bool repeat = byte == 0xf2 || byte == 0xf3;
  const bool rex = byte >= 0x40 && byte <= 0x4f;
  return segment_or_size || repeat || rex;
}

}  // namespace

SingleSteps::SingleSteps() {
  struct sigaction action = {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO;
  steps = {};
  sigaction(SIGTRAP, &action, &steps.before);
}

SingleSteps::~SingleSteps() { sigaction(SIGTRAP, &steps.before, nullptr); }

uint64_t SingleSteps::instructions() const { return steps.instructions; }

std::span<const SingleSteps::Locked> SingleSteps::locked() const {
  return {steps.locked.data(), steps.locked_count};
}

bool SingleSteps::is_locked(const uint8_t* code) {
  constexpr uint8_t kLock = 0xf0;
  while (is_prefix(*code)) ++code;
  if (*code == kLock) return true;
  const bool exchange = *code == 0x86 || *code == 0x87;
  return exchange && (code[1] & 0xc0) != 0xc0;  // with memory: locked without being told
}

}  // namespace postern::bench
