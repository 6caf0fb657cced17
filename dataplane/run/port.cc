#include "dataplane/run/port.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/run/handover_mesh.h"
#include "dataplane/run/kernel_interface.h"
#include "dataplane/run/rss.h"
#include "dataplane/run/tap_mtu.h"

namespace postern {
namespace {

// What waits while a worker is elsewhere: 138 us at 14.88 million packets a second (10 GbE). A
// bound of buffers and of delay, not of speed; devices that want other numbers say so.
constexpr uint16_t kReceiveSlots = 2048;
constexpr uint16_t kTransmitSlots = 1024;

// The port of DPDK that belongs to the device, or nothing.
std::optional<uint16_t> find_port(const std::string& device_name) {
  uint16_t port = 0;
  if (rte_eth_dev_get_port_by_name(device_name.c_str(), &port) == 0) return port;
  for (port = 0; port < RTE_MAX_ETHPORTS; ++port) {
    if (rte_eth_dev_is_valid_port(port) == 0) continue;
    rte_eth_dev_info info{};
    if (rte_eth_dev_info_get(port, &info) == 0 && info.device != nullptr &&
        device_name == rte_dev_name(info.device)) {
      return port;
    }
  }
  return std::nullopt;
}

MacAddress from_dpdk(const rte_ether_addr& address) {
  MacAddress mac;
  std::copy(std::begin(address.addr_bytes), std::end(address.addr_bytes), mac.byte.begin());
  return mac;
}

// A locally administered address for a device without one: the same for the same name (FNV-1a).
MacAddress made_of(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : name) {
    hash = (hash ^ static_cast<uint8_t>(letter)) * 0x100000001b3;
  }
  MacAddress mac = MacAddress::from_packed(hash >> 16);
  mac.byte[0] = static_cast<uint8_t>((mac.byte[0] & 0xfc) | 0x02);
  return mac;
}

std::string advice_for(const Device& device) {
  if (device.kind == Device::Kind::kPci) {
    return "dpdk-devbind.py --status-dev net shows the device's driver; bind it to vfio-pci";
  }
  const std::string interface(device.argument("iface").value_or("NAME"));
  if (device.driver == "net_tap") {
    return "look whether interface " + interface + " exists already (ip link show " + interface +
           "), and run postern as root";
  }
  if (device.opens_kernel_interface()) {
    return "look at the interface (ip link show " + interface + "), and run postern as root";
  }
  if (device.driver == "net_pcap") return "check the files that it names";
  if (device.driver == "net_memif") return "check its socket, role and id";
  return "check its name and arguments (DPDK's network interface controller drivers)";
}

}  // namespace

Outcome<Port> Port::open(const PortSettings& settings, DpdkLog& log) {
  Outcome<Device> device = Device::parse(settings.device);
  if (!device) {
    return Complaint{"port \"" + settings.name + "\": " + device.complaint().what,
                     device.complaint().advice};
  }
  Port port(settings,
            complete_device(std::move(device).value(), settings.mtu_bytes, settings.queues), log);
  if (std::optional<Complaint> complaint = check_mtu(port.device_, settings.mtu_bytes)) {
    return Complaint{"port \"" + settings.name + "\": " + complaint->what, complaint->advice};
  }
  if (std::optional<Complaint> complaint = port.probe()) return *std::move(complaint);
  if (std::optional<Complaint> complaint = port.configure()) return *std::move(complaint);
  return port;
}

Port::Port(const PortSettings& settings, Device device, DpdkLog& log)
    : settings_(settings), device_(std::move(device)), log_(&log) {}

Port::Port(Port&& other) noexcept
    : settings_(std::move(other.settings_)),
      device_(std::move(other.device_)),
      log_(other.log_),
      driver_(std::move(other.driver_)),
      mac_(other.mac_),
      port_id_(std::exchange(other.port_id_, kNoPort)),
      receive_queues_(other.receive_queues_),
      packet_room_bytes_(other.packet_room_bytes_),
      receive_slots_(other.receive_slots_),
      transmit_slots_(other.transmit_slots_),
      offloads_(other.offloads_),
      steering_(std::move(other.steering_)),
      started_(other.started_) {}

Port::~Port() { stop(); }

std::optional<Complaint> Port::probe() {
  static_cast<void>(log_->take_errors());
  // EAL has looked at PCI devices already, and at software devices that eal.args name.
  if (!find_port(device_.name)) {
    const int error = rte_dev_probe(device_.text().c_str());
    if (error != 0 && error != -EEXIST) return failure("cannot be opened", error);
  }
  const std::optional<uint16_t> port = find_port(device_.name);
  if (!port) return failure("has no port", -ENODEV);
  port_id_ = *port;
  return std::nullopt;
}

