// Where DPDK's log lines go: a stream of our own that cuts the text into lines, hands each to the
// sink and remembers the first ones that were errors: the cause comes first, then everybody above
// it says that it failed too.
//
// Any thread may log; the stream's own lock serialises them.
#ifndef POSTERN_DATAPLANE_RUN_DPDK_LOG_H_
#define POSTERN_DATAPLANE_RUN_DPDK_LOG_H_

#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

class DpdkLog {
 public:
  using Sink = std::function<void(std::string_view line)>;

  // From here on until destruction DPDK logs here and nowhere else.
  explicit DpdkLog(Sink sink);
  ~DpdkLog();
  DpdkLog(const DpdkLog&) = delete;
  DpdkLog& operator=(const DpdkLog&) = delete;

  // The first two error lines since the last call, joined by "; ". Empty where DPDK said nothing.
  [[nodiscard]] std::string take_errors();

 private:
  static ssize_t write_stream(void* cookie, const char* text, size_t bytes);
  void take(std::string_view text, bool is_error);
  void end_line(bool is_error);

  Sink sink_;
  std::FILE* stream_ = nullptr;
  std::mutex mutex_;  // guards what follows
  std::string line_;  // not yet ended
  std::vector<std::string> errors_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_DPDK_LOG_H_
