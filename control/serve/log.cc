#include "control/serve/log.h"

#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

namespace postern {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"error", "warn", "info", "debug"};
constexpr size_t kLongestText = 4096;

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kLongestText));
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return line;
}

}  // namespace

void Log::write(Level level, std::string_view text) {
  if (level > this->level()) return;
  std::string line;
  if (format_.load(std::memory_order_relaxed) == config::LogFormat::kJson) {
    const nlohmann::json object = {{"level", name_of(level)}, {"text", one_line(text)}};
    line = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    line.append(name_of(level)).append(": ").append(one_line(text));
  }
  line += '\n';
  // One call, so that lines of different threads do not mix. A log that cannot be written is lost.
  if (::write(fd_, line.data(), line.size()) < 0) return;
}

std::string_view name_of(config::LogLevel level) { return kLevelNames[static_cast<size_t>(level)]; }

std::optional<config::LogLevel> log_level_named(std::string_view name) {
  for (size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) return static_cast<config::LogLevel>(i);
  }
  return std::nullopt;
}

}  // namespace postern
