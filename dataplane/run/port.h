// A port: one DPDK device, from its opening to its closing. Any device that DPDK has a driver for:
// NICs by PCI address, software devices by vdev string.
//
//   open()   the device is probed, found by its name and configured: its facts are known
//   start()  queues are set up over the pool, packets flow
//   steer()  the device is asked to bring packets to their owners' queues (steering.h)
//   stop()   packets end, the device is closed and removed (also by the destructor)
//
// Kernel interfaces: net_af_packet and net_af_xdp share an interface with the kernel, whose own
// stack sees the packets too. It must have no address there and must not forward, or it answers
// and routes beside the gateway. net_tap makes an interface whose end in the kernel is the port's
// peer and is born with the port's own MAC address: give it another one (ip link set NAME address)
// before it joins a bridge. It may be moved to another network namespace and renamed once the port
// is started, not before.
//
// Control thread. Workers receive and send by port_id() while the port is started.
#ifndef POSTERN_DATAPLANE_RUN_PORT_H_
#define POSTERN_DATAPLANE_RUN_PORT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/run/complaint.h"
#include "dataplane/run/device.h"
#include "dataplane/run/dpdk_log.h"
#include "dataplane/run/mbuf_pool.h"
#include "dataplane/run/offloads.h"
#include "dataplane/run/settings.h"
#include "dataplane/run/steering_device.h"

namespace postern {

struct PortLink {
  bool up = false;
  uint32_t speed_mbit = 0;  // 0: unknown
};

// Packets as the device counts them; what the gateway did with them is in its own counters.
struct PortStatistics {
  uint64_t received = 0;
  uint64_t sent = 0;
  uint64_t missed = 0;  // arrived and were lost: ring full or no buffer
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;
};

class Port {
 public:
  // Complains with the port's name, DPDK's first error lines and what to do: exit status 3 of the
  // daemon. `log` must outlive the port.
  static Outcome<Port> open(const PortSettings& settings, DpdkLog& log);
  Port(Port&&) noexcept;
  Port& operator=(Port&&) = delete;
  ~Port();

  // Nothing where the port runs now. The pool must outlive the port.
  [[nodiscard]] std::optional<Complaint> start(const MbufPool& pool);
  void stop();

  // Instead of how it was steered before. After start().
  void steer(const SteeringNeeds& needs) { steering_.steer(port_id_, receive_queues_, needs); }
  // How it would be, without a change.
  [[nodiscard]] SteeringPlan plan_steering(const SteeringNeeds& needs) const;
  [[nodiscard]] const SteeringDevice& steering() const { return steering_; }

  [[nodiscard]] const std::string& name() const { return settings_.name; }
  [[nodiscard]] uint16_t port_id() const { return port_id_; }
  // The gateway's MAC address on this port: the configured one, else the device's, else (a device
  // that has none, net_ring) one made of the port's name.
  [[nodiscard]] MacAddress mac() const { return mac_; }
  [[nodiscard]] const std::string& driver() const { return driver_; }
  [[nodiscard]] uint32_t mtu_bytes() const { return settings_.mtu_bytes; }
  // Receive queues that it has, from 0: perhaps fewer than were wanted, and the first workers poll
  // them. Transmit queues are as many as were wanted.
  [[nodiscard]] uint16_t receive_queues() const { return receive_queues_; }
  // Whether its device puts VLAN tags on: the gateway tells it which, and need not do it.
  [[nodiscard]] bool puts_tags_on() const { return postern::puts_tags_on(offloads_); }
  // Whether its device judges checksums of what it receives (known_sums.h).
  [[nodiscard]] bool judges_sums() const { return postern::judges_sums(offloads_); }
  [[nodiscard]] const Device& device() const { return device_; }

  // Room that its frames need in a buffer.
  [[nodiscard]] uint32_t frame_room_bytes() const;

  [[nodiscard]] PortLink link() const;
  [[nodiscard]] PortStatistics statistics() const;
  // Whether MTUs still fit: somebody may have changed the kernel interface's or the device's since
  // start(). A link that carries less than the port's MTU is complained of, and one that carries
  // more than buffers have room for. Asks the kernel; for a few times a second.
  [[nodiscard]] std::optional<Complaint> check_link_mtu() const;

 private:
  Port(const PortSettings& settings, Device device, DpdkLog& log);
  [[nodiscard]] std::optional<Complaint> probe();
  [[nodiscard]] std::optional<Complaint> configure();
  [[nodiscard]] std::optional<Complaint> set_up_queues(const MbufPool& pool);
  [[nodiscard]] std::optional<Complaint> settle_mac();
  [[nodiscard]] std::optional<Complaint> prepare_interface();
  [[nodiscard]] std::optional<Complaint> lengthen_tap();
  [[nodiscard]] std::string interface() const;
  [[nodiscard]] std::optional<Complaint> check_link_carries_mtu() const;
  [[nodiscard]] std::optional<uint32_t> link_mtu_bytes() const;
  [[nodiscard]] Complaint failure(const std::string& doing, int error) const;
  [[nodiscard]] Complaint too_few_queues(uint16_t most) const;

  PortSettings settings_;
  Device device_;
  DpdkLog* log_;
  std::string driver_;
  MacAddress mac_;
  uint16_t port_id_ = kNoPort;
  uint16_t receive_queues_ = 1;
  uint32_t packet_room_bytes_ = 0;  // of its rings and buffers, for an IP packet
  uint16_t receive_slots_ = 0;      // of a queue's ring
  uint16_t transmit_slots_ = 0;
  Offloads offloads_;
  SteeringDevice steering_;
  bool started_ = false;

  static constexpr uint16_t kNoPort = 0xffff;
};

// What a pool for these ports must offer: room for the largest frame, and buffers for full rings,
// for what `workers` threads hold in bursts and caches, for `held` packets of each that wait for
// neighbours, and for the rings between workers. Known before any device is opened, so that a port
// starts right after it was opened.
struct PoolPlan {
  uint32_t buffers = 0;
  uint32_t frame_room_bytes = 0;
};
[[nodiscard]] PoolPlan plan_pool(std::span<const PortSettings> ports, uint32_t workers,
                                 uint32_t held);

// Opens and starts the ports one by one, in their order; the first complaint closes them all.
[[nodiscard]] Outcome<std::vector<Port>> start_ports(std::span<const PortSettings> ports,
                                                     const MbufPool& pool, DpdkLog& log);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_PORT_H_
