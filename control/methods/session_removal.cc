#include "control/methods/session_removal.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "control/methods/session_reader.h"

namespace postern {
namespace {

constexpr std::chrono::microseconds kLookAgain{500};

// Reads until a number of sessions is chosen, has them ended worker by worker, reads on. Keeps
// itself alive by the reading and the timers; a worker writes into `request_` until it is done.
class Removal : public std::enable_shared_from_this<Removal> {
 public:
  Removal(const MethodContext& context, SessionChoice is_chosen, std::function<void(uint64_t)> done)
      : context_(context),
        is_chosen_(std::move(is_chosen)),
        done_(std::move(done)),
        asked_at_ms_(context.now_ms()),
        chosen_(context.workers.size()) {}

  void read_on(SessionPlace from) {
    for (auto& of_worker : chosen_) of_worker.clear();
    count_ = 0;
    read_sessions(
        context_, from, kSessionsAtOnce,
        [self = shared_from_this()](const SessionCopy& copy, size_t worker) {
          return self->visit(copy, worker);
        },
        [self = shared_from_this()](std::optional<SessionPlace> next) {
          self->next_ = next;
          self->end_chosen(0);
        });
  }

 private:
  // A session that begins meanwhile is left alone: a pod that opens again what was ended would
  // never let the removal come to its end.
  Reading visit(const SessionCopy& copy, size_t worker) {
    if (copy.cold.created_ms() > asked_at_ms_ || !is_chosen_(copy)) return Reading::kGoOn;
    chosen_[worker].push_back({copy.handle, outbound_key_of(copy.entry, copy.cold)});
    return ++count_ < kSessionsAtOnce ? Reading::kGoOn : Reading::kEnough;
  }

  void end_chosen(size_t worker) {
    while (worker < chosen_.size() && chosen_[worker].empty()) ++worker;
    if (worker == chosen_.size()) {
      if (!next_) return done_(removed_);
      return read_on(*next_);
    }
    worker_ = worker;
    request_.sessions = chosen_[worker];
    request_.removed = 0;
    request_.done.store(false, std::memory_order_relaxed);
    asked_ = false;
    look();
  }

  void look() {
    if (!asked_) {
      asked_ = context_.workers[worker_].channel->commands.push(
          {.kind = WorkerCommand::Kind::kRemoveSessions, .removal = &request_});
    }
    if (!request_.done.load(std::memory_order_acquire)) {
      context_.loop->after(kLookAgain, [self = shared_from_this()] { self->look(); });
      return;
    }
    removed_ += request_.removed;
    end_chosen(worker_ + 1);
  }

  const MethodContext& context_;
  SessionChoice is_chosen_;
  std::function<void(uint64_t)> done_;
  uint64_t asked_at_ms_;
  std::optional<SessionPlace> next_;
  std::vector<std::vector<NotedSession>> chosen_;  // by worker
  uint32_t count_ = 0;                             // of them
  size_t worker_ = 0;                              // whose sessions end now
  SessionRemovalRequest request_;
  bool asked_ = false;
  uint64_t removed_ = 0;
};

}  // namespace

void remove_sessions(const MethodContext& context, SessionChoice is_chosen,
                     std::function<void(uint64_t removed)> done) {
  std::make_shared<Removal>(context, std::move(is_chosen), std::move(done))->read_on({});
}

}  // namespace postern
