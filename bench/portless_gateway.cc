#include "bench/portless_gateway.h"

#include <utility>

namespace postern::bench {
namespace {

// Answers to strangers are no part of any case here.
constexpr Rate kAnswers{.per_second = 100, .burst = 50};

SessionTableConfig table_config(const config::Model& model, const PortlessGateway::Others* others) {
  SessionTableConfig config;
  config.max_sessions = model.sessions.max;
  config.port_low = model.sessions.port_range->first;
  config.port_high = model.sessions.port_range->last;
  config.port_hold_s = model.sessions.port_hold_s;
  config.key = {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89};
  if (others == nullptr) return config;
  const OwnerMap& owners = others->sessions.owners();
  config.shard_bits = owners.shard_bits();
  config.owned_shards = owners.owned_shards(others->ends.self);
  return config;
}

}  // namespace

Outcome<std::unique_ptr<PortlessGateway>> PortlessGateway::make(const Tables& tables,
                                                                rte_mempool* pool, bool huge_pages,
                                                                const Others* others) {
  const SessionTableConfig config = table_config(tables.model, others);
  auto memory = SessionMemory::map(SessionTable::memory_bytes(config), huge_pages);
  if (!memory) return memory.complaint();
  auto fragment_memory = SessionMemory::map(FragmentTable::memory_bytes({}), /*huge=*/false);
  if (!fragment_memory) return fragment_memory.complaint();
  return std::unique_ptr<PortlessGateway>(new PortlessGateway(
      tables, pool, config, std::move(memory).value(), std::move(fragment_memory).value(), others));
}

PortlessGateway::PortlessGateway(const Tables& tables, rte_mempool* pool,
                                 const SessionTableConfig& config, SessionMemory memory,
                                 SessionMemory fragment_memory, const Others* others)
    : snapshot_(&tables.snapshot),
      table_bytes_(SessionTable::memory_bytes(config)),
      memory_(std::move(memory)),
      table_(config, memory_.bytes()),
      accounts_(kMaxNamespaces, kMaxAddresses),
      own_(others != nullptr
               ? nullptr
               : std::make_unique<SharedSessions>(SharedSessions::Setup{
                     .max_sessions = config.max_sessions, .namespaces = kMaxNamespaces})),
      sessions_(table_, tables.shared.source_records, accounts_, counters_,
                others != nullptr ? others->sessions : *own_,
                others != nullptr ? others->ends.self : WorkerIndex{0}),
      doors_(counters_, static_cast<uint32_t>(tables.snapshot.ports.size())),
      fragment_memory_(std::move(fragment_memory)),
      fragment_table_({}, fragment_memory_.bytes()),
      fragments_(fragment_table_, counters_),
      answers_(kAnswers, kAnswers, 1),
      walk_{.sessions = sessions_,
            .doors = doors_,
            .tools = {.pool = pool, .limit = answers_, .holds = holds_, .counters = counters_},
            .fragments = fragments_,
            .arp_answers = answers_,
            .heard = {},
            .handover = others != nullptr ? &others->ends : nullptr} {}

// As the worker does between bursts.
void PortlessGateway::carry_woken(Burst& burst) {
  while (fragments_.has_woken()) {
    walk_woken(*snapshot_, burst, now(), walk_);
    send_all();
  }
}

uint32_t PortlessGateway::sweep(uint32_t positions) {
  return table_.sweep(now(), positions, [&](SessionHandle handle, bool expired) {
    SessionEntry& entry = table_.entry(handle);
    if (expired) {
      sessions_.settle_expired(entry);
      return SweepVerdict::kEnd;
    }
    if (session_stands(*snapshot_, entry)) return SweepVerdict::kKeep;
    sessions_.settle_removed(entry);
    return SweepVerdict::kEnd;
  });
}

std::string PortlessGateway::lost() const {
  std::string text;
  const auto add = [&](uint64_t count, std::string_view why) {
    if (count == 0) return;
    text += (text.empty() ? "" : ", ") + std::to_string(count) + ' ' + std::string(why);
  };
  for (size_t reason = 0; reason < kReasonCount; ++reason) {
    add(counters_.drops[reason].read(), describe(static_cast<Reason>(reason)).name);
  }
  add(counters_.held.read(), "held for a neighbour");
  add(counters_.answered.read(), "answered");
  return text.empty() ? "none" : text;
}

}  // namespace postern::bench
