// One complaint about a configuration. Values only; any thread.
#ifndef POSTERN_CONFIG_DIAGNOSTIC_H_
#define POSTERN_CONFIG_DIAGNOSTIC_H_

#include <cstdint>
#include <string>

namespace postern::config {

struct Diagnostic {
  std::string file;
  uint32_t line = 0;    // 0: the file as a whole, as when it cannot be read
  std::string path;     // the setting, as in "ports.uplink.mtu"; empty where there is none
  std::string message;  // what is wrong
  std::string hint;     // what to do about it, or empty

  // "FILE:LINE: error: PATH: MESSAGE", the hint after a semicolon; without line or path, those are
  // left out. `severity` is "error" or "warning".
  [[nodiscard]] std::string text(const char* severity = "error") const;
};

}  // namespace postern::config

#endif  // POSTERN_CONFIG_DIAGNOSTIC_H_
