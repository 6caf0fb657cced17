// The daemon's log: one line each on standard error, "LEVEL: text", or one JSON object a line.
// Whoever collects it (journald) adds the time. Text from outside cannot make further lines.
// Any thread.
#ifndef POSTERN_CONTROL_SERVE_LOG_H_
#define POSTERN_CONTROL_SERVE_LOG_H_

#include <atomic>
#include <optional>
#include <string_view>

#include "config/model.h"

namespace postern {

class Log {
 public:
  using Level = config::LogLevel;

  // Writes to `fd`, which stays open.
  explicit Log(int fd) : fd_(fd) {}

  void set_level(Level level) { level_.store(level, std::memory_order_relaxed); }
  [[nodiscard]] Level level() const { return level_.load(std::memory_order_relaxed); }
  void set_format(config::LogFormat format) { format_.store(format, std::memory_order_relaxed); }

  void write(Level level, std::string_view text);
  // What must not happen in a healthy gateway.
  void error(std::string_view text) { write(Level::kError, text); }
  void warn(std::string_view text) { write(Level::kWarn, text); }
  void info(std::string_view text) { write(Level::kInfo, text); }
  void debug(std::string_view text) { write(Level::kDebug, text); }

 private:
  int fd_;
  std::atomic<Level> level_{Level::kInfo};
  std::atomic<config::LogFormat> format_{config::LogFormat::kText};
};

// "error", "warn", "info", "debug": as the configuration writes them.
std::string_view name_of(config::LogLevel level);
std::optional<config::LogLevel> log_level_named(std::string_view name);

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_LOG_H_
