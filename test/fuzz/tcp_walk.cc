// Lives of a TCP connection through the whole walk: the bytes are segments of both sides and time
// that passes, and a plain model says what must leave and when the session ends
// (test/packet/tcp_player.h).
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "test/packet/tcp_player.h"

namespace {

struct Started {
  Started() { postern::test::start_eal(); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Started kStarted;
  static postern::test::TcpPlayer player;
  const std::string difference = player.play({data, size});
  if (!difference.empty()) {
    std::fprintf(stderr, "%s\n", difference.c_str());
    std::abort();
  }
  return 0;
}
