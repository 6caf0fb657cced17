#include "bench/compare/probe_ports.h"

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cstring>

namespace postern::bench {

std::string ProbePort::open(uint32_t number, const std::string& path, rte_mempool* pool) {
  const std::string name = "net_memif" + std::to_string(number);
  const std::string device = name + ",role=client,id=0,socket-abstract=no,socket=" + path;
  int error = rte_dev_probe(device.c_str());
  if (error == 0) error = rte_eth_dev_get_port_by_name(name.c_str(), &id_);
  if (error == 0) error = start(pool);
  if (error == 0) return "";
  return name + " cannot be opened: " + strerror(-error);
}

int ProbePort::start(rte_mempool* pool) {
  const rte_eth_conf defaults{};
  int error = rte_eth_dev_configure(id_, 1, 1, &defaults);
  if (error == 0) error = rte_eth_rx_queue_setup(id_, 0, kSlots, 0, nullptr, pool);
  if (error == 0) error = rte_eth_tx_queue_setup(id_, 0, kSlots, 0, nullptr);
  return error == 0 ? rte_eth_dev_start(id_) : error;
}

ProbePort::~ProbePort() {
  if (id_ == kNone) return;
  rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
}

bool ProbePort::is_linked() const {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

uint16_t ProbePort::receive(rte_mbuf** frames, uint16_t most) {
  return rte_eth_rx_burst(id_, 0, frames, most);
}

uint16_t ProbePort::send(rte_mbuf** frames, uint16_t count) {
  const uint16_t sent = rte_eth_tx_burst(id_, 0, frames, count);
  if (sent < count) rte_pktmbuf_free_bulk(frames + sent, count - sent);
  return sent;
}

}  // namespace postern::bench
