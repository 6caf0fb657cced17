// The router half of compile(): the lines of egress routers, flattened into RouterTable; each
// router's source address becomes a policy of its own. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_COMPILE_ROUTERS_H_
#define POSTERN_CONTROL_APPLY_COMPILE_ROUTERS_H_

#include "config/model.h"
#include "control/apply/books.h"
#include "control/apply/name_numbers.h"
#include "dataplane/table/policy.h"
#include "dataplane/table/router_table.h"

namespace postern {

// `books` know every namespace and source address of the model, which has passed config::check.
// Adds to `policy` the routers' sources, to `names` what their lines call by name; `seed` keys the
// maps.
RouterTable compile_routers(const config::Model& model, const Books& books, uint64_t seed,
                            PolicyTable& policy, NameNumbers& names);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_COMPILE_ROUTERS_H_
