// Plays bytes as Geneve packets: a list of options, damage to the header, cuts. Each is given to
// the parser and walked through a gateway, and held against a plain reading of RFC 8926. For the
// fuzzer and for a test with random bytes.
#ifndef POSTERN_TEST_PACKET_GENEVE_PLAYER_H_
#define POSTERN_TEST_PACKET_GENEVE_PLAYER_H_

#include <cstdint>
#include <span>
#include <string>

#include "test/packet/gateway.h"

namespace postern::test {

class GenevePlayer {
 public:
  GenevePlayer();

  // What differed from what must become of that packet; empty when nothing did.
  std::string play(std::span<const uint8_t> bytes);
  // How many packets went on so far.
  [[nodiscard]] uint64_t passed() const { return passed_; }

 private:
  Gateway gateway_;
  uint64_t passed_ = 0;
};

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_GENEVE_PLAYER_H_
