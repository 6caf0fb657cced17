#include "dataplane/run/trial.h"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include "dataplane/run/walk.h"

namespace postern {
namespace {

// A block of ports, the least that a table can have.
constexpr uint16_t kPortLow = 1024;
constexpr uint32_t kPorts = 8;

size_t full_remotes(const TrialFacts& facts) {
  return static_cast<size_t>(std::count(facts.rooms.begin(), facts.rooms.end(), PortRoom::kNone));
}

// The ports of every full remote, the sessions that are known, and a few more.
SessionTableConfig table_config(const Snapshot& snapshot, const TrialFacts& facts) {
  SessionTableConfig config;
  config.max_sessions = static_cast<uint32_t>(full_remotes(facts) * kPorts + 16);
  config.port_low = kPortLow;
  config.port_high = kPortLow + kPorts - 1;
  config.port_hold_s = snapshot.timeouts.port_hold_s;
  config.key = {1, 2, 3, 4};  // nobody aims at a table that lives for one packet
  return config;
}

uint32_t namespaces_in(const Snapshot& snapshot, const TrialFacts& facts) {
  auto count = static_cast<uint32_t>(snapshot.policy.egress.namespaces.size());
  for (const NamespaceFacts& of : facts.namespaces) {
    if (of.name != kNoNamespace) count = std::max(count, of.name + 1);
  }
  return std::max(count, kPlatform + 1);
}

// What a worker has for its own, made for one packet.
class Trial {
 public:
  Trial(const Snapshot& snapshot, const TrialFacts& facts, rte_mempool* pool)
      : snapshot_(snapshot),
        facts_(facts),
        pool_(pool),
        config_(table_config(snapshot, facts)),
        memory_(SessionTable::memory_bytes(config_) + kLine),
        table_(config_, aligned(memory_, SessionTable::memory_bytes(config_))),
        fragment_memory_(FragmentTable::memory_bytes(kFragments) + kLine),
        fragment_table_(kFragments,
                        aligned(fragment_memory_, FragmentTable::memory_bytes(kFragments))),
        accounts_(namespaces_in(snapshot, facts),
                  static_cast<uint32_t>(snapshot.policy.addresses.size())),
        sessions_(table_, snapshot.shared->source_records, accounts_, counters_),
        doors_(counters_, static_cast<uint32_t>(snapshot.ports.size())),
        walk_{.sessions = sessions_,
              .doors = doors_,
              .tools = {.pool = pool, .limit = answers_, .holds = holds_, .counters = counters_},
              .fragments = fragments_,
              .arp_answers = arp_answers_,
              .heard = {}} {}
  ~Trial() {
    holds_.drop_all(Reason::kShutdown, doors_);
    fragments_.drop_all(Reason::kShutdown, doors_);
  }

  void take_over(const TrialQuestion& question);
  std::optional<TrialOutcome> run(const TrialPacket& packet, const TrialQuestion& question);

 private:
  static constexpr size_t kLine = 64;  // of a cache, in bytes
  // Room for a tunnel's headers with the most options, beside what a buffer has: the frame stays
  // where it is, and note_end() finds it there (forward.cc moves frames that have no room).
  static constexpr uint16_t kFrontBytes = 256;
  static constexpr FragmentTableConfig kFragments{.datagrams = 1, .early = 1};

  static std::span<std::byte> aligned(std::vector<std::byte>& memory, size_t wanted) {
    void* at = memory.data();
    size_t bytes = memory.size();
    std::align(kLine, wanted, at, bytes);
    return {static_cast<std::byte*>(at), bytes};
  }
  void take_over(const NamespaceFacts& of);
  void fill(InboundWords remote, const OutboundKey& asker);
  void fill_table();
  // Not another one at the place of the session that was there.
  [[nodiscard]] bool is_that_of_before(const SessionEntry& session) const {
    const SessionEntry& before = facts_.session->entry;
    return session.egress_ip == before.egress_ip && session.egress_port == before.egress_port;
  }
  void note_end(rte_mbuf* frame, TrialOutcome& outcome);
  void note_drop(TrialOutcome& outcome) const;

