#include "dataplane/run/device.h"

#include <algorithm>
#include <charconv>

namespace postern {
namespace {

// What drivers expect of a buffer, whatever the MTU: the driver's default.
constexpr uint32_t kLeastRoomBytes = 2048;

// What the kernel puts before the Ethernet header in a frame of a TPACKET_V2 ring: the header's 52
// bytes and room for a MAC header, aligned to 16, less the MAC header's 14 (packet(7),
// tpacket_rcv).
constexpr uint32_t kRingHeaderBytes = 66;
// What the driver takes off a ring frame to get the room that an mbuf must have.
constexpr uint32_t kRingOverheadBytes = 32;
constexpr uint32_t kRingFrameBytes = 2048;  // the driver's default
constexpr uint32_t kRingFrames = 512;       // the driver's default
// 8192 frames of 2 KiB in blocks of 64 KiB: 0.30 million packets a second on a veth pair, 0.15 with
// the driver's defaults (512 frames in blocks of 4 KiB). Larger frames share the same memory.
constexpr uint32_t kRingBlockBytes = 65536;
constexpr uint32_t kRingBytes = 8192 * kRingFrameBytes;

constexpr uint32_t kMemifBufferBytes = 2048;  // the driver's default
// One 4 KiB chunk of the shared memory less what the driver and the kernel put into it.
constexpr uint32_t kXdpMaxMtuBytes = 3542;

constexpr uint32_t round_up(uint32_t value, uint32_t to) { return (value + to - 1) / to * to; }

bool is_hex(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// "0000:3b:00.0" for that or "3b:00.0"; nothing for anything else.
std::optional<std::string> pci_address(std::string_view text) {
  std::string full(text);
  if (text.size() == 7) full = "0000:" + full;
  if (full.size() != 12 || full[4] != ':' || full[7] != ':' || full[10] != '.') return std::nullopt;
  const std::string_view view = full;
  if (!is_hex(view.substr(0, 4)) || !is_hex(view.substr(5, 2)) || !is_hex(view.substr(8, 2)) ||
      full[11] < '0' || full[11] > '7') {
    return std::nullopt;
  }
  std::transform(full.begin(), full.end(), full.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  return full;
}

// "net_tap" for "net_tap0"; DPDK's old names "eth_tap0" are the same drivers.
std::string driver_of(std::string_view name) {
  const size_t last = name.find_last_not_of("0123456789");
  std::string driver(name.substr(0, last + 1));
  if (driver.starts_with("eth_")) driver.replace(0, 3, "net");
  return driver;
}

// The value of a numeric argument, or `otherwise` where it is missing or no number.
uint32_t number(const Device& device, std::string_view key, uint32_t otherwise) {
  const std::optional<std::string_view> text = device.argument(key);
  if (!text) return otherwise;
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc() && end == text->data() + text->size() ? value : otherwise;
}

bool has_any(const Device& device, std::initializer_list<std::string_view> keys) {
  return std::any_of(keys.begin(), keys.end(),
                     [&device](std::string_view key) { return device.argument(key).has_value(); });
}

// The smallest power of two from 2048 on that holds a frame for the MTU.
uint32_t ring_frame_bytes(uint32_t mtu_bytes) {
  uint32_t bytes = kRingFrameBytes;
  while (bytes < kRingHeaderBytes + kFrameOverheadBytes + mtu_bytes) bytes *= 2;
  return bytes;
}

void add(Device& device, std::string_view key, uint32_t value) {
  device.arguments.emplace_back(key, std::to_string(value));
}

}  // namespace

Outcome<Device> Device::parse(std::string_view text) {
  Device device;
  const size_t comma = std::min(text.find(','), text.size());
  const std::string_view first = text.substr(0, comma);
  if (std::optional<std::string> address = pci_address(first)) {
    device.kind = Kind::kPci;
    device.name = *std::move(address);
  } else if (first.starts_with("net_") || first.starts_with("eth_")) {
    device.name = first;
    device.driver = driver_of(first);
  } else {
    return Complaint{
        "\"" + std::string(text) + "\" is no device",
        "write a PCI address (\"0000:3b:00.0\", dpdk-devbind.py --status-dev net lists "
        "them) or a DPDK driver (\"net_af_packet0,iface=" +
            std::string(first) + "\")"};
  }
  for (size_t at = comma; at < text.size();) {
    const size_t end = std::min(text.find(',', at + 1), text.size());
    const std::string_view part = text.substr(at + 1, end - at - 1);
    const size_t equals = std::min(part.find('='), part.size());
    const size_t value_at = std::min(equals + 1, part.size());
    device.arguments.emplace_back(part.substr(0, equals), part.substr(value_at));
    at = end;
  }
  return device;
}

std::optional<std::string_view> Device::argument(std::string_view key) const {
  for (auto it = arguments.rbegin(); it != arguments.rend(); ++it) {
    if (it->first == key) return it->second;
  }
  return std::nullopt;
}

std::string Device::text() const {
  std::string text = name;
  for (const auto& [key, value] : arguments) {
    text += "," + key;
    if (!value.empty()) text += "=" + value;
  }
  return text;
}

bool Device::opens_kernel_interface() const {
  return driver == "net_af_packet" || driver == "net_af_xdp";
}

std::optional<std::string_view> Device::kernel_interface() const {
  if (!opens_kernel_interface()) return std::nullopt;
  return argument("iface");
}

Device complete_device(Device device, uint32_t mtu_bytes, uint16_t queues) {
  if (device.driver == "net_af_packet") {
    if (!has_any(device, {"blocksz", "framesz", "framecnt"})) {
      add(device, "blocksz", kRingBlockBytes);
      add(device, "framesz", ring_frame_bytes(mtu_bytes));
      add(device, "framecnt", kRingBytes / ring_frame_bytes(mtu_bytes));
    }
    if (!device.argument("qdisc_bypass")) add(device, "qdisc_bypass", 1);
    if (queues > 1 && !device.argument("qpairs")) add(device, "qpairs", queues);
  }
  if (device.driver == "net_af_xdp" && queues > 1 && !device.argument("queue_count")) {
    add(device, "queue_count", queues);
  }
  if (device.driver == "net_tap" && !device.argument("iface")) {
    const size_t digits = device.name.find_last_not_of("0123456789") + 1;
    device.arguments.emplace_back("iface", "dtap" + device.name.substr(digits));
  }
  if (device.driver == "net_memif" && !device.argument("bsize") &&
      mtu_bytes + kFrameOverheadBytes > kMemifBufferBytes) {
    add(device, "bsize", round_up(mtu_bytes + kFrameOverheadBytes, 1024));
  }
  return device;
}

std::optional<Complaint> check_mtu(const Device& device, uint32_t mtu_bytes) {
  const uint32_t frame_bytes = mtu_bytes + kFrameOverheadBytes;
  const std::string wanted = " is too small for mtu " + std::to_string(mtu_bytes);
  if (device.driver == "net_af_packet" &&
      number(device, "framesz", kRingFrameBytes) < kRingHeaderBytes + frame_bytes) {
    return Complaint{"framesz of " + device.name + wanted,
                     "leave framesz, framecnt and blocksz out, or write framesz=" +
                         std::to_string(ring_frame_bytes(mtu_bytes))};
  }
  if (device.driver == "net_memif" && number(device, "bsize", kMemifBufferBytes) < frame_bytes) {
    return Complaint{
        "bsize of " + device.name + wanted,
        "leave bsize out, or write bsize=" + std::to_string(round_up(frame_bytes, 1024))};
  }
  if (device.driver == "net_af_xdp" && mtu_bytes > kXdpMaxMtuBytes) {
    return Complaint{
        "net_af_xdp cannot do mtu " + std::to_string(mtu_bytes),
        "its largest is " + std::to_string(kXdpMaxMtuBytes) + "; use net_af_packet for more"};
  }
  return std::nullopt;
}

uint64_t locked_ring_bytes(const Device& device) {
  if (device.driver != "net_af_packet") return 0;
  const uint64_t frames = number(device, "framecnt", kRingFrames);
  return 2 * frames * number(device, "framesz", kRingFrameBytes);  // one to receive, one to send
}

uint32_t ring_room_bytes(const Device& device) {
  if (device.driver == "net_af_packet") {
    constexpr uint32_t kHeaders = kRingHeaderBytes + kFrameOverheadBytes;
    return std::max(number(device, "framesz", kRingFrameBytes), kHeaders) - kHeaders;
  }
  return device.driver == "net_af_xdp" ? kXdpMaxMtuBytes : UINT32_MAX;
}

uint32_t frame_room_bytes(const Device& device, uint32_t mtu_bytes) {
  uint32_t bytes = std::max(kLeastRoomBytes, mtu_bytes + kFrameOverheadBytes);
  if (device.driver == "net_af_packet") {
    const uint32_t ring_frame = number(device, "framesz", kRingFrameBytes);
    bytes = std::max(bytes, std::max(ring_frame, kRingOverheadBytes) - kRingOverheadBytes);
  }
  if (device.driver == "net_memif") {
    bytes = std::max(bytes, number(device, "bsize", kMemifBufferBytes));
  }
  return round_up(bytes, 64);
}

}  // namespace postern
