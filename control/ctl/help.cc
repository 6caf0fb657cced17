#include "control/ctl/help.h"

#include <algorithm>
#include <utility>

namespace postern {
namespace {

constexpr std::string_view kUsage =
    "usage: posternctl [-s SOCKET] [-j | -p] [-i SECONDS] COMMAND\n"
    "       posternctl [-s SOCKET]                    an interactive shell\n";

constexpr std::string_view kExitCodes =
    "exit status: 0 ok, 1 the request failed, 2 usage, 3 explained as dropped, 4 no gateway\n";

// "  NAME   text" with the texts below each other.
std::string listing(const std::vector<std::pair<std::string, std::string>>& entries) {
  size_t width = 0;
  for (const auto& [name, text] : entries) width = std::max(width, name.size());
  std::string list;
  for (const auto& [name, text] : entries) {
    list += "  " + name + std::string(width - name.size() + 2, ' ') + text + "\n";
  }
  return list;
}

std::vector<std::pair<std::string, std::string>> described(const std::vector<Option>& options) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const Option& option : options) {
    std::string name(option.name);
    if (!option.value.empty()) name += " " + std::string(option.value);
    entries.emplace_back(std::move(name), option.help);
  }
  return entries;
}

}  // namespace

std::string help_text(const std::vector<Command>& commands) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const Command& command : commands) entries.emplace_back(synopsis(command), command.help);
  return std::string(kUsage) + "\n" + listing(entries) + "\n" +
         listing(described(general_options())) + "\n" + std::string(kExitCodes);
}

std::string help_text(const Command& command) {
  std::string text = "usage: posternctl " + synopsis(command) + "\n\n" + std::string(command.help);
  text += "\n";
  if (!command.method.empty()) {
    text += "It calls the method " + std::string(command.method) + ".\n";
  }
  if (!command.options.empty()) text += "\n" + listing(described(command.options));
  return text + "\n" + listing(described(general_options())) + "\n" + std::string(kExitCodes);
}

}  // namespace postern
