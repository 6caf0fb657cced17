// Fuzzes Geneve's options: the bytes say which options a packet has and what is wrong about them; a
// plain reading of RFC 8926 says what must become of it (test/packet/geneve_player.h).
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "test/packet/geneve_player.h"

namespace {

struct Started {
  Started() { postern::test::start_eal(); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Started kStarted;
  static postern::test::GenevePlayer player;
  const std::string difference = player.play({data, size});
  if (!difference.empty()) {
    std::fprintf(stderr, "%s\n", difference.c_str());
    std::abort();
  }
  return 0;
}
