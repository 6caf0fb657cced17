// Fuzzes Geneve's options: the bytes say which options a packet has and what is wrong about them; a
// plain reading of RFC 8926 says what must become of it (test/packet/geneve_player.h).
#include "test/fuzz/play.h"
#include "test/packet/geneve_player.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return postern::test::play<postern::test::GenevePlayer>(data, size);
}
