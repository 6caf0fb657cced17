// The firewall of a model as workers ask it: rules by namespace, each namespace's by destination
// and by service (dataplane/table/rule_set.h). Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_COMPILE_FIREWALL_H_
#define POSTERN_CONTROL_APPLY_COMPILE_FIREWALL_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <span>
#include <vector>

#include "config/model.h"
#include "control/apply/books.h"
#include "dataplane/table/policy.h"

namespace postern {

// The addresses that stand for a rule's `to_names`, in addition to its `to`. A rule with names of
// which none has an address matches nothing.
using NamedDestinations = absl::flat_hash_map<RuleNumber, std::vector<Ipv4Prefix>>;

// How many stretches of ports the rules of all prefixes may come to in all. They take at most 18
// bytes each: 300 MB. A rule counts once for each of its `ports`, for every different set of rules
// that shares a prefix with it.
inline constexpr size_t kMaxServiceStretches = size_t{1} << 24;

// `books` know the model's namespaces. Fails where the rules come to more than `room` stretches.
absl::StatusOr<Firewall> compile_firewall(const config::Model& model, const Books& books,
                                          const NamedDestinations& names,
                                          size_t room = kMaxServiceStretches);

// The same after names of `rules` came to stand for other addresses: only the rules of their
// namespaces are compiled, everything else is shared with `before`, which came from the same model.
absl::StatusOr<Firewall> with_names(const Firewall& before, const config::Model& model,
                                    const Books& books, const NamedDestinations& names,
                                    std::span<const RuleNumber> rules,
                                    size_t room = kMaxServiceStretches);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_COMPILE_FIREWALL_H_
