// Help, made from the table of commands. Pure functions; any thread.
#ifndef POSTERN_CONTROL_CTL_HELP_H_
#define POSTERN_CONTROL_CTL_HELP_H_

#include <string>
#include <string_view>
#include <vector>

#include "control/ctl/command.h"

namespace postern {

// All commands and general options, one a line.
std::string help_text(const std::vector<Command>& commands);

// One command: usage, what it does, its options, its exit status.
std::string help_text(const Command& command);

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_HELP_H_
