// posternctl without a command: an interactive shell with completion and history on a terminal
// (libedit), otherwise the lines of standard input one after the other. Errors do not end it; the
// exit status is that of the last command. One thread.
#ifndef POSTERN_CONTROL_CTL_SHELL_H_
#define POSTERN_CONTROL_CTL_SHELL_H_

#include <istream>
#include <vector>

#include "control/ctl/command.h"
#include "control/ctl/runner.h"

namespace postern {

// On the terminal, with a greeting; ends with `exit` or at the end of input.
ExitCode run_shell(const std::vector<Command>& commands, Runner& runner);

// From a stream; blank lines and those that begin with # are passed over.
ExitCode run_lines(std::istream& in, const std::vector<Command>& commands, Runner& runner);

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_SHELL_H_
