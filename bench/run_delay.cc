#include "bench/run_delay.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

namespace postern::bench {

RunDelay::~RunDelay() {
  if (file_ >= 0) close(file_);
}

uint64_t RunDelay::read_ns() {
  if (!opened_) {
    file_ = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    opened_ = true;
  }
  char text[128];
  const ssize_t length = file_ < 0 ? -1 : pread(file_, text, sizeof text, 0);
  if (length <= 0) return 0;
  // "RUNNING_NS WAITING_NS TIMES"
  const std::string_view line(text, static_cast<size_t>(length));
  const size_t space = line.find(' ');
  uint64_t waited_ns = 0;
  if (space != std::string_view::npos) {
    std::from_chars(line.data() + space + 1, line.data() + line.size(), waited_ns);
  }
  return waited_ns;
}

}  // namespace postern::bench