std::optional<Complaint> Port::configure() {
  rte_eth_dev_info info{};
  if (const int error = rte_eth_dev_info_get(port_id_, &info); error != 0) {
    return failure("does not describe itself", error);
  }
  driver_ = info.driver_name;
  if (settings_.queues > info.max_tx_queues) return too_few_queues(info.max_tx_queues);
  receive_queues_ = std::clamp<uint16_t>(info.max_rx_queues, 1, settings_.queues);
  rte_eth_conf configuration{};
  if (const uint64_t fields = rss_fields(info.flow_type_rss_offloads, receive_queues_)) {
    configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    configuration.rx_adv_conf.rss_conf.rss_hf = fields;
  }
  offloads_ =
      choose_offloads(device_, {info.rx_offload_capa, info.tx_offload_capa}, settings_.vlan != 0);
  configuration.rxmode.offloads = offloads_.receive;
  configuration.txmode.offloads = offloads_.transmit;
  // Software drivers make their limits up (1518 bytes, whatever their buffers hold); a NIC's count.
  const uint32_t largest = std::min<uint32_t>(info.max_mtu, UINT16_MAX);
  if (device_.kind == Device::Kind::kPci) {
    if (settings_.mtu_bytes > largest) {
      return failure("cannot do mtu " + std::to_string(settings_.mtu_bytes) + " (its largest is " +
                         std::to_string(largest) + ")",
                     -EINVAL);
    }
    configuration.rxmode.mtu = settings_.mtu_bytes;
  }
  if (const int error =
          rte_eth_dev_configure(port_id_, receive_queues_, settings_.queues, &configuration);
      error != 0) {
    return failure("cannot be configured", error);
  }
  receive_slots_ = kReceiveSlots;
  transmit_slots_ = kTransmitSlots;
  if (const int error =
          rte_eth_dev_adjust_nb_rx_tx_desc(port_id_, &receive_slots_, &transmit_slots_);
      error != 0) {
    return failure("refuses its ring sizes", error);
  }
  return settle_mac();
}

std::optional<Complaint> Port::settle_mac() {
  rte_ether_addr address{};
  if (const int error = rte_eth_macaddr_get(port_id_, &address); error != 0) {
    return failure("has no MAC address", error);
  }
  mac_ = settings_.mac.value_or(from_dpdk(address));
  if (mac_.is_zero()) mac_ = made_of(settings_.name);
  // The tap driver would give a configured address to the kernel's end; nothing filters on ours.
  if (!settings_.mac || device_.makes_kernel_interface()) return std::nullopt;
  std::copy(mac_.byte.begin(), mac_.byte.end(), std::begin(address.addr_bytes));
  const int error = rte_eth_dev_default_mac_addr_set(port_id_, &address);
  // A driver without the operation has no filter that would have to know.
  if (error == 0 || error == -ENOTSUP) return std::nullopt;
  return failure("does not take MAC address " + mac_.text(), error);
}

std::optional<Complaint> Port::start(const MbufPool& pool) {
  if (pool.frame_room_bytes() < frame_room_bytes()) {
    return failure("needs buffers of " + std::to_string(frame_room_bytes()) +
                       " bytes, the pool's hold " + std::to_string(pool.frame_room_bytes()),
                   -EINVAL);
  }
  packet_room_bytes_ =
      std::min(ring_room_bytes(device_), pool.frame_room_bytes() - kFrameOverheadBytes);
  static_cast<void>(log_->take_errors());
  if (std::optional<Complaint> complaint = set_up_queues(pool)) return complaint;
  if (std::optional<Complaint> complaint = prepare_interface()) return complaint;
  if (const int error = rte_eth_dev_start(port_id_); error != 0) {
    return failure("does not start", error);
  }
  started_ = true;
  if (std::optional<Complaint> complaint = lengthen_tap()) return complaint;
  // Only what is sent to us: the gateway is a routed hop. Drivers that cannot say so do not filter.
  const int error = rte_eth_promiscuous_disable(port_id_);
  if (error != 0 && error != -ENOTSUP) return failure("does not leave promiscuous mode", error);
  return check_link_carries_mtu();
}

