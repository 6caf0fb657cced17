#include "test/unit/table/tcp_operations.h"

#include <array>

namespace postern {
namespace {

constexpr uint8_t kFin = TcpHeader::kFin;
constexpr uint8_t kSyn = TcpHeader::kSyn;
constexpr uint8_t kRst = TcpHeader::kRst;
constexpr uint8_t kAck = TcpHeader::kAck;
constexpr uint8_t kUrg = TcpHeader::kUrg;

// A number at or near one that means something, or anywhere.
uint32_t number(OperationReader& reader, uint8_t choice, uint32_t end, uint32_t answered) {
  switch (choice % 8) {
    case 0:
    case 1:
      return end;
    case 2:
      return answered;
    case 3:
      return end + static_cast<uint32_t>(static_cast<int8_t>(reader.byte()));
    case 4:
      return answered + static_cast<uint32_t>(static_cast<int8_t>(reader.byte()));
    case 5:
      return answered + static_cast<uint32_t>(static_cast<int16_t>(reader.word()) * 4);
    case 6:
      return end + (reader.word() << 16);
    default: {
      const uint32_t high = reader.word();
      return high << 16 | reader.word();
    }
  }
}

uint8_t flags_of(uint8_t byte) {
  // Mostly what stacks send, sometimes anything.
  constexpr std::array<uint8_t, 12> kUsual = {
      kAck,        kAck,        kAck, kAck,        kAck | TcpHeader::kPsh,
      kFin | kAck, kFin | kAck, kSyn, kSyn | kAck, kRst,
      kRst | kAck, kAck | kUrg};
  return byte < 192 ? kUsual[byte % kUsual.size()] : byte & 0x3f;
}

// The trackers as the sender sees them.
struct Numbers {
  Numbers(Direction direction, const SessionEntry& entry)
      : outbound(direction == Direction::kOutbound),
        end(outbound ? entry.outbound_sequence_end : entry.inbound_sequence_end),
        answered(outbound ? entry.inbound_acknowledged : entry.outbound_acknowledged),
        peer_end(outbound ? entry.inbound_sequence_end : entry.outbound_sequence_end),
        acknowledged(outbound ? entry.outbound_acknowledged : entry.inbound_acknowledged) {}

  bool outbound;
  uint32_t end;
  uint32_t answered;
  uint32_t peer_end;
  uint32_t acknowledged;
};

}  // namespace

TcpSegment read_segment(OperationReader& reader, Direction direction, const SessionEntry& entry) {
  const Numbers numbers(direction, entry);
  TcpSegment segment;
  segment.flags = flags_of(reader.byte());
  const uint8_t choice = reader.byte();
  segment.sequence = number(reader, choice, numbers.end, numbers.answered);
  segment.acknowledgement = number(reader, choice >> 3, numbers.peer_end, numbers.acknowledged);
  if (choice >= 128) segment.payload_bytes = reader.word();
  if ((segment.flags & kSyn) != 0) segment.window_scale = reader.byte();
  return segment;
}

uint32_t read_quoted(OperationReader& reader, Direction direction, const SessionEntry& entry) {
  const Numbers numbers(direction, entry);
  const uint8_t choice = reader.byte();
  const uint32_t near = number(reader, choice, numbers.end, numbers.answered);
  // Also around the bound of 64 KiB behind what was acknowledged.
  return choice < 128 ? near : near - 65536;
}

}  // namespace postern
