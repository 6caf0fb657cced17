// Requests that may be sent: so many a second, and so many at once. Time is an argument. One
// thread.
#ifndef POSTERN_CONTROL_SERVE_REQUEST_BUDGET_H_
#define POSTERN_CONTROL_SERVE_REQUEST_BUDGET_H_

#include <algorithm>
#include <cstdint>

namespace postern {

class RequestBudget {
 public:
  RequestBudget(uint32_t per_second, uint32_t burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}
  // Whether there is one at this time.
  bool has(uint64_t now_ms) {
    if (now_ms > filled_at_ms_) {
      const double gained = static_cast<double>(now_ms - filled_at_ms_) * per_second_ / 1000;
      tokens_ = std::min<double>(burst_, tokens_ + gained);
      filled_at_ms_ = now_ms;
    }
    return tokens_ >= 1;
  }
  // Takes it; false when there is none.
  bool take(uint64_t now_ms) {
    if (!has(now_ms)) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  uint32_t per_second_;
  uint32_t burst_;
  double tokens_;
  uint64_t filled_at_ms_ = 0;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_REQUEST_BUDGET_H_
