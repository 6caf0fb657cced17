#include "bench/stateful_device.h"

#include <rte_cycles.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace postern::bench {
namespace {

constexpr uint64_t kSeed = 9693;
// Longer than a UDP session lasts that nobody uses.
constexpr uint64_t kIdle_ms = 9 * 60 * 1000;
constexpr uint32_t kIdle_s = 8 * 60;
// Positions between two looks, as between two bursts of a worker.
constexpr uint32_t kSweepPositions = 32768;
// A sweep goes round once; twice more, should entries have been filled behind it.
constexpr uint32_t kMostRounds = 3;
constexpr uint64_t kMostDrawn = 1u << 24;

Scenario scenario_for(uint32_t room, uint32_t most) {
  Scenario scenario = nat_scenario(most);
  scenario.sessions = room;
  scenario.port_hold_s = 0;
  return scenario;
}

}  // namespace

StatefulDevice::StatefulDevice(rte_mempool* pool, uint32_t room, uint32_t most,
                               uint32_t frame_bytes)
    : pool_(pool),
      most_(most),
      scenario_(scenario_for(room, most)),
      outbound_(scenario_, Direction::kOutbound, frame_bytes),
      inbound_(scenario_, Direction::kInbound, frame_bytes) {}

std::string StatefulDevice::prepare(bool huge_pages) {
  auto tables = CompiledTables::make(scenario_.configuration());
  if (!tables.ok()) return std::string(tables.status().message());
  tables_ = std::move(*tables);
  tables_->set_udp_timeout_s(kIdle_s);
  auto gateway = PortlessGateway::make(*tables_, pool_, huge_pages);
  if (!gateway) return gateway.complaint().text();
  gateway_ = std::move(gateway).value();
  order_.resize(most_);
  std::iota(order_.begin(), order_.end(), 0);
  std::mt19937_64 random(kSeed);
  std::shuffle(order_.begin(), order_.end(), random);
  firsts_.reserve(most_);
  for (const uint32_t number : order_) {
    firsts_.push_back(outbound_.outbound_record(Conversation::at(scenario_, number)));
  }
  return "";
}

Establishment StatefulDevice::establish(uint32_t connections, double per_second,
                                        double check_share) {
  tear_down();
  Establishment result;
  {
    PacedRing ring(pool_, outbound_, std::span(firsts_).first(connections));
    PacedService service(gateway_.get());
    result.served = service.serve_count({&ring, Scenario::kClusterPort}, per_second, connections);
    result.disturbed = result.served.disturbed;
    note(service);
  }
  result.live = gateway_->sessions().live();
  established_ = 0;
  if (result.served.lost() > 0 || result.live != connections || !failure_.empty()) return result;
  const std::vector<FrameRecord> records = replies(connections);
  if (records.size() == connections) {
    PacedRing ring(pool_, inbound_, records);
    PacedService service(gateway_.get());
    const Served checked =
        service.serve_count({&ring, Scenario::kUplinkPort}, per_second * check_share, connections);
    result.replies = checked.offered;
    result.answered = checked.forwarded;
    result.disturbed = result.disturbed || checked.disturbed;
    note(service);
  }
  if (result.valid(connections)) established_ = connections;
  drawn_[0].clear();
  return result;
}

Served StatefulDevice::carry(double per_second, double duration_s) {
  if (established_ == 0) return {};
  if (drawn_[0].empty()) draw_for_phase_2(established_);
  PacedRing outbound(pool_, outbound_, drawn_[0]);
  PacedRing inbound(pool_, inbound_, drawn_[1]);
  const PacedLane lanes[] = {{&outbound, Scenario::kClusterPort},
                             {&inbound, Scenario::kUplinkPort}};
  PacedService service(gateway_.get());
  const Served served = service.serve_for(lanes, per_second, duration_s);
  note(service);
  return served;
}

TearDown StatefulDevice::tear_down() {
  TearDown result{.connections = gateway_->sessions().live()};
  if (result.connections == 0) return result;
  gateway_->skip_ms(kIdle_ms);
  const uint32_t positions = kMostRounds * gateway_->sessions().capacity();
  const uint64_t begin = rte_rdtsc();
  for (uint32_t at = 0; at < positions && gateway_->sessions().live() > 0; at += kSweepPositions) {
    gateway_->sweep(kSweepPositions);
  }
  result.seconds = static_cast<double>(rte_rdtsc() - begin) / static_cast<double>(rte_get_tsc_hz());
  result.connections -= gateway_->sessions().live();
  established_ = 0;
  return result;
}

// To the port that the gateway chose for each; fewer where a connection is not there.
std::vector<FrameRecord> StatefulDevice::replies(uint32_t connections) const {
  const SessionTable& sessions = gateway_->sessions();
  std::vector<FrameRecord> records;
  records.reserve(connections);
  for (uint32_t i = 0; i < connections; ++i) {
    const Conversation conversation = Conversation::at(scenario_, order_[i]);
    const SessionHandle handle = sessions.find_outbound_one(conversation.key());
    if (handle == kNoSession) return records;
    const SessionEntry& entry = sessions.entry(handle);
    records.push_back(inbound_.record(conversation, Ipv4Address::from(entry.egress_ip),
                                      entry.egress_port.host()));
  }
  return records;
}

void StatefulDevice::draw_for_phase_2(uint32_t connections) {
  const std::vector<FrameRecord> answers = replies(connections);
  std::mt19937_64 random(kSeed);
  std::uniform_int_distribution<uint32_t> any(0, connections - 1);
  drawn_[1].clear();
  for (uint64_t i = 0; i < std::min<uint64_t>(uint64_t{connections} * 4, kMostDrawn); ++i) {
    drawn_[0].push_back(firsts_[any(random)]);
    drawn_[1].push_back(answers[any(random)]);
  }
}

void StatefulDevice::note(const PacedService& service) {
  if (failure_.empty()) failure_ = service.failure();
}

}  // namespace postern::bench
