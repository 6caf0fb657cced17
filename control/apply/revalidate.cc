#include "control/apply/revalidate.h"

#include <chrono>
#include <deque>
#include <memory>
#include <utility>

namespace postern {
namespace {

constexpr std::chrono::microseconds kLookAgain{500};

// Asks each worker once, looks until each is done. Keeps itself alive by its timers; the workers
// write into the requests until they are done.
class Round : public std::enable_shared_from_this<Round> {
 public:
  Round(Loop* loop, const std::vector<WorkerChannel*>& workers, std::function<void(uint64_t)> done)
      : loop_(loop), done_(std::move(done)) {
    for (WorkerChannel* worker : workers) asked_.emplace_back().worker = worker;
  }

  void look() {
    bool finished = true;
    for (Asked& each : asked_) finished &= is_finished(each);
    if (!finished) {
      loop_->after(kLookAgain, [self = shared_from_this()] { self->look(); });
      return;
    }
    uint64_t ended = 0;
    for (const Asked& each : asked_) ended += each.request.ended;
    done_(ended);
  }

 private:
  struct Asked {
    WorkerChannel* worker = nullptr;
    bool sent = false;
    SessionRevalidation request;
  };

  // A full ring takes the command later; a worker that has stopped takes none.
  static bool is_finished(Asked& each) {
    if (!each.sent) {
      if (each.worker->stopped.load(std::memory_order_acquire)) return true;
      each.sent = each.worker->commands.push(
          {.kind = WorkerCommand::Kind::kRevalidate, .revalidation = &each.request});
      return false;
    }
    return each.request.done.load(std::memory_order_acquire);
  }

  Loop* loop_;
  std::function<void(uint64_t)> done_;
  std::deque<Asked> asked_;
};

}  // namespace

void revalidate_sessions(Loop* loop, const std::vector<WorkerChannel*>& workers,
                         std::function<void(uint64_t ended)> done) {
  std::make_shared<Round>(loop, workers, std::move(done))->look();
}

}  // namespace postern
