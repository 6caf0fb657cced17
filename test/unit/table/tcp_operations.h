// Bytes read as operations on one TCP connection: segments near the numbers that mean something to
// it, or anywhere. For tests with random bytes and for the fuzzers.
#ifndef POSTERN_TEST_UNIT_TABLE_TCP_OPERATIONS_H_
#define POSTERN_TEST_UNIT_TABLE_TCP_OPERATIONS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/table/tcp_state.h"

namespace postern {

// Past the end of the bytes everything is zero.
class OperationReader {
 public:
  explicit OperationReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return at_ >= bytes_.size(); }
  uint8_t byte() { return empty() ? 0 : bytes_[at_++]; }
  uint32_t word() {
    const uint32_t high = byte();
    return high << 8 | byte();
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

// The next segment of a direction; `entry` is what the connection is now.
TcpSegment read_segment(OperationReader& reader, Direction direction, const SessionEntry& entry);

// A sequence number of a direction that an ICMP error may quote.
uint32_t read_quoted(OperationReader& reader, Direction direction, const SessionEntry& entry);

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_TABLE_TCP_OPERATIONS_H_
