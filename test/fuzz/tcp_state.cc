// Lists of segments in both directions, played to the TCP state machine and to a plain model of
// the rules: every verdict and tracker must agree, and whatever is refused changes nothing. The
// same bytes are also read as TCP options.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "dataplane/table/tcp_state.h"
#include "test/unit/table/tcp_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string difference = postern::play_tcp_operations({data, size});
  if (!difference.empty()) {
    std::fprintf(stderr, "%s\n", difference.c_str());
    std::abort();
  }
  const uint8_t scale = postern::tcp_window_scale({data, size});
  if (scale > 14 && scale != postern::kTcpNoWindowScale) std::abort();
  return 0;
}
