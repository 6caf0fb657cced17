#include "bench/run/worker_team.h"

#include <algorithm>
#include <bit>
#include <random>
#include <utility>

namespace postern::bench {
namespace {

constexpr uint64_t kLeastPackets = 1u << 16;
constexpr uint64_t kMostPackets = 1u << 22;
constexpr std::array kDirections = {Direction::kOutbound, Direction::kInbound};
constexpr std::array kPorts = {Scenario::kClusterPort, Scenario::kUplinkPort};

}  // namespace

WorkerTeam::WorkerTeam(uint32_t workers, const Scenario& scenario, const CompiledTables& tables,
                       rte_mempool* pool)
    : scenario_(scenario),
      tables_(tables),
      pool_(pool),
      sessions_({.owners = {.workers = workers, .key = {3, 4}}, .namespaces = kMaxNamespaces}),
      mesh_(sessions_.owners()) {
  for (uint32_t i = 0; i < workers; ++i) members_.push_back(std::make_unique<Member>());
}

std::string WorkerTeam::prepare(bool huge_pages, uint32_t frame_bytes, uint64_t seed) {
  for (size_t i = 0; i < kDirections.size(); ++i) {
    frames_[i] = std::make_unique<Frames>(scenario_, kDirections[i], frame_bytes);
  }
  std::vector<std::vector<uint32_t>> numbers(size());
  std::vector<uint32_t> all(scenario_.sessions);
  for (uint32_t number = 0; number < scenario_.sessions; ++number) {
    all[number] = number;
    numbers[owner_of(number)].push_back(number);
  }
  for (uint32_t i = 0; i < size(); ++i) {
    const PortlessGateway::Others others{sessions_, mesh_.ends(i)};
    auto gateway =
        PortlessGateway::make(tables_, pool_, huge_pages, size() == 1 ? nullptr : &others);
    if (!gateway) return gateway.complaint().text();
    members_[i]->gateway = std::move(gateway).value();
  }
  for (uint32_t i = 0; i < size(); ++i) {
    std::string failure = open(i, numbers[i]);
    if (!failure.empty()) return failure;
  }
  for (uint32_t i = 0; i < size(); ++i) {
    draw(i, Arrival::kOwn, numbers[i], seed + i);
    if (size() > 1) draw(i, Arrival::kAnybodys, all, seed + size() + i);
  }
  return "";
}

uint32_t WorkerTeam::owner_of(uint32_t number) const {
  return sessions_.owners().outbound(Conversation::at(scenario_, number).key());
}

std::string WorkerTeam::open(uint32_t worker, const std::vector<uint32_t>& numbers) {
  if (numbers.empty()) return "a worker has no session: take more sessions (--sessions)";
  std::vector<FrameRecord> firsts((numbers.size() + kBurst - 1) / kBurst * kBurst);
  for (size_t i = 0; i < firsts.size(); ++i) {
    const uint32_t number = numbers[i % numbers.size()];
    firsts[i] = frames_[0]->outbound_record(Conversation::at(scenario_, number));
  }
  Member& member = *members_[worker];
  ReceiveRing ring(pool_, *frames_[0], firsts);
  for (size_t sent = 0; sent < firsts.size(); sent += kBurst) {
    if (!ring.take(member.burst)) return "no packet buffer is free while sessions are opened";
    member.gateway->carry(member.burst, Scenario::kClusterPort);
  }
  const uint32_t live = member.gateway->sessions().live();
  if (live == numbers.size()) return "";
  return "of " + std::to_string(numbers.size()) + " sessions " + std::to_string(live) +
         " were opened; lost: " + member.gateway->lost();
}

void WorkerTeam::draw(uint32_t worker, Arrival arrival, const std::vector<uint32_t>& numbers,
                      uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<size_t> any(0, numbers.size() - 1);
  const uint64_t count =
      std::clamp(std::bit_ceil(uint64_t{numbers.size()} * 2), kLeastPackets, kMostPackets);
  for (size_t way = 0; way < kDirections.size(); ++way) {
    Source& source = members_[worker]->sources[static_cast<size_t>(arrival)][way];
    source.records.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      const uint32_t number = numbers[any(random)];
      const uint32_t owner = size() == 1 ? 0 : owner_of(number);
      source.records.push_back(packet_of(scenario_, *frames_[way], kDirections[way], number, 0,
                                         *members_[owner]->gateway));
    }
    source.ring = std::make_unique<ReceiveRing>(pool_, *frames_[way], source.records);
  }
}

bool WorkerTeam::turn(uint32_t worker, Arrival arrival) {
  Member& member = *members_[worker];
  // Nothing is to be lost: who would hand over more than others take waits for them.
  if (arrival == Arrival::kOwn || others_keep_up()) {
    for (size_t way = 0; way < kDirections.size(); ++way) {
      const Source& source = member.sources[static_cast<size_t>(arrival)][way];
      if (!source.ring->take(member.burst)) return false;
      member.received += member.burst.size;
      member.gateway->carry(member.burst, kPorts[way]);
    }
    member.handed.store(member.gateway->handed_over(), std::memory_order_release);
  }
  if (arrival == Arrival::kAnybodys) take_handed(worker);
  return true;
}

bool WorkerTeam::turn_unseen(uint32_t worker) {
  Member& member = *members_[worker];
  for (const Source& source : member.sources[static_cast<size_t>(Arrival::kOwn)]) {
    if (!source.ring->take(member.burst)) return false;
    member.received += member.burst.size;
    rte_pktmbuf_free_bulk(member.burst.frame.data(), member.burst.size);
  }
  return true;
}

// Summed over all workers, each of which takes what it gets as fast as the others.
bool WorkerTeam::others_keep_up() const {
  uint64_t handed = 0;
  uint64_t taken = 0;
  for (const auto& member : members_) {
    taken += member->taken.load(std::memory_order_acquire);
    handed += member->handed.load(std::memory_order_acquire);
  }
  return handed <= taken + std::min<uint64_t>(kInFlight, HandoverMesh::slots(size()) - 2 * kBurst);
}

void WorkerTeam::take_handed(uint32_t worker) {
  Member& member = *members_[worker];
  uint64_t taken = 0;
  for (HandoverRing* from : mesh_.ends(worker).from) {
    if (from != nullptr) taken += member.gateway->carry_handed(*from, member.burst);
  }
  if (taken == 0) return;
  member.taken.store(member.taken.load(std::memory_order_relaxed) + taken,
                     std::memory_order_release);
}

void WorkerTeam::drain(uint32_t worker) {
  const auto on_their_way = [&] {
    uint64_t sum = 0;
    for (const auto& member : members_) sum -= member->taken.load(std::memory_order_acquire);
    for (const auto& member : members_) sum += member->handed.load(std::memory_order_acquire);
    return sum;
  };
  while (on_their_way() != 0) take_handed(worker);
}

uint64_t WorkerTeam::handed_over() const {
  uint64_t sum = 0;
  for (const auto& member : members_) sum += member->gateway->handed_over();
  return sum;
}

std::string WorkerTeam::lost() const {
  std::string text;
  for (const auto& member : members_) {
    const std::string lost = member->gateway->lost();
    if (lost != "none") text += (text.empty() ? "" : "; ") + lost;
  }
  return text.empty() ? "none" : text;
}

}  // namespace postern::bench
