// What may follow the words of a line, made from the table of commands: for the interactive shell,
// and as scripts for bash and zsh. No state; any thread.
#ifndef POSTERN_CONTROL_CTL_COMPLETE_H_
#define POSTERN_CONTROL_CTL_COMPLETE_H_

#include <string>
#include <string_view>
#include <vector>

#include "control/ctl/command.h"

namespace postern {

// What may follow words of a line.
struct Candidates {
  std::vector<std::string> words;
  bool files = false;  // names of files too
};

// What may follow these words (none of them an option): further words of commands, choices of the
// next argument, options.
Candidates candidates_after(const std::vector<Command>& commands,
                            const std::vector<std::string>& words);

// What completing the last word of a line comes to.
struct Completion {
  std::string insert;                // at the end of the line; may be empty
  std::vector<std::string> matches;  // what the word may become, to be shown where it is not clear
};

// Completes the line that ends where the cursor is. Looks at directories where a file may follow.
Completion complete_line(const std::vector<Command>& commands, std::string_view line);

// The scripts behind `posternctl completion`.
std::string bash_completion(const std::vector<Command>& commands);
std::string zsh_completion(const std::vector<Command>& commands);

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_COMPLETE_H_