  const Snapshot& snapshot_;
  const TrialFacts& facts_;
  rte_mempool* pool_;
  SessionTableConfig config_;
  std::vector<std::byte> memory_;
  SessionTable table_;
  std::vector<std::byte> fragment_memory_;
  FragmentTable fragment_table_;
  SessionAccounts accounts_;
  Counters counters_;
  Sessions sessions_;
  Doors doors_;
  HoldQueue holds_;
  FragmentGatherer fragments_{fragment_table_, counters_};
  RateLimiter answers_{{.per_second = 100, .burst = 50}, {.per_second = 100, .burst = 50}, 1};
  RateLimiter arp_answers_{{.per_second = 100, .burst = 50}, {.per_second = 100, .burst = 50}, 1};
  WalkContext walk_;
  SessionHandle known_ = kNoSession;  // the session that was there before
  uint32_t strangers_ = 0;            // sessions made up to take up room
};

void Trial::take_over(const TrialQuestion& question) {
  if (facts_.session) {
    known_ = sessions_.adopt(facts_.session->entry, facts_.session->cold, facts_.now);
  }
  for (const NamespaceFacts& of : facts_.namespaces) take_over(of);
  for (size_t i = 0; i < facts_.rooms.size(); ++i) {
    if (facts_.rooms[i] == PortRoom::kNone) fill(question.remotes[i], *question.outbound);
  }
  if (facts_.is_table_full && !facts_.can_make_room) fill_table();
}

// Whoever would give way to a new session is only there where that may come to it: elsewhere it
// would be room that the worker does not have.
void Trial::take_over(const NamespaceFacts& of) {
  if (of.name == kNoNamespace) return;
  const NamespaceLimits* limits = snapshot_.limits.of(of.name);
  const bool at_limit = limits != nullptr && of.active >= limits->sessions;
  const bool is_its_own =
      of.gives_way && facts_.session && of.gives_way->handle == facts_.session->handle;
  if (at_limit && of.gives_way && !is_its_own) {
    sessions_.adopt(of.gives_way->entry, of.gives_way->cold, facts_.now);
  }
  sessions_.assume(of.name, of.usage, of.active);
}

// Takes every port towards that remote that the asker could get.
void Trial::fill(InboundWords remote, const OutboundKey& asker) {
  NewSession session{};
  session.key.source_port = asker.source_port;  // which is the one, where it is kept (nat.md O1)
  session.egress_ip = Be32::from_raw(static_cast<uint32_t>(remote.high >> 8));
  session.key.vni_protocol = OutboundKey::pack(0, static_cast<uint8_t>(remote.low));
  session.key.remote_ip = Be32::from_raw(static_cast<uint32_t>(remote.low >> 8));
  session.key.remote_port = Be16::from_raw(static_cast<uint16_t>(remote.low >> 40));
  session.timeout_s = 1;
  do {
    session.key.source_ip = Be32(++strangers_);
  } while (table_.create(session, facts_.now).status == CreateStatus::kCreated);
}

void Trial::fill_table() {
  NewSession session{};
  session.timeout_s = 1;
  do {
    session.key.remote_ip = Be32(++strangers_);
  } while (table_.create(session, facts_.now).status == CreateStatus::kCreated);
}

std::optional<TrialOutcome> Trial::run(const TrialPacket& packet, const TrialQuestion& question) {
  rte_mbuf* frame = rte_pktmbuf_alloc(pool_);
  if (frame == nullptr) return std::nullopt;
  const auto bytes = static_cast<uint16_t>(packet.frame.size());
  char* at = rte_pktmbuf_append(frame, static_cast<uint16_t>(kFrontBytes + bytes));
  if (at == nullptr) {
    rte_pktmbuf_free(frame);
    return std::nullopt;
  }
  at = rte_pktmbuf_adj(frame, kFrontBytes);
  std::memcpy(at, packet.frame.data(), bytes);
  if (const uint16_t vlan = snapshot_.ports[packet.port].vlan; vlan != 0) {  // as its link is
    frame->vlan_tci = vlan;
    frame->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  }
  auto burst = std::make_unique<Burst>();
  burst->frame[0] = frame;
  burst->size = 1;
  burst->meta[0].session = kNoSession;
  walk(snapshot_, packet.port, *burst, facts_.now, walk_);
  TrialOutcome outcome;
  outcome.meta = burst->meta[0];
  const SessionHandle handle = outcome.meta.session;
  if (handle != kNoSession && table_.is_live(handle)) {
    outcome.session = SessionCopy{.handle = handle,
                                  .entry = table_.entry(handle),
                                  .cold = table_.cold(handle),
                                  .copied_at_ms = facts_.now.ms};
    outcome.was_there = handle == known_ && is_that_of_before(outcome.session->entry);
  }
  note_end(frame, outcome);
  const bool has_no_room = question.waiting && !facts_.may_wait;
  if (outcome.end == TrialOutcome::End::kHeld && has_no_room) {
    outcome.end = TrialOutcome::End::kDropped;
    outcome.reason = Reason::kNeighbourUnresolved;
    outcome.frame.clear();
  }
  return outcome;
}

// `frame` is still there unless it was dropped.
void Trial::note_end(rte_mbuf* frame, TrialOutcome& outcome) {
  if (counters_.dropped.read() != 0) return note_drop(outcome);
  const auto* const at = rte_pktmbuf_mtod(frame, const uint8_t*);
  outcome.frame.assign(at, at + frame->data_len);
  if (!holds_.empty()) {
    outcome.end = TrialOutcome::End::kHeld;
    return;
  }
  for (uint32_t port = 0; port < doors_.ports(); ++port) {
    const auto waiting = doors_.waiting(static_cast<uint16_t>(port));
    for (rte_mbuf* each : waiting) rte_pktmbuf_free(each);
    doors_.sent(static_cast<uint16_t>(port), static_cast<uint32_t>(waiting.size()));
  }
  const bool answered = counters_.answered.read() != 0;
  outcome.end = answered ? TrialOutcome::End::kAnswered : TrialOutcome::End::kForwarded;
}

// What the gateway sends back may itself find no way; that is no reason of the packet's.
void Trial::note_drop(TrialOutcome& outcome) const {
  outcome.end = TrialOutcome::End::kDropped;
  const bool told = counters_.made.read() != 0;
  for (size_t i = 0; i < kReasonCount; ++i) {
    const auto reason = static_cast<Reason>(i);
    if (counters_.drops[i].read() == 0) continue;
    outcome.reason = reason;
    const bool of_answer = reason == Reason::kNoRoute || reason == Reason::kNeighbourFailed;
    if (!told || !of_answer) break;
  }
  if (!told) return;
  const bool icmp = counters_.icmp_error_sent.read() != 0;
  outcome.told = icmp ? TrialOutcome::Told::kIcmpError : TrialOutcome::Told::kReset;
}

}  // namespace

std::optional<TrialOutcome> try_packet(const Snapshot& snapshot, const TrialPacket& packet,
                                       const TrialQuestion& question, const TrialFacts& facts,
                                       rte_mempool* pool) {
  auto trial = std::make_unique<Trial>(snapshot, facts, pool);
  trial->take_over(question);
  return trial->run(packet, question);
}

}  // namespace postern
