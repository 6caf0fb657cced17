// `postern --check` and `postern --print-config`: what can be said about a configuration without a
// gateway. Needs no root, no EAL and no device; linked with config only.
#ifndef POSTERN_CONTROL_CHECK_CONFIG_H_
#define POSTERN_CONTROL_CHECK_CONFIG_H_

#include <iosfwd>
#include <optional>
#include <string>

#include "config/model.h"

namespace postern {

// Exit status of the daemon.
enum class ExitCode : int {
  kOk = 0,
  kConfiguration = 1,
  kEnvironment = 2,  // huge pages, permissions, the control socket
  kDevice = 3,
  kInternal = 4,
};

// Reads and checks the file; complains to `errors` about everything that is wrong or looks so.
std::optional<config::Model> load_or_complain(const std::string& path, std::ostream& errors);

// Says "FILE: ok", or complains.
ExitCode check_config(const std::string& path, std::ostream& out, std::ostream& errors);

// Prints the effective configuration with its defaults, or complains.
ExitCode print_config(const std::string& path, std::ostream& out, std::ostream& errors);

}  // namespace postern

#endif  // POSTERN_CONTROL_CHECK_CONFIG_H_
