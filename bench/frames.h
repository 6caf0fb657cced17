// The frames of a benchmark: UDP from pods inside a tunnel, or replies to an egress address.
//
// A frame is a template (one per node outbound, one in all inbound) and a record of 16 bytes with
// what differs by packet: addresses, the session's port, both checksums. Records are prepared
// beforehand and read in order, so making a frame costs two lines written and a quarter of a line
// read, whatever the number of sessions. The payload is zero and stays untouched.
// Immutable after construction; any thread.
#ifndef POSTERN_BENCH_FRAMES_H_
#define POSTERN_BENCH_FRAMES_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "bench/conversation.h"
#include "bench/scenario.h"
#include "dataplane/packet/direction.h"
#include "dataplane/wire/headers.h"

namespace postern::bench {

struct FrameRecord {
  Be32 source;
  Be32 destination;
  Be16 port;  // of the session: outbound the source port, inbound the destination port
  uint16_t template_index;
  Be16 ip_checksum;
  Be16 udp_checksum;
};
static_assert(sizeof(FrameRecord) == 16);

class Frames {
 public:
  // Ethernet's checksum is in `frame_bytes` as everybody counts it, but in no buffer.
  static constexpr uint32_t kEthernetChecksumBytes = 4;

  // Frames of `frame_bytes` for the packet that is translated, as a pod or server would send it;
  // outbound the tunnel's headers come on top.
  Frames(const Scenario& scenario, Direction direction, uint32_t frame_bytes)
      : Frames(scenario, direction, std::span(&frame_bytes, 1)) {}
  // Frames of several sizes, at least one: each record is of one of them.
  Frames(const Scenario& scenario, Direction direction, std::span<const uint32_t> sizes);

  // `inside` is the packet's end at the gateway: outbound the pod, inbound the egress address.
  // `size` is an index into the sizes.
  [[nodiscard]] FrameRecord record(const Conversation& conversation, Ipv4Address inside,
                                   uint16_t inside_port, size_t size = 0) const;
  [[nodiscard]] FrameRecord outbound_record(const Conversation& conversation,
                                            size_t size = 0) const {
    return record(conversation, conversation.pod, conversation.source_port, size);
  }

  [[nodiscard]] size_t sizes() const { return templates_.size() / templates_a_size_; }
  // Bytes of a frame in its buffer; where there are several sizes, of the first one.
  [[nodiscard]] uint16_t bytes() const { return frame_bytes_.front(); }
  [[nodiscard]] uint16_t bytes(const FrameRecord& record) const {
    return frame_bytes_[record.template_index];
  }

  // Writes a frame's headers to `at`, where room is for a whole template and the rest is zero.
  void write(const FrameRecord& record, uint8_t* at) const {
    const Template& headers = templates_[record.template_index];
    std::memcpy(at, headers.byte.data(), kUsualBytes);
    if (ip_offset_ > kUsualBytes - kIpAndUdpBytes) [[unlikely]]  // the tunnel has options
      std::memcpy(at + kUsualBytes, &headers.byte[kUsualBytes], kTemplateBytes - kUsualBytes);
    uint8_t* const ip = at + ip_offset_;
    store(ip + offsetof(Ipv4Header, checksum), record.ip_checksum);
    store(ip + offsetof(Ipv4Header, source), record.source);
    store(ip + offsetof(Ipv4Header, destination), record.destination);
    uint8_t* const udp = ip + sizeof(Ipv4Header);
    store(udp + port_offset_, record.port);
    store(udp + offsetof(UdpHeader, checksum), record.udp_checksum);
  }

  // What write() writes at most: all headers, the rest zero.
  static constexpr size_t kTemplateBytes = 128;

 private:
  // All headers where the tunnel has no options.
  static constexpr size_t kUsualBytes = 96;
  static constexpr size_t kIpAndUdpBytes = sizeof(Ipv4Header) + sizeof(UdpHeader);
  static_assert(sizeof(TunnelEncapsulation) + kIpAndUdpBytes <= kUsualBytes);
  struct alignas(32) Template {
    std::array<uint8_t, kTemplateBytes> byte{};
  };

  void write_packet(uint8_t* ethernet, MacAddress source, MacAddress destination,
                    uint32_t ip_bytes) const;
  [[nodiscard]] Template outbound_template(const Scenario& scenario, uint32_t node,
                                           uint32_t ip_bytes) const;

  Direction direction_;
  uint32_t ip_offset_;
  uint32_t port_offset_;
  uint32_t templates_a_size_;
  std::vector<Template> templates_;
  std::vector<uint16_t> frame_bytes_;  // by template
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_FRAMES_H_
