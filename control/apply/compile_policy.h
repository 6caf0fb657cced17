// The policy half of compile(): firewall rules, egress policies and their addresses, flattened into
// PolicyTable. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_COMPILE_POLICY_H_
#define POSTERN_CONTROL_APPLY_COMPILE_POLICY_H_

#include <set>

#include "config/model.h"
#include "control/apply/books.h"
#include "dataplane/table/policy.h"

namespace postern {

// Every address that sessions may be given: those of `egress_ips` and, where it is on, `node_ip`.
std::set<Ipv4Address> egress_addresses(const config::Model& model);

// `books` know every namespace and egress address of the model.
PolicyTable compile_policy(const config::Model& model, const Books& books);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_COMPILE_POLICY_H_
