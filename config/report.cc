#include "config/report.h"

#include <algorithm>
#include <tuple>

namespace postern::config {

void Report::error(SourceLine line, std::string path, std::string message, std::string hint) {
  errors_.push_back({line, make(line, std::move(path), std::move(message), std::move(hint))});
}

void Report::warn(SourceLine line, std::string path, std::string message, std::string hint) {
  warnings_.push_back({line, make(line, std::move(path), std::move(message), std::move(hint))});
}

std::string Report::call(SourceLine other, SourceLine here) const {
  if (other.file == here.file || other.file >= files_.name.size()) {
    return "line " + std::to_string(other.line);
  }
  return files_.name[other.file] + ":" + std::to_string(other.line);
}

Diagnostic Report::make(SourceLine line, std::string path, std::string message,
                        std::string hint) const {
  Diagnostic made;
  if (line.file < files_.name.size()) made.file = files_.name[line.file];
  made.line = line.line;
  made.path = std::move(path);
  made.message = std::move(message);
  made.hint = std::move(hint);
  return made;
}

std::vector<Diagnostic> Report::sorted(std::vector<Entry> entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.line.file, a.line.line) < std::tie(b.line.file, b.line.line);
  });
  std::vector<Diagnostic> out;
  out.reserve(entries.size());
  for (Entry& entry : entries) out.push_back(std::move(entry.diagnostic));
  return out;
}

}  // namespace postern::config
