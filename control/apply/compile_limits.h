// The limits of namespaces, as workers read them. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_COMPILE_LIMITS_H_
#define POSTERN_CONTROL_APPLY_COMPILE_LIMITS_H_

#include "config/model.h"
#include "control/apply/books.h"
#include "dataplane/table/limits.h"

namespace postern {

// `books` know every namespace of the model.
LimitTable compile_limits(const config::Model& model, const Books& books);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_COMPILE_LIMITS_H_
