// The policy half of compile(): firewall, egress policies and their addresses. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_COMPILE_POLICY_H_
#define POSTERN_CONTROL_APPLY_COMPILE_POLICY_H_

#include <absl/status/statusor.h>

#include "config/model.h"
#include "control/apply/books.h"
#include "dataplane/table/policy.h"

namespace postern {

// `books` know every namespace and egress address of the model. Fails when the firewall is too
// large (compile_firewall.h).
absl::StatusOr<PolicyTable> compile_policy(const config::Model& model, const Books& books);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_COMPILE_POLICY_H_
