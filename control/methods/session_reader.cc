#include "control/methods/session_reader.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <chrono>
#include <memory>
#include <utility>

namespace postern {
namespace {

constexpr std::chrono::microseconds kLookAgain{500};

// One reading under way. Keeps itself alive by the timers that look after it; the worker writes
// into `request_` and `copies_` until the request is done.
class Reading : public std::enable_shared_from_this<Reading> {
 public:
  Reading(const MethodContext& context, SessionPlace from, uint32_t limit,
          std::function<void(SessionPage)> done)
      : context_(context), place_(from), limit_(limit), done_(std::move(done)) {}

  void go_on() {
    if (place_.worker >= context_.workers.size()) return finish(std::nullopt);
    const size_t taken = page_.sessions.size();
    if (taken == limit_) return finish(place_);
    copies_.clear();
    copies_.reserve(limit_ - taken);
    request_.first = place_.handle;
    request_.limit = static_cast<uint32_t>(limit_ - taken);
    request_.out = &copies_;
    request_.done.store(false, std::memory_order_relaxed);
    asked_ = false;
    look();
  }

 private:
  void look() {
    WorkerChannel& channel = *context_.workers[place_.worker].channel;
    if (!asked_) {
      asked_ =
          channel.commands.push({.kind = WorkerCommand::Kind::kCopySessions, .copy = &request_});
    }
    if (!request_.done.load(std::memory_order_acquire)) {
      context_.loop->after(kLookAgain, [self = shared_from_this()] { self->look(); });
      return;
    }
    for (SessionCopy& copy : copies_) {
      page_.sessions.push_back(copy);
      page_.workers.push_back(place_.worker);
    }
    const bool all_seen = copies_.size() < request_.limit;
    place_ =
        all_seen ? SessionPlace{place_.worker + 1, 0} : SessionPlace{place_.worker, request_.next};
    go_on();
  }

  void finish(std::optional<SessionPlace> next) {
    page_.next = next;
    done_(std::move(page_));
  }

  const MethodContext& context_;
  SessionPlace place_;
  uint32_t limit_;
  std::function<void(SessionPage)> done_;
  SessionCopyRequest request_;
  std::vector<SessionCopy> copies_;
  SessionPage page_;
  bool asked_ = false;
};

}  // namespace

std::string SessionPlace::text() const { return absl::StrCat(worker, ":", handle); }

std::optional<SessionPlace> SessionPlace::parse(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  uint32_t worker = 0;
  SessionPlace place;
  if (!absl::SimpleAtoi(std::string(text.substr(0, colon)), &worker) ||
      !absl::SimpleAtoi(std::string(text.substr(colon + 1)), &place.handle)) {
    return std::nullopt;
  }
  place.worker = worker;
  return place;
}

void read_sessions(const MethodContext& context, SessionPlace from, uint32_t limit,
                   std::function<void(SessionPage)> done) {
  std::make_shared<Reading>(context, from, limit, std::move(done))->go_on();
}

}  // namespace postern
