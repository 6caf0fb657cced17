// Lists of fragments, in any order, of several datagrams and sources, with time passing and limits
// changing, played to the fragment table and to a plain reassembler: every answer must agree.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "test/unit/table/fragment_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string difference = postern::play_fragment_operations({data, size});
  if (!difference.empty()) {
    std::fprintf(stderr, "%s\n", difference.c_str());
    std::abort();
  }
  return 0;
}
