#include "control/apply/plan_names.h"

#include <utility>

namespace postern {

Plan plan_names(const DesiredState&, const Snapshot& in_force,
                std::shared_ptr<const NameAddresses> addresses) {
  Plan plan;
  plan.addresses = std::move(addresses);
  plan.compiled.snapshot = std::make_unique<Snapshot>(in_force);
  return plan;
}

}  // namespace postern
