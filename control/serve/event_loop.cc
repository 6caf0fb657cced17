#include "control/serve/event_loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace postern {
namespace {

timeval to_timeval(std::chrono::microseconds time) {
  return {.tv_sec = time.count() / 1'000'000, .tv_usec = time.count() % 1'000'000};
}

event_base* make_base() {
  event_config* config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
  event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  if (base == nullptr) std::abort();  // no epoll: nothing can run here
  return base;
}

}  // namespace

void EventLoop::Free::operator()(event_base* base) const { event_base_free(base); }
void EventLoop::Free::operator()(event* event) const { event_free(event); }

EventLoop::EventLoop() : base_(make_base()), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Watch& results = watch(false, [this] { take_results(); });
  results.event.reset(event_new(base_.get(), wake_fd_, EV_READ | EV_PERSIST, &called, &results));
  event_add(results.event.get(), nullptr);
}

EventLoop::~EventLoop() {
  stop_helpers();
  watches_.clear();
  close(wake_fd_);
}

void EventLoop::stop_helpers() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  for (Helper* helper : {&planning_, &reading_, &writing_}) {
    helper->work.notify_all();
    if (helper->thread) helper->thread->join();
    helper->thread.reset();
    helper->waiting.clear();
  }
}

EventLoop::Watch& EventLoop::watch(bool once, std::function<void()> what) {
  return watches_.emplace_back(Watch{this, once, std::move(what), nullptr});
}

void EventLoop::called(int, short, void* argument) {
  Watch& self = *static_cast<Watch*>(argument);
  if (!self.once) {
    self.what();
    return;
  }
  const std::function<void()> what = std::move(self.what);
  self.loop->watches_.remove_if([&](const Watch& each) { return &each == &self; });
  what();
}

void EventLoop::after(std::chrono::microseconds delay, std::function<void()> what) {
  Watch& timer = watch(true, std::move(what));
  timer.event.reset(event_new(base_.get(), -1, 0, &called, &timer));
  const timeval time = to_timeval(delay);
  event_add(timer.event.get(), &time);
}

void EventLoop::every(std::chrono::microseconds interval, std::function<void()> what) {
  Watch& timer = watch(false, std::move(what));
  timer.event.reset(event_new(base_.get(), -1, EV_PERSIST, &called, &timer));
  const timeval time = to_timeval(interval);
  event_add(timer.event.get(), &time);
}

void EventLoop::on_signal(int signal, std::function<void()> what) {
  Watch& handler = watch(false, std::move(what));
  handler.event.reset(event_new(base_.get(), signal, EV_SIGNAL | EV_PERSIST, &called, &handler));
  event_add(handler.event.get(), nullptr);
}

uint64_t EventLoop::now_us() const {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

void EventLoop::run() { event_base_dispatch(base_.get()); }
void EventLoop::stop() { event_base_loopbreak(base_.get()); }

void EventLoop::beside(std::function<void()> work, std::function<void()> then) {
  give(planning_, {std::move(work), std::move(then)});
}

void EventLoop::read_beside(std::function<void()> work, std::function<void()> then) {
  give(reading_, {std::move(work), std::move(then)});
}

void EventLoop::write_beside(std::function<void()> work, std::function<void()> then) {
  give(writing_, {std::move(work), std::move(then)});
}

void EventLoop::give(Helper& helper, Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    helper.waiting.push_back(std::move(task));
  }
  helper.work.notify_one();
  if (helper.thread) return;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the control thread's
  helper.thread.emplace([this, &helper] { help(helper); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// A helper thread.
void EventLoop::help(Helper& helper) {
  std::unique_lock lock(mutex_);
  while (true) {
    helper.work.wait(lock, [&] { return ending_ || !helper.waiting.empty(); });
    if (ending_) return;
    Task task = std::move(helper.waiting.front());
    helper.waiting.pop_front();
    lock.unlock();
    task.work();
    task.work = nullptr;  // what it holds goes on this thread
    lock.lock();
    results_.push_back(std::move(task.then));
    const uint64_t one = 1;
    if (write(wake_fd_, &one, sizeof one) < 0) continue;  // it is awake already
  }
}

void EventLoop::take_results() {
  uint64_t count = 0;
  if (read(wake_fd_, &count, sizeof count) < 0) return;
  std::deque<std::function<void()>> results;
  {
    const std::lock_guard lock(mutex_);
    results.swap(results_);
  }
  for (const auto& then : results) then();
}

}  // namespace postern
