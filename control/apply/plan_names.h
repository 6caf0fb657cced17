// What host names stand for, as the workers' tables have it: all of it with a new configuration,
// and what changed of it alone afterwards. Pure; for the helper thread.
#ifndef POSTERN_CONTROL_APPLY_PLAN_NAMES_H_
#define POSTERN_CONTROL_APPLY_PLAN_NAMES_H_

#include <absl/status/status.h>

#include <memory>

#include "control/apply/books.h"
#include "control/apply/name_addresses.h"
#include "control/apply/name_numbers.h"
#include "control/apply/transaction.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Puts into the tables of `model` what its names stand for, where they hold `before`: the addresses
// of numbered names, and the firewall rules of the namespaces in which a name of a rule changed.
// Fails when the firewall becomes too large with them.
absl::Status put_names(const config::Model& model, const Books& books, const NameNumbers& numbers,
                       const NameAddresses& before, const NameAddresses& addresses,
                       Snapshot& snapshot);

// What new addresses of names lead to: the tables in force with the parts that hold addresses of
// names made anew, everything else as it was. `in_force`: the snapshot that was published last. One
// of these or of the plans of transaction.h and patch.h at a time.
Plan plan_names(const DesiredState& state, const Snapshot& in_force,
                std::shared_ptr<const NameAddresses> addresses);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_PLAN_NAMES_H_
