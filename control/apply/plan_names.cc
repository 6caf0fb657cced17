#include "control/apply/plan_names.h"

#include <span>
#include <string>
#include <utility>

namespace postern {

std::shared_ptr<const ResolvedNames> resolved_names(const NameNumbers& numbers,
                                                    const NameAddresses& addresses) {
  if (numbers.names().empty()) return nullptr;
  auto resolved = std::make_shared<ResolvedNames>();
  for (const std::string& name : numbers.names()) {
    const auto found = addresses.find(host_key(name));
    resolved->add(found == addresses.end() ? std::span<const Ipv4Address>() : found->second);
  }
  return resolved;
}

Plan plan_names(const DesiredState& state, const Snapshot& in_force,
                std::shared_ptr<const NameAddresses> addresses) {
  Plan plan;
  plan.compiled.snapshot = std::make_unique<Snapshot>(in_force);
  plan.compiled.snapshot->names = resolved_names(state.names, *addresses);
  plan.addresses = std::move(addresses);
  return plan;
}

}  // namespace postern
