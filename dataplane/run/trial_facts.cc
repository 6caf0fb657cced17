#include "dataplane/run/trial_facts.h"

namespace postern {
namespace {

// Of eight ports each, whose sessions are read where all eight look taken: some microseconds
// (bench/port_search_bench); both bound what a question may cost in a turn.
constexpr uint32_t kBlocksPerTurn = 16;
constexpr uint32_t kSourcePortsToTry = 256;

}  // namespace

void FactsErrand::begin(TrialFactsRequest* request) {
  request_ = request;
  begun_ = false;
  remote_ = 0;
  block_ = 0;
}

void FactsErrand::turn(const Snapshot& snapshot, Now now) {
  if (!busy()) return;
  if (!begun_) look_at_once(snapshot, now);
  begun_ = true;
  look_for_ports();
}

void FactsErrand::abandon() {
  if (busy()) finish();
}

void FactsErrand::look_at_once(const Snapshot& snapshot, Now now) {
  const TrialQuestion& question = request_->question;
  TrialFacts& facts = request_->facts;
  const SessionTable& table = sessions_.table();
  facts.now = now;
  SessionHandle handle = kNoSession;
  if (question.outbound) handle = find_outbound(question, facts);
  if (question.inbound) handle = table.find_inbound_one(*question.inbound);
  if (question.name != kNoNamespace) facts.namespaces[0] = facts_of(snapshot, question.name, now);
  if (handle != kNoSession) {
    facts.session = copy_of(handle, now);
    const NamespaceIndex owner = sessions_.namespace_of(facts.session->entry.source_slot_epoch);
    if (owner != question.name && owner != kNoNamespace) {
      facts.namespaces[1] = facts_of(snapshot, owner, now);
    }
  }
  facts.is_table_full = sessions_.is_full();
  if (facts.is_table_full) facts.can_make_room = table.next_half_open_victim(now) != kNoSession;
  if (const auto& waiting = question.waiting) {
    facts.may_wait = holds_.has_room(waiting->key, waiting->slot, waiting->meta);
  }
}

void FactsErrand::look_for_ports() {
  const TrialQuestion& question = request_->question;
  TrialFacts& facts = request_->facts;
  const SessionTable& table = sessions_.table();
  while (remote_ < question.remotes.size()) {
    const PortRoom room = table.port_room(*question.outbound, question.remotes[remote_], block_,
                                          kBlocksPerTurn, facts.now);
    if (room == PortRoom::kLookOn) return;
    facts.rooms[remote_++] = room;
    block_ = 0;
    if (room == PortRoom::kNone) return;  // its blocks were the work of a turn
  }
  finish();
}

SessionHandle FactsErrand::find_outbound(const TrialQuestion& question, TrialFacts& facts) const {
  const SessionTable& table = sessions_.table();
  OutboundKey key = *question.outbound;
  SessionHandle handle = table.find_outbound_one(key);
  const uint32_t others = question.any_source_port ? kSourcePortsToTry : 0;
  for (uint32_t tried = 0; tried < others && handle != kNoSession; ++tried) {
    do {
      key.source_port = Be16(static_cast<uint16_t>(key.source_port.host() + 1));
    } while (!sessions_.owns(key));
    handle = table.find_outbound_one(key);
  }
  facts.source_port = key.source_port.host();
  return handle;
}

// Whoever would give way is only looked for where that may come to it: it is the longest look.
NamespaceFacts FactsErrand::facts_of(const Snapshot& snapshot, NamespaceIndex name, Now now) const {
  NamespaceFacts facts{.name = name,
                       .usage = sessions_.usage_of(name),
                       .active = sessions_.active_of(name),
                       .gives_way = {}};
  const NamespaceLimits* limits = snapshot.limits.of(name);
  if (limits == nullptr || facts.active < limits->sessions) return facts;
  const SessionHandle handle = sessions_.next_to_give_way(name, now);
  if (handle != kNoSession) facts.gives_way = copy_of(handle, now);
  return facts;
}

SessionCopy FactsErrand::copy_of(SessionHandle handle, Now now) const {
  const SessionTable& table = sessions_.table();
  return {.handle = handle,
          .entry = table.entry(handle),
          .cold = table.cold(handle),
          .copied_at_ms = now.ms};
}

void FactsErrand::finish() {
  TrialFactsRequest* const finished = request_;
  request_ = nullptr;
  finished->done.store(true, std::memory_order_release);
}

}  // namespace postern
