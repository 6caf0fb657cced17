// Collects complaints while a configuration is read and checked, and hands them out sorted by file
// and line. One thread: the one that loads.
#ifndef POSTERN_CONFIG_REPORT_H_
#define POSTERN_CONFIG_REPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "config/diagnostic.h"
#include "config/model.h"

namespace postern::config {

class Report {
 public:
  // `files` must outlive the report; it may grow while the report is used.
  explicit Report(const SourceFiles& files) : files_(files) {}

  void error(SourceLine line, std::string path, std::string message, std::string hint = {});
  void warn(SourceLine line, std::string path, std::string message, std::string hint = {});

  [[nodiscard]] bool has_errors() const { return !errors_.empty(); }

  // How a message about `here` calls another line: "line 7", or "FILE:7" when it is elsewhere.
  [[nodiscard]] std::string call(SourceLine other, SourceLine here) const;

  std::vector<Diagnostic> take_errors() { return sorted(std::move(errors_)); }
  std::vector<Diagnostic> take_warnings() { return sorted(std::move(warnings_)); }

 private:
  struct Entry {
    SourceLine line;
    Diagnostic diagnostic;
  };

  [[nodiscard]] Diagnostic make(SourceLine line, std::string path, std::string message,
                                std::string hint) const;
  static std::vector<Diagnostic> sorted(std::vector<Entry> entries);

  const SourceFiles& files_;
  std::vector<Entry> errors_;
  std::vector<Entry> warnings_;
};

}  // namespace postern::config

#endif  // POSTERN_CONFIG_REPORT_H_
