#include "control/apply/plan_names.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "control/apply/compile_firewall.h"

namespace postern {
namespace {

// None for a name that was never resolved.
std::span<const Ipv4Address> addresses_of(const NameAddresses& addresses, const std::string& name) {
  const auto found = addresses.find(host_key(name));
  if (found == addresses.end()) return {};
  return found->second;
}

std::shared_ptr<const ResolvedNames> resolved_names(const NameNumbers& numbers,
                                                    const NameAddresses& addresses) {
  if (numbers.names().empty()) return nullptr;
  auto resolved = std::make_shared<ResolvedNames>();
  for (const std::string& name : numbers.names()) resolved->add(addresses_of(addresses, name));
  return resolved;
}

bool same(std::span<const Ipv4Address> a, std::span<const Ipv4Address> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

absl::Status put_rules(const config::Model& model, const Books& books, const NameAddresses& before,
                       const NameAddresses& addresses, Firewall& firewall) {
  NamedDestinations named;
  std::vector<RuleNumber> changed;
  for (RuleNumber number = 0; number < model.firewall.rules.size(); ++number) {
    bool is_changed = false;
    for (const auto& name : model.firewall.rules[number].to_names) {
      const auto now = addresses_of(addresses, name.value);
      is_changed |= !same(now, addresses_of(before, name.value));
      for (const Ipv4Address address : now) named[number].push_back({address, 32});
    }
    if (is_changed) changed.push_back(number);
  }
  if (changed.empty()) return absl::OkStatus();
  absl::StatusOr<Firewall> made = with_names(firewall, model, books, named, changed);
  if (!made.ok()) return made.status();
  firewall = *std::move(made);
  return absl::OkStatus();
}

}  // namespace

absl::Status put_names(const config::Model& model, const Books& books, const NameNumbers& numbers,
                       const NameAddresses& before, const NameAddresses& addresses,
                       Snapshot& snapshot) {
  snapshot.names = resolved_names(numbers, addresses);
  return put_rules(model, books, before, addresses, snapshot.policy.firewall);
}

Plan plan_names(const DesiredState& state, const Snapshot& in_force,
                std::shared_ptr<const NameAddresses> addresses) {
  Plan plan;
  plan.compiled.snapshot = std::make_unique<Snapshot>(in_force);
  plan.refusal.status = put_names(*state.file, state.books, state.names, *state.addresses,
                                  *addresses, *plan.compiled.snapshot);
  plan.addresses = std::move(addresses);
  return plan;
}

}  // namespace postern
