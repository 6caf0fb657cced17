// What a worker tells of the firewall: how often each rule decided, and on whom the rules with
// log = true decided. Only first packets come here.
//
// Rules are told by their number, which means another rule once the rules have changed: so both
// bear the version of the rules, and counting begins anew with each.
//
// Written by the worker, read by the control thread.
#ifndef POSTERN_DATAPLANE_TABLE_RULE_JOURNAL_H_
#define POSTERN_DATAPLANE_TABLE_RULE_JOURNAL_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/packet/counters.h"
#include "dataplane/packet/spsc_ring.h"
#include "dataplane/table/policy.h"
#include "dataplane/table/session_entry.h"
#include "dataplane/table/source_table.h"

namespace postern {

// A first packet on which a rule decided. Whether it was let through is the rule's action.
struct RuleNote {
  OutboundKey packet{};
  RuleNumber rule = kNoRule;
  NamespaceIndex namespace_index = kNoNamespace;
  uint64_t rules_version = 0;
};

class RuleJournal {
 public:
  // Rules with higher numbers are not counted.
  static constexpr RuleNumber kMaxCounted = 1u << 16;

  RuleJournal() : hits_(kMaxCounted) {}

  // Worker: a rule let a session begin, or refused a packet. Never waits: a note that finds the
  // ring full is counted as lost.
  void note(const Firewall& firewall, RuleNumber rule, const OutboundKey& packet,
            NamespaceIndex namespace_index) {
    if (version_.load(std::memory_order_relaxed) != firewall.version) [[unlikely]]
      begin(firewall);
    if (rule < kMaxCounted) hits_[rule].add();
    if (!firewall.rules[rule].log) return;
    if (!notes_.push({packet, rule, namespace_index, firewall.version})) lost_.add();
  }

  // Control thread: how often that rule of this version decided.
  [[nodiscard]] uint64_t hits(uint64_t version, RuleNumber rule) const {
    if (rule >= kMaxCounted || version_.load(std::memory_order_acquire) != version) return 0;
    return hits_[rule].read();
  }
  // Control thread: the next note; false when there is none.
  bool pop(RuleNote& note) { return notes_.pop(note); }
  // Control thread: notes that found no room, since the start.
  [[nodiscard]] uint64_t lost() const { return lost_.read(); }

 private:
  [[gnu::cold, gnu::noinline]] void begin(const Firewall& firewall) {
    for (Counter& counter : hits_) counter.set(0);
    version_.store(firewall.version, std::memory_order_release);
  }

  std::atomic<uint64_t> version_{0};
  std::vector<Counter> hits_;
  SpscRing<RuleNote, 256> notes_;
  Counter lost_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_RULE_JOURNAL_H_
