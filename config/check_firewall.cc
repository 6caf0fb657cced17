// Rules that are allowed and do less than they seem to.
#include "config/check_parts.h"
#include "config/form.h"

namespace postern::config {

// What a name stands for is known after the fact: whoever asks another DNS server, or asks sooner,
// may get an address that the gateway does not know. An allowance fails closed then, a denial open.
void check_firewall(const Model& model, Report& report) {
  for (size_t i = 0; i < model.firewall.rules.size(); ++i) {
    const FirewallRule& rule = model.firewall.rules[i];
    if (rule.action != FirewallAction::kDeny || rule.to_names.empty()) continue;
    report.warn(rule.to_names[0].line,
                member_path(entry_path("firewall.rules", rule, i), "to_names"),
                "denies only the addresses that the gateway knows of the name, none before it is "
                "resolved",
                "where that is not enough, deny by default and allow what is wanted");
  }
}

}  // namespace postern::config
