#include "bench/run/eth_device.h"

#include <rte_dev.h>

#include <cstring>

#include "dataplane/run/device.h"

namespace postern::bench {

Outcome<EthDevice> EthDevice::open(const std::string& device, rte_mempool* pool, DpdkLog& log) {
  Outcome<Device> parsed = Device::parse(device);
  if (!parsed) return parsed.complaint();
  EthDevice made(parsed.value().name);
  static_cast<void>(log.take_errors());
  const char* doing = "opened";
  int error = 0;
  // EAL has looked at PCI devices already.
  if (rte_eth_dev_get_port_by_name(made.device_.c_str(), &made.id_) != 0) {
    error = rte_dev_probe(parsed.value().text().c_str());
    if (error == 0) error = rte_eth_dev_get_port_by_name(made.device_.c_str(), &made.id_);
  }
  if (error == 0) error = made.start(pool, doing);
  if (error == 0) return made;
  std::string said = log.take_errors();
  if (said.empty()) said = strerror(-error);
  return Complaint{made.device_ + " cannot be " + doing + ": " + said, ""};
}

int EthDevice::start(rte_mempool* pool, const char*& doing) {
  doing = "configured";
  const rte_eth_conf defaults{};
  if (const int error = rte_eth_dev_configure(id_, 1, 1, &defaults); error != 0) return error;
  uint16_t receive_slots = kSlots;
  uint16_t transmit_slots = kSlots;
  if (const int error = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &receive_slots, &transmit_slots);
      error != 0) {
    return error;
  }
  const int socket = rte_eth_dev_socket_id(id_);
  const unsigned node = socket < 0 ? 0 : static_cast<unsigned>(socket);
  doing = "given a receive queue";
  if (const int error = rte_eth_rx_queue_setup(id_, 0, receive_slots, node, nullptr, pool);
      error != 0) {
    return error;
  }
  doing = "given a transmit queue";
  if (const int error = rte_eth_tx_queue_setup(id_, 0, transmit_slots, node, nullptr); error != 0) {
    return error;
  }
  doing = "started";
  if (const int error = rte_eth_dev_start(id_); error != 0) return error;
  started_ = true;
  // A generator need not know our MAC address. Drivers that cannot say so do not filter.
  const int error = rte_eth_promiscuous_enable(id_);
  return error == -ENOTSUP ? 0 : error;
}

EthDevice::~EthDevice() {
  if (id_ == kNone) return;
  rte_eth_dev_info info{};
  const bool known = rte_eth_dev_info_get(id_, &info) == 0;
  if (started_) rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
  // EAL lets go of NICs when it ends.
  if (known && info.device != nullptr && device_.starts_with("net_")) rte_dev_remove(info.device);
}

bool EthDevice::is_linked() const {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

uint64_t EthDevice::missed() const {
  rte_eth_stats stats{};
  return rte_eth_stats_get(id_, &stats) == 0 ? stats.imissed + stats.rx_nombuf : 0;
}

}  // namespace postern::bench
