// For golden tests: what one packet leads to.
#ifndef POSTERN_TEST_PACKET_ONLY_FRAME_H_
#define POSTERN_TEST_PACKET_ONLY_FRAME_H_

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "test/packet/gateway.h"

namespace postern::test {

// The frame when there is exactly one and it leaves by `port`; else a failure and no bytes.
inline Bytes only_frame(const std::vector<Sent>& sent, std::string_view port) {
  EXPECT_EQ(sent.size(), 1u);
  if (sent.empty()) return {};
  EXPECT_EQ(sent[0].port, port) << decode(sent[0].frame);
  return sent[0].frame;
}

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_ONLY_FRAME_H_
