// A port's device as text: a PCI address, or DPDK's vdev string "net_KIND<N>[,key=value...]".
// Taken apart here, and completed with what the driver must be told for the port's MTU and for
// speed, wherever the operator did not say it himself. Pure functions; any thread.
#ifndef POSTERN_DATAPLANE_RUN_DEVICE_H_
#define POSTERN_DATAPLANE_RUN_DEVICE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/run/complaint.h"

namespace postern {

// What a frame has beside its IP packet: an Ethernet header with room for two VLAN tags.
inline constexpr uint32_t kFrameOverheadBytes = 14 + 2 * 4;

struct Device {
  enum class Kind : uint8_t { kPci, kVdev };
  Kind kind = Kind::kVdev;
  std::string name;    // "0000:3b:00.0", "net_tap0": how DPDK calls the device
  std::string driver;  // of a vdev: "net_tap"; empty for PCI
  std::vector<std::pair<std::string, std::string>> arguments;  // in the order written

  // The PCI domain may be left out ("3b:00.0" is "0000:3b:00.0"). Complains about anything that is
  // neither.
  static Outcome<Device> parse(std::string_view text);

  // The value of the last argument so called; nothing where there is none.
  [[nodiscard]] std::optional<std::string_view> argument(std::string_view key) const;
  // As DPDK takes it.
  [[nodiscard]] std::string text() const;

  // Whether the driver opens a socket on an interface of the kernel (net_af_packet, net_af_xdp).
  // The interface's MTU and state are the operator's (ip link), not ours.
  [[nodiscard]] bool opens_kernel_interface() const;
  // That interface ("iface="); nothing where none is named or the driver is another.
  [[nodiscard]] std::optional<std::string_view> kernel_interface() const;
  // Whether the driver makes a kernel interface, which lives as long as the port (net_tap).
  [[nodiscard]] bool makes_kernel_interface() const { return driver == "net_tap"; }
};

// `device` with the driver's arguments added for IP packets of `mtu_bytes` and a pair of queues for
// each of `queues` workers, wherever the operator did not give them:
//   net_af_packet  a ring of 8192 frames in 64 KiB blocks, big enough for the MTU; none of it where
//                  the operator gave blocksz, framesz or framecnt. Twice the packets a second of
//                  the driver's default ring. qpairs, for several workers.
//   net_af_xdp     queue_count, for several workers; the interface must have them (ethtool -L).
//   net_tap        iface=dtap<N>, where no name is given (as the driver itself calls it).
//   net_memif      bsize, where the default of 2048 bytes is too small.
[[nodiscard]] Device complete_device(Device device, uint32_t mtu_bytes, uint16_t queues = 1);

// What is wrong with a completed device for packets of `mtu_bytes`: buffers that the operator made
// too small, a driver that cannot do it.
[[nodiscard]] std::optional<Complaint> check_mtu(const Device& device, uint32_t mtu_bytes);

// Bytes of memory that the driver of a completed device locks for itself, per queue: the rings of
// net_af_packet. 0 for the others, which lock none or the gateway's own buffers.
[[nodiscard]] uint64_t locked_ring_bytes(const Device& device);

// Bytes of the largest IP packet that the rings of a completed device hold, whatever buffers are
// made for: the kernel cuts longer ones short (net_af_packet), or hands none over (net_af_xdp). For
// the others as large as can be said.
[[nodiscard]] uint32_t ring_room_bytes(const Device& device);

// Bytes of packet data that an mbuf needs behind its headroom to take any frame that the completed
// device may deliver. At least 2048; a multiple of 64.
[[nodiscard]] uint32_t frame_room_bytes(const Device& device, uint32_t mtu_bytes);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_DEVICE_H_
