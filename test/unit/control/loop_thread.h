// A libevent loop on a thread of its own, so that a test can be the client of what runs on it.
#ifndef POSTERN_TEST_UNIT_CONTROL_LOOP_THREAD_H_
#define POSTERN_TEST_UNIT_CONTROL_LOOP_THREAD_H_

#include <event2/event.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

namespace postern {

class LoopThread {
 public:
  LoopThread() : base_(event_base_new()) {
    if (base_ == nullptr || pipe(ends_) != 0) throw std::runtime_error("no event loop");
    stop_ = event_new(
        base_, ends_[0], EV_READ,
        [](int, short, void* base) { event_base_loopbreak(static_cast<event_base*>(base)); },
        base_);
    event_add(stop_, nullptr);
  }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  ~LoopThread() {
    stop();
    event_free(stop_);
    event_base_free(base_);
    close(ends_[0]);
    close(ends_[1]);
  }

  // To put events on; from any thread until run(), then from the loop's only.
  [[nodiscard]] event_base* base() const { return base_; }
  void run() {
    thread_ = std::thread([this] { event_base_dispatch(base_); });
  }
  // Returns when the loop has ended; then base() is the caller's again.
  void stop() {
    if (!thread_.joinable()) return;
    [[maybe_unused]] const ssize_t written = write(ends_[1], "x", 1);
    thread_.join();
  }

 private:
  event_base* base_;
  event* stop_ = nullptr;
  int ends_[2] = {-1, -1};
  std::thread thread_;
};

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_CONTROL_LOOP_THREAD_H_
