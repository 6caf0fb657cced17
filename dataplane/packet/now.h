// Time as an argument: read once a burst by the worker loop, handed to every stage, so that no
// stage asks a clock and tests need no sleep.
#ifndef POSTERN_DATAPLANE_PACKET_NOW_H_
#define POSTERN_DATAPLANE_PACKET_NOW_H_

#include <cstdint>

namespace postern {

// Milliseconds since the gateway's clock base. Monotonic; never zero in a running gateway.
struct Now {
  uint64_t ms = 0;

  // Whole seconds, as sessions count them.
  [[nodiscard]] constexpr uint32_t seconds() const { return static_cast<uint32_t>(ms / 1000); }
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_NOW_H_
