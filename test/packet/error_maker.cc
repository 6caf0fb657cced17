#include "test/packet/error_maker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dataplane/wire/checksum.h"
#include "test/packet/world.h"
#include "test/unit/table/tcp_operations.h"

namespace postern::test {
namespace {

// Bits of the byte of faults.
constexpr uint8_t kWrongChecksum = 1;
constexpr uint8_t kTtlIsOver = 2;
constexpr uint8_t kOtherEgressAddress = 4;
constexpr uint8_t kQuotedBackwards = 8;
constexpr uint8_t kOuterOptions = 16;
constexpr uint8_t kQuotedOptions = 32;
constexpr uint8_t kPadded = 64;
constexpr uint8_t kNoUdpChecksum = 128;

std::string text_of(uint32_t address) { return Ipv4Address{address}.text(); }

// The packet of the session as it went out, or its answer as it came in.
Packet quoted_packet(const PlainSession& session, uint8_t faults, uint32_t sequence,
                     uint32_t payload_bytes) {
  const bool backwards = (faults & kQuotedBackwards) != 0;
  const PlainEnd from = backwards ? session.remote : session.egress;
  const PlainEnd to = backwards ? session.egress : session.remote;
  Ipv4Options ip{.ttl = 1, .dont_fragment = true};
  if ((faults & kQuotedOptions) != 0) ip.options = {7, 7, 4, 0, 0, 0, 0, 0};  // record route
  Packet packet;
  packet.ipv4(text_of(from.address), text_of(to.address), std::move(ip));
  if (session.protocol == kProtocolUdp) {
    packet.udp(from.port, to.port, (faults & kNoUdpChecksum) == 0);
  } else if (session.protocol == kProtocolTcp) {
    packet.tcp(from.port, to.port, {.flags = TcpHeader::kAck, .sequence = sequence});
  } else if (backwards) {
    packet.echo_reply(session.egress.port);
  } else {
    packet.echo_request(session.egress.port);
  }
  return packet.payload(size_t{payload_bytes});
}

uint32_t sequence_of(OperationReader& reader, const PlainSession& session) {
  const uint8_t choice = reader.byte();
  switch (choice % 4) {
    case 0:
      return session.highest_sequence;
    case 1:
      return session.highest_sequence + static_cast<uint32_t>(static_cast<int8_t>(reader.byte()));
    case 2:
      return session.lowest_sequence + static_cast<uint32_t>(static_cast<int8_t>(reader.byte()));
    default:
      return reader.word() << 16 | reader.word();
  }
}

std::string source_of(uint8_t choice, const PlainSession& session) {
  switch (choice % 8) {
    case 0:
      return text_of(session.remote.address);
    case 1:
      return "224.0.0.5";
    case 2:
      return "192.0.2.10";  // the gateway's own
    case 3:
      return std::string(kPodAddress);  // likewise
    default:
      return "198.51.100.1";
  }
}

uint8_t type_of(uint8_t choice) {
  constexpr uint8_t kTypes[] = {3, 3, 3, 11, 11, 12, 4, 5};
  return kTypes[choice % 8];
}

// Changes bytes behind the ICMP header by what is left of the description.
void damage(OperationReader& reader, Bytes& quote) {
  while (!reader.empty() && !quote.empty()) {
    const size_t at = reader.byte() % quote.size();
    quote[at] = static_cast<uint8_t>(quote[at] ^ reader.byte());
  }
}

}  // namespace

Bytes make_error(std::span<const uint8_t> bytes, const std::vector<PlainSession>& sessions) {
  OperationReader reader(bytes.first(std::min<size_t>(bytes.size(), 64)));
  const PlainSession& session = sessions[reader.byte() % sessions.size()];
  const uint8_t faults = reader.byte();
  const uint8_t type = type_of(reader.byte());
  const uint8_t code = reader.byte() % 16;
  const std::string source = source_of(reader.byte(), session);
  const uint32_t rest = reader.word();
  const uint32_t mtu = reader.word();
  const uint32_t sequence = sequence_of(reader, session);
  const uint32_t payload_bytes = reader.byte();
  const uint32_t quoted_bytes = reader.byte() * 2;

  Bytes quote = quoted_packet(session, faults, sequence, payload_bytes).bytes();
  quote.resize(std::min<size_t>(quote.size(), quoted_bytes));
  damage(reader, quote);
  Bytes icmp = {type,
                code,
                0,
                0,
                static_cast<uint8_t>(rest >> 8),
                static_cast<uint8_t>(rest),
                static_cast<uint8_t>(mtu >> 8),
                static_cast<uint8_t>(mtu)};
  icmp.insert(icmp.end(), quote.begin(), quote.end());
  store(&icmp[2], checksum_of(icmp.data(), icmp.size()));
  if ((faults & kWrongChecksum) != 0) icmp[2] ^= 0x40;

  Ipv4Options ip{.ttl = (faults & kTtlIsOver) != 0 ? uint8_t{1} : uint8_t{60}};
  if ((faults & kOuterOptions) != 0) ip.options = {7, 7, 4, 0, 0, 0, 0, 0};
  const std::string destination = (faults & kOtherEgressAddress) != 0
                                      ? std::string("192.0.2.60")
                                      : text_of(session.egress.address);
  Bytes frame = from_outside().ipv4(source, destination, std::move(ip)).raw(icmp).bytes();
  uint8_t* const header = &frame[sizeof(EthernetHeader)];
  store(frame.data() + 12, Be16(kEtherTypeIpv4));
  header[offsetof(Ipv4Header, protocol)] = kProtocolIcmp;
  store(header + offsetof(Ipv4Header, checksum), Be16(0));
  store(header + offsetof(Ipv4Header, checksum),
        checksum_of(header, load<Ipv4Header>(header).header_bytes()));
  if ((faults & kPadded) != 0) frame.insert(frame.end(), 18, 0xee);
  return frame;
}

}  // namespace postern::test
