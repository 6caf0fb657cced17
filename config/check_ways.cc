// Namespaces that the firewall lets out and that no way leads out for.
#include <algorithm>
#include <unordered_set>

#include "config/check_parts.h"

namespace postern::config {
namespace {

constexpr size_t kNamed = 3;

using Names = std::unordered_set<std::string_view>;

template <typename Entry>
void add_users(const std::vector<Entry>& entries, Names& names) {
  for (const Entry& entry : entries) {
    for (const At<std::string>& name : entry.namespaces) names.insert(name.value);
  }
}

// Whether some packet of the namespace may pass: what nothing allows is said by check_firewall.
class Allowed {
 public:
  explicit Allowed(const Firewall& firewall)
      : everyone_(firewall.default_action == FirewallAction::kAllow) {
    for (const FirewallRule& rule : firewall.rules) {
      if (rule.action != FirewallAction::kAllow) continue;
      everyone_ = everyone_ || rule.name_space.value == kEveryNamespace;
      names_.insert(rule.name_space.value);
    }
  }
  [[nodiscard]] bool contains(std::string_view name) const {
    return everyone_ || names_.contains(name);
  }

 private:
  bool everyone_;
  Names names_;
};

}  // namespace

// Said only where nothing else is wrong: what could not be read may be the way.
void check_ways(const Model& model, Report& report) {
  if (report.has_errors()) return;
  if (model.node_ip.mode.value != NodeIpMode::kOff && model.node_ip.for_whom == NodeIpFor::kAll) {
    return;
  }
  Names served;
  add_users(model.egress_ips, served);
  add_users(model.egress_routers, served);
  const Allowed allowed(model.firewall);
  const Namespace* first = nullptr;
  size_t count = 0;
  std::string names;
  for (const Namespace& each : model.namespaces) {
    const std::string_view name = each.name.value;
    if (served.contains(name) || !allowed.contains(name)) continue;
    if (first == nullptr) first = &each;
    if (++count <= kNamed) names.append(count == 1 ? "" : ", ").append(name);
  }
  if (count == 0) return;
  if (count > kNamed) names += ", ...";
  report.warn(first->line, "namespaces",
              std::to_string(count) + (count == 1 ? " namespace has" : " namespaces have") +
                  " no way out (" + names + "): no egress_ips entry or egress router names " +
                  (count == 1 ? "it" : "them") + ", and node_ip is off or for the platform only",
              "name " + std::string(count == 1 ? "it" : "them") +
                  " in an egress_ips entry, or switch on node_ip");
}

}  // namespace postern::config
