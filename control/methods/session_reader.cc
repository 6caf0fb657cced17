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
class Reader : public std::enable_shared_from_this<Reader> {
 public:
  Reader(const MethodContext& context, SessionPlace from, uint32_t at_once, SessionVisitor visit,
         SessionsRead done)
      : context_(context),
        place_(from),
        at_once_(at_once),
        visit_(std::move(visit)),
        done_(std::move(done)) {
    copies_.reserve(at_once_);
    request_.limit = at_once_;
    request_.out = &copies_;
  }

  void go_on() {
    if (place_.worker >= context_.workers.size()) return done_(std::nullopt);
    copies_.clear();
    request_.first = place_.handle;
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
    for (const SessionCopy& copy : copies_) {
      if (visit_(copy, place_.worker) == Reading::kEnough) {
        return done_(SessionPlace{place_.worker, copy.handle + 1});
      }
    }
    const bool all_seen = copies_.size() < at_once_;
    place_ =
        all_seen ? SessionPlace{place_.worker + 1, 0} : SessionPlace{place_.worker, request_.next};
    go_on();
  }

  const MethodContext& context_;
  SessionPlace place_;
  uint32_t at_once_;
  SessionVisitor visit_;
  SessionsRead done_;
  SessionCopyRequest request_;
  std::vector<SessionCopy> copies_;
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

void read_sessions(const MethodContext& context, SessionPlace from, uint32_t at_once,
                   SessionVisitor visit, SessionsRead done) {
  std::make_shared<Reader>(context, from, at_once, std::move(visit), std::move(done))->go_on();
}

}  // namespace postern
