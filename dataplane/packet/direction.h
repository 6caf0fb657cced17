// Which way a packet walks: from a pod to the outside, or back.
#ifndef POSTERN_DATAPLANE_PACKET_DIRECTION_H_
#define POSTERN_DATAPLANE_PACKET_DIRECTION_H_

#include <cstdint>

namespace postern {

enum class Direction : uint8_t { kOutbound, kInbound };

constexpr Direction opposite(Direction direction) {
  return direction == Direction::kOutbound ? Direction::kInbound : Direction::kOutbound;
}

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_DIRECTION_H_
