// What is said of a configuration that needs a restart: one complaint for each setting, with its
// key and its line in the new configuration. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_RESTART_ERRORS_H_
#define POSTERN_CONTROL_APPLY_RESTART_ERRORS_H_

#include <vector>

#include "config/diagnostic.h"
#include "config/model.h"

namespace postern {

// Empty exactly where no difference between the two needs a restart (restart.h). A setting that
// keeps no line of its own goes by that of its entry or group, a removed port by that of the first.
std::vector<config::Diagnostic> restart_errors(const config::Model& running,
                                               const config::Model& wanted);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_RESTART_ERRORS_H_
