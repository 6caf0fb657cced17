// What the targets have in common whose bytes are played by a player of test/packet: it says what
// became of them that should not have, or "".
#ifndef POSTERN_TEST_FUZZ_PLAY_H_
#define POSTERN_TEST_FUZZ_PLAY_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "test/packet/gateway.h"

namespace postern::test {

// Plays one input on a player that all inputs share. Ends the program when it complains.
template <typename Player>
int play(const uint8_t* data, size_t size) {
  struct Started {
    Started() { start_eal(); }
  };
  static const Started kStarted;
  static Player player;
  const std::string difference = player.play({data, size});
  if (!difference.empty()) {
    std::fprintf(stderr, "%s\n", difference.c_str());
    std::abort();
  }
  return 0;
}

}  // namespace postern::test

#endif  // POSTERN_TEST_FUZZ_PLAY_H_
