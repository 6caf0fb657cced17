#include "config/diagnostic.h"

namespace postern::config {

std::string Diagnostic::text(const char* severity) const {
  std::string out = file;
  if (line != 0) out += ":" + std::to_string(line);
  out += ": ";
  out += severity;
  out += ": ";
  if (!path.empty()) out += path + ": ";
  out += message;
  if (!hint.empty()) out += "; " + hint;
  return out;
}

}  // namespace postern::config
