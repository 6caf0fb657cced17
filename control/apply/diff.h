// What one configuration changes in another, as paths: entries by their names
// ("egress_ips.payments-out"), settings of groups by their keys ("sessions.timeouts.udp"), entries
// without names by their places ("firewall.rules[3]", counted from 0 as in messages).
//
// The schema (config/schema.h) is walked, so a setting that it has is compared. Entries without
// names are paired so that one that is put in or taken out is one difference and those after it
// are none. Near linear in the size of the configurations. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_DIFF_H_
#define POSTERN_CONTROL_APPLY_DIFF_H_

#include <string>
#include <vector>

#include "config/model.h"
#include "control/apply/key_changes.h"

namespace postern {

// Each list in the order of the schema, then of the entries.
struct ConfigDiff {
  std::vector<std::string> added;    // entries; places are those in the new configuration
  std::vector<std::string> removed;  // entries; places are those in the old one
  // Settings of groups, and entries that are in both; a list whose named entries have changed
  // places goes by its own name.
  std::vector<std::string> changed;
  // Of those in `changed`, the keys, as far as there is room (key_changes.h).
  std::vector<KeyChange> details;
  // Those of the others that cannot change while the gateway runs (restart.h).
  std::vector<std::string> needs_restart;

  // Exactly for equal models.
  [[nodiscard]] bool empty() const { return added.empty() && removed.empty() && changed.empty(); }
};

ConfigDiff diff(const config::Model& running, const config::Model& wanted);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_DIFF_H_
