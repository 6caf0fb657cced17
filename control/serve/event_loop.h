// The control thread's event loop (libevent) and its helper threads.
//
// Everything of the control plane happens on the thread that calls run(), one thing at a time; what
// takes long is given to a helper thread: one plans changes, one answers who only asks, one waits
// for disks. Their results come back as events. Timers have microseconds: a change is answered soon
// after the workers have it.
//
// Control thread, where nothing else is said.
#ifndef POSTERN_CONTROL_SERVE_EVENT_LOOP_H_
#define POSTERN_CONTROL_SERVE_EVENT_LOOP_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "control/apply/loop.h"

struct event;
struct event_base;

namespace postern {

class EventLoop : public Loop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop() override;  // stop_helpers()

  void beside(std::function<void()> work, std::function<void()> then) override;
  void read_beside(std::function<void()> work, std::function<void()> then) override;
  void write_beside(std::function<void()> work, std::function<void()> then) override;
  void after(std::chrono::microseconds delay, std::function<void()> what) override;
  [[nodiscard]] uint64_t now_us() const override;

  // Calls `what` again and again.
  void every(std::chrono::microseconds interval, std::function<void()> what);
  // Calls `what` when the signal comes; the process does not take its default action any more.
  void on_signal(int signal, std::function<void()> what);

  // Returns after stop().
  void run();
  void stop();
  // Waits for the helper threads to finish what they do; what waits for them is dropped, now and
  // later. Before what their work refers to goes.
  void stop_helpers();

  [[nodiscard]] event_base* base() const { return base_.get(); }

 private:
  struct Free {
    void operator()(event_base* base) const;
    void operator()(event* event) const;
  };
  using Event = std::unique_ptr<event, Free>;
  // An event and what it calls; stays in its place as long as it may come.
  struct Watch {
    EventLoop* loop = nullptr;
    bool once = false;
    std::function<void()> what;
    Event event;
  };
  struct Task {
    std::function<void()> work;
    std::function<void()> then;
  };

  // A helper thread and what waits for it.
  struct Helper {
    std::condition_variable work;
    std::deque<Task> waiting;
    std::optional<std::thread> thread;  // started with the first task
  };

  static void called(int fd, short events, void* watch);
  Watch& watch(bool once, std::function<void()> what);
  void give(Helper& helper, Task task);
  void help(Helper& helper);
  void take_results();

  std::unique_ptr<event_base, Free> base_;
  std::list<Watch> watches_;
  int wake_fd_;  // a helper thread has results

  std::mutex mutex_;  // guards what follows
  Helper planning_;
  Helper reading_;
  Helper writing_;
  std::deque<std::function<void()>> results_;
  bool ending_ = false;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_EVENT_LOOP_H_