std::optional<Complaint> Port::set_up_queues(const MbufPool& pool) {
  const int socket = rte_eth_dev_socket_id(port_id_);
  const unsigned node = socket < 0 ? 0 : static_cast<unsigned>(socket);
  for (uint16_t queue = 0; queue < receive_queues_; ++queue) {
    if (const int error =
            rte_eth_rx_queue_setup(port_id_, queue, receive_slots_, node, nullptr, pool.get());
        error != 0) {
      return failure("refuses receive queue " + std::to_string(queue), error);
    }
  }
  for (uint16_t queue = 0; queue < settings_.queues; ++queue) {
    if (const int error = rte_eth_tx_queue_setup(port_id_, queue, transmit_slots_, node, nullptr);
        error != 0) {
      return failure("refuses transmit queue " + std::to_string(queue), error);
    }
  }
  return std::nullopt;
}

// The kernel's side: a tap's interface belongs to the port and gets its MTU; an interface that the
// operator lent is only brought up.
std::optional<Complaint> Port::prepare_interface() {
  if (device_.makes_kernel_interface()) {
    const int error = set_interface_mtu(interface(), settings_.mtu_bytes);
    if (error != 0) return failure("cannot give interface " + interface() + " its mtu", -error);
  }
  if (device_.opens_kernel_interface()) {
    const int error = set_interface_up(interface());
    if (error != 0) return failure("cannot bring interface " + interface() + " up", -error);
  }
  return std::nullopt;
}

std::optional<Complaint> Port::lengthen_tap() {
  if (!device_.makes_kernel_interface() || settings_.mtu_bytes <= RTE_ETHER_MTU ||
      raise_tap_mtu(port_id_, static_cast<uint16_t>(settings_.mtu_bytes))) {
    return std::nullopt;
  }
  return Complaint{"port \"" + settings_.name + "\": this version of net_tap cannot do mtu " +
                       std::to_string(settings_.mtu_bytes),
                   "write mtu = 1500, or use net_af_packet on a veth pair"};
}

void Port::stop() {
  if (port_id_ == kNoPort) return;
  rte_eth_dev_info info{};
  const bool known = rte_eth_dev_info_get(port_id_, &info) == 0;
  steering_.remove();
  if (started_) rte_eth_dev_stop(port_id_);
  started_ = false;
  rte_eth_dev_close(port_id_);
  port_id_ = kNoPort;
  // EAL lets go of NICs when it ends; a software device ends here, its interface and files with it.
  if (known && device_.kind == Device::Kind::kVdev && info.device != nullptr) {
    rte_dev_remove(info.device);
  }
}

SteeringPlan Port::plan_steering(const SteeringNeeds& needs) const {
  return postern::plan_steering(ability_of(port_id_, receive_queues_), needs,
                                [this](const SteeringPlan& plan, const SteeringRule& rule) {
                                  return validate_rule(port_id_, plan, rule, receive_queues_);
                                });
}

uint32_t Port::frame_room_bytes() const {
  return postern::frame_room_bytes(device_, settings_.mtu_bytes);
}

std::string Port::interface() const { return std::string(device_.argument("iface").value_or("")); }

PortLink Port::link() const {
  PortLink state;
  rte_eth_link link{};
  if (port_id_ == kNoPort || rte_eth_link_get_nowait(port_id_, &link) != 0) return state;
  state.up = link.link_status == RTE_ETH_LINK_UP;
  if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN) state.speed_mbit = link.link_speed;
  // The socket drivers say "up" for as long as they run.
  if (device_.opens_kernel_interface()) state.up = interface_running(interface()).value_or(false);
  // A tap's interface may live on in another namespace, where it cannot be asked.
  if (device_.makes_kernel_interface()) {
    state.up = started_ && interface_running(interface()).value_or(true);
  }
  return state;
}

PortStatistics Port::statistics() const {
  rte_eth_stats stats{};
  if (port_id_ == kNoPort || rte_eth_stats_get(port_id_, &stats) != 0) return {};
  return {.received = stats.ipackets,
          .sent = stats.opackets,
          .missed = stats.imissed + stats.rx_nombuf,
          .received_bytes = stats.ibytes,
          .sent_bytes = stats.obytes};
}

// What the link says that it carries; nothing where nobody can be asked. Software devices but for
// the kernel's make a number up.
std::optional<uint32_t> Port::link_mtu_bytes() const {
  if (device_.opens_kernel_interface() || device_.makes_kernel_interface()) {
    return interface_mtu(interface());
  }
  uint16_t now = 0;
  if (device_.kind != Device::Kind::kPci || rte_eth_dev_get_mtu(port_id_, &now) != 0) {
    return std::nullopt;
  }
  return now;
}

