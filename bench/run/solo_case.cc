#include "bench/run/solo_case.h"

#include <algorithm>
#include <utility>

#include "bench/environment.h"
#include "bench/nat_traffic.h"
#include "bench/run/worker_thread.h"

namespace postern::bench {

namespace {

constexpr uint32_t kFrameBytesBesideIp = sizeof(EthernetHeader) + Frames::kEthernetChecksumBytes;

}  // namespace

Scenario scenario_of(const Options& options) {
  Scenario scenario = nat_scenario(options.sessions);
  scenario.overlay = options.overlay;
  scenario.mtu = std::max(scenario.mtu, options.frame_bytes - kFrameBytesBesideIp);
  return scenario;
}

std::string SoloCase::carry_out() {
  std::string failure = take_steps();
  gateway_.reset();  // before the tables that it walks by, whoever has them
  return failure;
}

std::string SoloCase::take_steps() {
  std::string failure = make_tables();
  if (!failure.empty()) return failure;
  const bool huge = started_.eal.memory_mode() != MemoryMode::kNoHuge;
  auto gateway = PortlessGateway::make(tables(), pool_, huge, nullptr);
  if (!gateway) return gateway.complaint().text();
  gateway_ = std::move(gateway).value();
  failure = on_worker(started_.eal, 0, [&] { return prepare(); });
  if (failure.empty()) failure = make_ports();
  if (!failure.empty()) return failure;
  failure = on_worker(started_.eal, 0, [&] {
    const StolenTime before = StolenTime::now();
    std::string wrong = measure();
    stolen_percent_ = StolenTime::now().percent_since(before);
    return wrong;
  });
  return failure.empty() ? tell() : failure;
}

std::string SoloCase::make_tables() {
  auto tables = CompiledTables::make(scenario_.configuration());
  if (!tables.ok()) return std::string(tables.status().message());
  compiled_ = std::move(*tables);
  return "";
}

PortlessGateway::Tables SoloCase::tables() const {
  return {compiled_->snapshot(), compiled_->shared(), compiled_->model()};
}

std::string SoloCase::prepare() { return open_sessions(scenario_, pool_, *gateway_); }

RunSetting SoloCase::setting() const { return setting_of(scenario_, started_, *gateway_); }

std::string SoloCase::finish(CaseReport& report) const {
  report.json()["interrupted"] = attention_.interrupted();
  return report.finish(setting(), stolen_percent_);
}

}  // namespace postern::bench
