#include "dataplane/run/dpdk_log.h"

#include <rte_log.h>
#include <sys/types.h>

#include <utility>

namespace postern {
namespace {

// A complaint is one line long; later errors follow from the first.
constexpr size_t kErrorsKept = 2;

}  // namespace

DpdkLog::DpdkLog(Sink sink) : sink_(std::move(sink)) {
  stream_ = fopencookie(this, "w", {nullptr, &DpdkLog::write_stream, nullptr, nullptr});
  if (stream_ != nullptr) rte_openlog_stream(stream_);
}

DpdkLog::~DpdkLog() {
  if (stream_ == nullptr) return;
  rte_openlog_stream(nullptr);
  std::fclose(stream_);
}

std::string DpdkLog::take_errors() {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const std::string& line : errors_) {
    if (!text.empty()) text += "; ";
    text += line;
  }
  errors_.clear();
  return text;
}

// DPDK flushes after every message, so what arrives belongs to the message that is being logged.
ssize_t DpdkLog::write_stream(void* cookie, const char* text, size_t bytes) {
  const int level = rte_log_cur_msg_loglevel();
  const bool is_error = level > 0 && level <= static_cast<int>(RTE_LOG_ERR);
  static_cast<DpdkLog*>(cookie)->take({text, bytes}, is_error);
  return static_cast<ssize_t>(bytes);
}

void DpdkLog::take(std::string_view text, bool is_error) {
  const std::lock_guard lock(mutex_);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    line_ += text.substr(0, end);
    if (end == std::string_view::npos) return;
    end_line(is_error);
    text.remove_prefix(end + 1);
  }
}

void DpdkLog::end_line(bool is_error) {
  if (line_.empty()) return;
  if (sink_) sink_(line_);
  if (is_error && errors_.size() < kErrorsKept) errors_.push_back(line_);
  line_.clear();
}

}  // namespace postern
