// Fuzzes what arrives from a link: any bytes as a frame on the cluster port or the uplink of a
// gateway with a live session, through the whole walk. Whatever comes in, nothing is read behind
// its end (the frame lies alone on the heap), the counters close, and what leaves by the uplink
// bears an egress address or the uplink's own.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "test/fuzz/invariants.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace postern::test;
  if (size < 1 || size > 1700) return 0;
  static FuzzedGateway fuzzed;
  const Packet frame = Packet().raw(Bytes(data + 1, data + size));
  fuzzed.receive((data[0] & 1) != 0 ? "uplink" : "underlay", frame);
  return 0;
}
