#include "test/packet/geneve_player.h"

#include <vector>

#include "dataplane/packet/parse_tunnel.h"
#include "test/packet/overlay.h"

namespace postern::test {
namespace {

constexpr size_t kHeaderBytes = 8;
constexpr size_t kMostOptionBytes = 63 * 4;

// The bytes one after the other, zeros behind their end.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  uint8_t next() { return at_ < bytes_.size() ? bytes_[at_++] : uint8_t{0}; }
  [[nodiscard]] bool done() const { return at_ >= bytes_.size(); }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

// Bits of the first byte: what is chosen by the bytes and not as it should be.
constexpr uint8_t kChooseLength = 1;
constexpr uint8_t kChooseFlags = 2;
constexpr uint8_t kChooseProtocol = 4;
constexpr uint8_t kChooseVersion = 8;
constexpr uint8_t kCut = 16;
// Bits of an option's first byte: its class, and whether it lacks a word of its data.
constexpr uint8_t kClassMask = 3;
constexpr uint8_t kShort = 4;

void add_option(Reader& reader, Bytes& options) {
  const uint8_t how = reader.next();
  Bytes option{0x01, 0x02};
  if ((how & kClassMask) == 1) option = {0x01, 0x03};
  if ((how & kClassMask) == 2) option = {reader.next(), reader.next()};
  option.push_back(reader.next());
  option.push_back(reader.next());
  size_t words = option[3] & 0x1f;
  if ((how & kShort) != 0 && words > 0) --words;
  for (size_t i = 0; i < words * 4; ++i) option.push_back(static_cast<uint8_t>(i));
  options.insert(options.end(), option.begin(), option.end());
}

// A packet's UDP payload.
struct Payload {
  Bytes bytes;
  bool is_cut = false;  // the inner frame is not whole
};

Payload build(std::span<const uint8_t> bytes) {
  Reader reader(bytes);
  const uint8_t chosen = reader.next();
  const uint8_t length = (chosen & kChooseLength) != 0 ? reader.next() : uint8_t{0};
  const uint8_t flags = (chosen & kChooseFlags) != 0 ? reader.next() : GeneveHeader::kCritical;
  Bytes protocol{0x65, 0x58};
  if ((chosen & kChooseProtocol) != 0) protocol = {reader.next(), reader.next()};
  const uint8_t version = (chosen & kChooseVersion) != 0 ? reader.next() & 0xc0 : 0;
  const size_t cut = (chosen & kCut) != 0 ? reader.next() : 0;
  Bytes options;
  while (!reader.done() && options.size() < kMostOptionBytes) add_option(reader, options);
  if (options.size() > kMostOptionBytes) options.resize(kMostOptionBytes);
  const size_t words = (chosen & kChooseLength) != 0 ? length & 0x3f : options.size() / 4;
  Payload payload;
  payload.bytes = {
      static_cast<uint8_t>(version | words), flags, protocol[0], protocol[1], 0, 0, 100, 0x5a};
  const Bytes inner = Packet()
                          .ethernet(kNode1InnerMac, kInnerMac)
                          .ipv4(kPod, kServer)
                          .udp(7777, 53)
                          .payload("question")
                          .bytes();
  payload.bytes.insert(payload.bytes.end(), options.begin(), options.end());
  payload.bytes.insert(payload.bytes.end(), inner.begin(), inner.end());
  payload.is_cut = cut > 0 || words * 4 != options.size();
  payload.bytes.resize(payload.bytes.size() - std::min(cut, payload.bytes.size()));
  return payload;
}

// RFC 8926 3.4 and 3.5 in the plainest words: whether the packet may pass.
bool is_good(const Bytes& payload) {
  if (payload.size() < kHeaderBytes) return false;
  const size_t end = kHeaderBytes + 4 * static_cast<size_t>(payload.at(0) % 64);
  if (payload.at(0) / 64 != 0 || end > payload.size()) return false;
  if (payload.at(1) >= 0x80) return false;
  if (payload.at(2) != 0x65 || payload.at(3) != 0x58) return false;
  size_t at = kHeaderBytes;
  while (at != end) {
    const size_t next = at + 4 + 4 * static_cast<size_t>(payload.at(at + 3) % 32);
    if (next > end) return false;
    const bool is_ovn = payload.at(at) == 0x01 && payload.at(at + 1) == 0x02;
    if (payload.at(at + 2) >= 0x80 && !is_ovn) return false;
    at = next;
  }
  return true;
}

}  // namespace

GenevePlayer::GenevePlayer() : gateway_(overlay_world(Overlay::kGeneve)) {}

std::string GenevePlayer::play(std::span<const uint8_t> bytes) {
  const Payload payload = build(bytes);
  const bool is_bad = !is_good(payload.bytes);
  const Packet packet = Packet()
                            .ethernet(kNode1Mac, Gateway::kClusterMac)
                            .ipv4("10.0.0.1", "10.0.0.254")
                            .udp(50000, 6081, false)
                            .raw(payload.bytes);
  const Bytes frame = packet.bytes();
  const Bytes udp(frame.begin() + 14 + 20, frame.end());  // alone on the heap, exactly as long
  const TunnelParts parts = parse_geneve(udp.data(), static_cast<uint32_t>(udp.size()));
  if (parts.valid == is_bad) return "the parser thinks otherwise\n" + decode(frame);
  const uint64_t dropped = gateway_.dropped(Reason::kTunnelBadHeader);
  const std::vector<Sent> sent = gateway_.receive("underlay", packet);
  if (gateway_.imbalance() != 0) return "the counters do not close\n" + decode(frame);
  if (is_bad && (!sent.empty() || gateway_.dropped(Reason::kTunnelBadHeader) != dropped + 1)) {
    return "not dropped for its header\n" + decode(frame);
  }
  if (is_bad || payload.is_cut) return "";
  ++passed_;
  const Bytes expected = Packet(on_uplink())
                             .ipv4(kPodAddress, kServer, {.ttl = 63})
                             .udp(gateway_.only_session().egress_port.host(), 53)
                             .payload("question")
                             .bytes();
  if (sent.size() != 1 || sent[0].frame != expected) return "it did not go on\n" + decode(frame);
  return "";
}

}  // namespace postern::test
