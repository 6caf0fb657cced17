// explain: asks the worker and answers when it has told.
#include <absl/status/status.h>

#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "control/methods/explain.h"
#include "control/methods/explain_question.h"
#include "control/methods/methods.h"
#include "dataplane/run/trial_facts.h"

namespace postern {
namespace {

constexpr std::chrono::microseconds kLookAgain{500};
// So often the question may have become another one while the worker looked.
constexpr int kMostChanges = 64;
// Looks at 257 source ports each (trial_facts.cc), which is all of them.
constexpr int kMostPortRounds = 256;

// Whether what the worker told of one is true of the other.
bool is_same(const TrialQuestion& a, const TrialQuestion& b) {
  return a.outbound == b.outbound && a.inbound == b.inbound && a.name == b.name &&
         a.remotes == b.remotes;
}

// One explanation under way. Keeps itself alive by the timers that look after it; the worker writes
// into `request_` until that is done.
class Explaining : public std::enable_shared_from_this<Explaining> {
 public:
  Explaining(const MethodContext& context, const ExplainQuestion& question, Responder responder)
      : context_(context), explanation_(question), responder_(std::move(responder)) {}

  void ask() {
    absl::StatusOr<TrialQuestion> question = explanation_.question(ground());
    if (!question.ok()) return responder_.error(question.status());
    request_ = std::make_unique<TrialFactsRequest>();
    request_->question = *std::move(question);
    request_->facts.rooms.resize(request_->question.remotes.size(), PortRoom::kLookOn);
    asked_ = false;
    look();
  }

 private:
  [[nodiscard]] ExplainGround ground() const {
    const Gateway& gateway = *context_.gateway;
    return {.file = gateway.file(),
            .snapshot = gateway.snapshot(),
            .books = gateway.books(),
            .names = gateway.names(),
            .layer = gateway.layer(),
            .pool = context_.pool};
  }

  // The worker whose session it is, or would be.
  [[nodiscard]] size_t owner_of(const TrialQuestion& question) const {
    if (context_.owners == nullptr) return 0;
    if (question.outbound) return context_.owners->outbound(*question.outbound);
    if (!question.inbound) return 0;
    return context_.owners->inbound(question.inbound->protocol, question.inbound->egress_port);
  }

  void look() {
    if (!asked_) {
      WorkerChannel& channel = *context_.workers[owner_of(request_->question)].channel;
      asked_ =
          channel.commands.push({.kind = WorkerCommand::Kind::kTellFacts, .facts = request_.get()});
    }
    if (!request_->done.load(std::memory_order_acquire)) {
      context_.loop->after(kLookAgain, [self = shared_from_this()] { self->look(); });
      return;
    }
    take();
  }

  // The tables may have changed while the worker looked: what was found out about the packet is
  // found out again, and the worker's word counts only where it was asked about that.
  void take() {
    const absl::StatusOr<TrialQuestion> question = explanation_.question(ground());
    if (!question.ok()) return responder_.error(question.status());
    if (!is_same(*question, request_->question)) {
      if (++changes_ < kMostChanges) return ask();
      return responder_.error(absl::UnavailableError("the tables change too fast; try again"));
    }
    const absl::StatusOr<Explanation::Progress> taken =
        explanation_.take(ground(), request_->question, request_->facts);
    if (!taken.ok()) return responder_.error(taken.status());
    switch (*taken) {
      case Explanation::Progress::kAnswered:
        return responder_.result(explanation_.answer());
      case Explanation::Progress::kAnotherPort:
        if (++port_rounds_ < kMostPortRounds) return ask();
        return responder_.error(absl::ResourceExhaustedError(
            "every source port of that source has a live session to that destination; say which "
            "one is meant (`sport`)"));
      case Explanation::Progress::kAskAgain:
        return ask();
    }
  }

  const MethodContext& context_;
  Explanation explanation_;
  Responder responder_;
  std::unique_ptr<TrialFactsRequest> request_;
  bool asked_ = false;
  int changes_ = 0;
  int port_rounds_ = 0;
};

}  // namespace

void add_explain_methods(MethodTable& table, const MethodContext& context) {
  table.add({.name = "explain",
             .access = Access::kRead,
             .help = "What would become of a packet now, step by step, with the line that decided "
                     "each; nothing is sent and nothing changes.",
             .params = explain_params(),
             .handler = [&context](const nlohmann::json& params, Responder responder) {
               auto question = explain_question(params);
               if (const auto* error = std::get_if<RpcError>(&question)) {
                 return responder.error(*error);
               }
               std::make_shared<Explaining>(context, std::get<ExplainQuestion>(question),
                                            std::move(responder))
                   ->ask();
             }});
}

}  // namespace postern
