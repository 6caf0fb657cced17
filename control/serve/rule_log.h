// Writes what rules with log = true decided: a line for each first packet, in the words of the
// file, as "firewall: payments 10.128.0.11:4242 to 203.0.113.5:443 tcp denied by firewall.rules[3]
// (/etc/postern/postern.cfg:27)".
//
// At most kPerSecond lines a second after a burst of kBurst, whatever pods do; how many were not
// written is said once a second while there are any. Control thread.
#ifndef POSTERN_CONTROL_SERVE_RULE_LOG_H_
#define POSTERN_CONTROL_SERVE_RULE_LOG_H_

#include <cstdint>
#include <string_view>

#include "config/model.h"
#include "control/serve/log.h"
#include "dataplane/table/limits.h"
#include "dataplane/table/rule_journal.h"

namespace postern {

class RuleLog {
 public:
  static constexpr uint32_t kPerSecond = 20;
  static constexpr uint32_t kBurst = 100;

  // `log` outlives it.
  explicit RuleLog(Log* log) : log_(log) {}

  // Notes of a worker; `model` and `rules_version` are what is in force, `name_space` is the one of
  // the note. A note on rules that are no longer there is counted as not written.
  void take(const RuleNote& note, const config::Model& model, uint64_t rules_version,
            std::string_view name_space, uint64_t now_ms);
  // Says what was not written. `lost`: notes that found no room in the workers' rings, in all.
  void tick(uint64_t lost, uint64_t now_ms);

 private:
  Log* log_;
  TokenBucket lines_;
  uint64_t unwritten_ = 0;
  uint64_t lost_before_ = 0;
  uint64_t said_at_ms_ = 0;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_RULE_LOG_H_
