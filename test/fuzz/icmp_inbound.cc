// ICMP errors from outside: the bytes say which session's packet an error quotes and what is wrong
// with it; a plain reading of the standards says whom it reaches, and that it changes no session
// (test/packet/error_player.h).
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "test/packet/error_player.h"

namespace {

struct Started {
  Started() { postern::test::start_eal(); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Started kStarted;
  static postern::test::ErrorPlayer player;
  const std::string difference = player.play({data, size});
  if (!difference.empty()) {
    std::fprintf(stderr, "%s\n", difference.c_str());
    std::abort();
  }
  return 0;
}
