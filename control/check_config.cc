#include "control/check_config.h"

#include <ostream>
#include <utility>

#include "config/load.h"
#include "config/print.h"

namespace postern {

std::optional<config::Model> load_or_complain(const std::string& path, std::ostream& errors) {
  config::LoadResult result = config::load_file(path);
  for (const config::Diagnostic& error : result.errors) errors << error.text() << '\n';
  for (const config::Diagnostic& warning : result.warnings) {
    errors << warning.text("warning") << '\n';
  }
  return std::move(result.model);
}

ExitCode check_config(const std::string& path, std::ostream& out, std::ostream& errors) {
  if (!load_or_complain(path, errors)) return ExitCode::kConfiguration;
  out << path << ": ok\n";
  return ExitCode::kOk;
}

ExitCode print_config(const std::string& path, std::ostream& out, std::ostream& errors) {
  const std::optional<config::Model> model = load_or_complain(path, errors);
  if (!model) return ExitCode::kConfiguration;
  out << config::print(*model);
  return ExitCode::kOk;
}

}  // namespace postern
