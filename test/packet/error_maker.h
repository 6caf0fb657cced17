// Builds the ICMP error that bytes describe: which session's packet is quoted, how much of it, what
// is wrong with it. For ErrorPlayer.
#ifndef POSTERN_TEST_PACKET_ERROR_MAKER_H_
#define POSTERN_TEST_PACKET_ERROR_MAKER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "test/packet/error_player.h"

namespace postern::test {

// The frame as the outside sends it. Outer and quoted header begin where IPv4 says; frame, outer
// header and its checksum are right.
Bytes make_error(std::span<const uint8_t> bytes, const std::vector<PlainSession>& sessions);

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_ERROR_MAKER_H_
