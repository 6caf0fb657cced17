// Lives of a TCP connection through the whole walk: the bytes are segments of both sides and time
// that passes, and a plain model says what must leave and when the session ends
// (test/packet/tcp_player.h).
#include "test/fuzz/play.h"
#include "test/packet/tcp_player.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return postern::test::play<postern::test::TcpPlayer>(data, size);
}
