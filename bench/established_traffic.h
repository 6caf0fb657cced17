// Established sessions of random pods, and packets for them, one way: what benchmarks of the walk
// begin with. Called on the worker's lcore.
#ifndef POSTERN_BENCH_ESTABLISHED_TRAFFIC_H_
#define POSTERN_BENCH_ESTABLISHED_TRAFFIC_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/nat_traffic.h"

namespace postern::bench {

class EstablishedTraffic {
 public:
  EstablishedTraffic(rte_mempool* pool, Direction direction, uint32_t sessions)
      : pool_(pool), direction_(direction), scenario_(nat_scenario(sessions)) {}

  // Makes the gateway and opens the sessions, once. "" or what went wrong; the rest needs it.
  std::string prepare(bool huge_pages, uint32_t frame_bytes) {
    if (!packets_.empty()) return "";
    auto tables = CompiledTables::make(scenario_.configuration());
    if (!tables.ok()) return std::string(tables.status().message());
    tables_ = std::move(*tables);
    auto gateway = PortlessGateway::make(*tables_, pool_, huge_pages);
    if (!gateway) return gateway.complaint().text();
    gateway_ = std::move(gateway).value();
    std::string failure = open_sessions(scenario_, pool_, *gateway_);
    if (!failure.empty()) return failure;
    frames_ = std::make_unique<Frames>(scenario_, direction_, frame_bytes);
    packets_ = draw_packets(scenario_, *frames_, direction_, 1, *gateway_);
    return "";
  }

  [[nodiscard]] rte_mempool* pool() const { return pool_; }
  [[nodiscard]] bool is_outbound() const { return direction_ == Direction::kOutbound; }
  // Where the packets arrive.
  [[nodiscard]] uint16_t port() const {
    return is_outbound() ? Scenario::kClusterPort : Scenario::kUplinkPort;
  }
  [[nodiscard]] PortlessGateway& gateway() const { return *gateway_; }
  [[nodiscard]] const Frames& frames() const { return *frames_; }
  [[nodiscard]] const std::vector<FrameRecord>& packets() const { return packets_; }

 private:
  rte_mempool* pool_;
  Direction direction_;
  Scenario scenario_;
  std::unique_ptr<CompiledTables> tables_;
  std::unique_ptr<PortlessGateway> gateway_;
  std::unique_ptr<Frames> frames_;
  std::vector<FrameRecord> packets_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_ESTABLISHED_TRAFFIC_H_
