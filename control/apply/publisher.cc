#include "control/apply/publisher.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace postern {
namespace {

// How often the workers' words are looked at: a new snapshot is answered soon after the workers
// have it, a purge takes longer and may be noticed later.
constexpr std::chrono::microseconds kSnapshotInterval{200};
constexpr std::chrono::microseconds kPurgeInterval{10'000};

}  // namespace

Publisher::Publisher(Loop* loop, PublishedSnapshot* published, std::vector<WorkerChannel*> workers)
    : loop_(loop), published_(published), workers_(std::move(workers)) {}

Publisher::~Publisher() { published_->publish(nullptr); }

void Publisher::publish(std::unique_ptr<const Snapshot> snapshot, std::function<void()> seen) {
  const uint64_t generation = snapshot->generation;
  published_->publish(snapshot.get());
  waiting_.push_back({generation, std::exchange(current_, std::move(snapshot)), std::move(seen)});
  look_again();
}

void Publisher::advance(uint64_t generation, std::function<void()> seen) {
  published_->advance(generation);
  waiting_.push_back({generation, nullptr, std::move(seen)});
  look_again();
}

void Publisher::when_seen(std::function<void()> seen) {
  if (waiting_.empty()) return seen();
  waiting_.push_back({waiting_.back().generation, nullptr, std::move(seen)});
}

void Publisher::purge(std::function<void()> done) {
  next_round_.push_back(std::move(done));
  if (!purging_) start_round();
  look_again();
}

void Publisher::look_again() {
  if (waiting_.empty() && !purging_) return;
  const std::chrono::microseconds interval = waiting_.empty() ? kPurgeInterval : kSnapshotInterval;
  const uint64_t due_us = loop_->now_us() + static_cast<uint64_t>(interval.count());
  if (next_look_us_ <= due_us) return;
  next_look_us_ = due_us;
  loop_->after(interval, [this, due_us] {
    if (next_look_us_ != due_us) return;
    next_look_us_ = kNever;
    look();
  });
}

// What is called here may publish or purge again.
void Publisher::look() {
  const uint64_t seen = seen_by_all();
  while (!waiting_.empty() && waiting_.front().generation <= seen) {
    const Waiting done = std::move(waiting_.front());
    waiting_.pop_front();
    if (done.seen) done.seen();
  }
  if (purging_) {
    ask_for_purge();
    if (round_finished()) finish_round();
  }
  look_again();
}

uint64_t Publisher::seen_by_all() const {
  uint64_t least = ~uint64_t{0};
  for (const WorkerChannel* worker : workers_) {
    least = std::min(least, worker->seen_generation.load(std::memory_order_acquire));
  }
  return least;
}

void Publisher::start_round() {
  purging_ = true;
  round_.done = std::move(next_round_);
  next_round_.clear();
  round_.asked.assign(workers_.size(), false);
  round_.finished_before.clear();
  for (const WorkerChannel* worker : workers_) {
    round_.finished_before.push_back(worker->purges_finished.load(std::memory_order_acquire));
  }
  ask_for_purge();
}

// A full ring takes the command later.
void Publisher::ask_for_purge() {
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (round_.asked[i]) continue;
    round_.asked[i] =
        workers_[i]->commands.push({.kind = WorkerCommand::Kind::kPurge, .copy = nullptr});
  }
}

bool Publisher::round_finished() const {
  for (size_t i = 0; i < workers_.size(); ++i) {
    const uint64_t finished = workers_[i]->purges_finished.load(std::memory_order_acquire);
    if (!round_.asked[i] || finished == round_.finished_before[i]) return false;
  }
  return true;
}

void Publisher::finish_round() {
  purging_ = false;
  const std::vector<std::function<void()>> done = std::move(round_.done);
  round_.done.clear();
  if (!next_round_.empty()) start_round();
  for (const auto& call : done) call();
}

}  // namespace postern
