// The egress_ips of a model as workers ask them: by namespace, by pods, by destination
// (dataplane/table/policy.h). Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_COMPILE_EGRESS_H_
#define POSTERN_CONTROL_APPLY_COMPILE_EGRESS_H_

#include <cstdint>

#include "config/model.h"
#include "control/apply/books.h"
#include "dataplane/table/policy.h"

namespace postern {

// `first_policy` is the index of the first entry's policy; those of the others follow in the file's
// order. `books` know the model's namespaces.
EgressTable compile_egress(const config::Model& model, const Books& books, uint32_t first_policy);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_COMPILE_EGRESS_H_
