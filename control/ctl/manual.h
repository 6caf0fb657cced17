// The manual page of posternctl, made from the table of commands. Pure functions; any thread.
#ifndef POSTERN_CONTROL_CTL_MANUAL_H_
#define POSTERN_CONTROL_CTL_MANUAL_H_

#include <string>
#include <string_view>
#include <vector>

#include "control/ctl/command.h"

namespace postern {

// posternctl(1) in the man macros.
std::string manual_page(const std::vector<Command>& commands, std::string_view version);

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_MANUAL_H_
