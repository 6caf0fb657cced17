// ICMP errors from outside: the bytes say which session's packet an error quotes and what is wrong
// with it; a plain reading of the standards says whom it reaches, and that it changes no session
// (test/packet/error_player.h).
#include "test/fuzz/play.h"
#include "test/packet/error_player.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return postern::test::play<postern::test::ErrorPlayer>(data, size);
}
