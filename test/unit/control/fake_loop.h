// An event loop and workers for tests: virtual time, no threads, every step asked for.
#ifndef POSTERN_TEST_UNIT_CONTROL_FAKE_LOOP_H_
#define POSTERN_TEST_UNIT_CONTROL_FAKE_LOOP_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "control/apply/loop.h"
#include "dataplane/run/channel.h"
#include "dataplane/table/snapshot.h"

namespace postern {

class FakeLoop : public Loop {
 public:
  void beside(std::function<void()> work, std::function<void()> then) override {
    helper_.push_back({std::move(work), std::move(then)});
  }
  void read_beside(std::function<void()> work, std::function<void()> then) override {
    beside(std::move(work), std::move(then));
  }
  void write_beside(std::function<void()> work, std::function<void()> then) override {
    disk_.push_back({std::move(work), std::move(then)});
  }
  void after(std::chrono::microseconds delay, std::function<void()> what) override {
    timers_.emplace(now_us_ + static_cast<uint64_t>(delay.count()), std::move(what));
  }
  [[nodiscard]] uint64_t now_us() const override { return now_us_; }

  // Does what was given to the helper thread.
  void run_helper() { run(helper_); }
  // The same for the thread that waits for disks.
  void run_disk() { run(disk_); }
  // Lets time pass; timers that are due are called in their order.
  void pass(std::chrono::microseconds time) {
    const uint64_t until = now_us_ + static_cast<uint64_t>(time.count());
    while (!timers_.empty() && timers_.begin()->first <= until) {
      now_us_ = std::max(now_us_, timers_.begin()->first);
      const auto what = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      what();
    }
    now_us_ = until;
  }
  [[nodiscard]] bool has_timer() const { return !timers_.empty(); }

 private:
  using Tasks = std::deque<std::pair<std::function<void()>, std::function<void()>>>;

  static void run(Tasks& tasks) {
    while (!tasks.empty()) {
      const auto [work, then] = std::move(tasks.front());
      tasks.pop_front();
      work();
      then();
    }
  }

  Tasks helper_;
  Tasks disk_;
  std::multimap<uint64_t, std::function<void()>> timers_;
  uint64_t now_us_ = 1'000'000;
};

// What a worker does for the control thread, when it is told to.
class FakeWorker {
 public:
  explicit FakeWorker(const PublishedSnapshot* published) : published_(published) {}

  // One loop: passes to the current generation.
  void turn() {
    const uint64_t generation = published_->generation();
    if (published_->current() != nullptr) channel.seen_generation.store(generation);
  }
  // Does what was commanded.
  void obey() {
    WorkerCommand command;
    while (channel.commands.pop(command)) {
      if (command.kind == WorkerCommand::Kind::kPurge) channel.purges_finished.fetch_add(1);
    }
  }

  WorkerChannel channel;

 private:
  const PublishedSnapshot* published_;
};

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_CONTROL_FAKE_LOOP_H_