std::optional<Complaint> Port::check_link_carries_mtu() const {
  const std::string where = "port \"" + settings_.name + "\": ";
  const std::string mtu = std::to_string(settings_.mtu_bytes);
  const std::optional<uint32_t> now = link_mtu_bytes();
  // A tap's interface may live on in another namespace, where it cannot be asked.
  if (!now && device_.opens_kernel_interface()) {
    return Complaint{where + "interface " + interface() + " is gone",
                     "make it again and restart postern"};
  }
  if (!now || *now >= settings_.mtu_bytes) return std::nullopt;
  if (device_.kind == Device::Kind::kPci) {
    return Complaint{
        where + "its device takes packets of " + std::to_string(*now) + " bytes, mtu is " + mtu,
        "write mtu = " + std::to_string(*now) + " and restart postern"};
  }
  return Complaint{
      where + "interface " + interface() + " has MTU " + std::to_string(*now) + ", mtu is " + mtu,
      "sudo ip link set dev " + interface() + " mtu " + mtu};
}

std::optional<Complaint> Port::check_link_mtu() const {
  if (std::optional<Complaint> complaint = check_link_carries_mtu()) return complaint;
  const std::optional<uint32_t> now = link_mtu_bytes();
  if (!now || *now <= packet_room_bytes_) return std::nullopt;
  const std::string link =
      device_.kind == Device::Kind::kPci ? "its device" : "interface " + interface();
  std::string advice = "write mtu = " + std::to_string(*now) + " and restart postern";
  if (device_.kind != Device::Kind::kPci) {
    advice +=
        ", or sudo ip link set dev " + interface() + " mtu " + std::to_string(settings_.mtu_bytes);
  }
  return Complaint{"port \"" + settings_.name + "\": " + link + " has MTU " + std::to_string(*now) +
                       ", buffers have room for packets of " + std::to_string(packet_room_bytes_) +
                       " bytes: larger ones are lost",
                   advice};
}

Complaint Port::failure(const std::string& doing, int error) const {
  std::string what = "port \"" + settings_.name + "\": device " + device_.name + " " + doing + ": ";
  const std::string said = log_->take_errors();
  what += said.empty() ? rte_strerror(error < 0 ? -error : error) : said;
  return {what, advice_for(device_)};
}

// Every worker sends by a queue of its own: a shared one would need a lock.
Complaint Port::too_few_queues(uint16_t most) const {
  std::string advice = "name at most " + std::to_string(most) + " in workers.cpus";
  const std::string queues = std::to_string(settings_.queues);
  if (device_.driver == "net_af_packet") advice += ", or leave qpairs out";
  if (device_.driver == "net_af_xdp") advice += ", or write queue_count=" + queues;
  if (device_.driver == "net_pcap") advice += ", or name a tx_pcap for each worker";
  return {"port \"" + settings_.name + "\": device " + device_.name + " has " +
              std::to_string(most) + (most == 1 ? " transmit queue" : " transmit queues") +
              ", the workers need " + queues,
          advice};
}

PoolPlan plan_pool(std::span<const PortSettings> ports, uint32_t workers, uint32_t held) {
  // A worker holds a received burst and what it gathered for each port, and its cache may keep one
  // and a half times its size; the control thread is one more.
  constexpr uint32_t kPerThread = 2048;
  uint32_t wanted = (workers + 1) * kPerThread + workers * held + HandoverMesh::buffers(workers);
  PoolPlan plan;
  for (const PortSettings& port : ports) {
    wanted += uint32_t{port.queues} * (kReceiveSlots + kTransmitSlots);
    Outcome<Device> device = Device::parse(port.device);
    if (!device) continue;  // opening it will complain
    const Device completed =
        complete_device(std::move(device).value(), port.mtu_bytes, port.queues);
    plan.frame_room_bytes =
        std::max(plan.frame_room_bytes, frame_room_bytes(completed, port.mtu_bytes));
  }
  uint32_t power = 8192;
  while (power - 1 < wanted) power *= 2;
  plan.buffers = power - 1;  // what a mempool's ring uses best
  return plan;
}

Outcome<std::vector<Port>> start_ports(std::span<const PortSettings> ports, const MbufPool& pool,
                                       DpdkLog& log) {
  std::vector<Port> started;
  started.reserve(ports.size());
  for (const PortSettings& settings : ports) {
    Outcome<Port> port = Port::open(settings, log);
    if (!port) return port.complaint();
    started.push_back(std::move(port).value());
    if (std::optional<Complaint> complaint = started.back().start(pool)) {
      return *std::move(complaint);
    }
  }
  return started;
}

}  // namespace postern
