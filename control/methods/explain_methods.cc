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
// Then it is answered from what is there, however often the tables change.
constexpr int kRounds = 32;

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
    snapshot_ = &context_.gateway->snapshot();
    generation_ = context_.gateway->generation();
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

  void look() {
    WorkerChannel& channel = *context_.workers.front().channel;
    if (!asked_) {
      asked_ =
          channel.commands.push({.kind = WorkerCommand::Kind::kTellFacts, .facts = request_.get()});
    }
    if (!request_->done.load(std::memory_order_acquire)) {
      context_.loop->after(kLookAgain, [self = shared_from_this()] { self->look(); });
      return;
    }
    take();
  }

  void take() {
    const bool changed =
        snapshot_ != &context_.gateway->snapshot() || generation_ != context_.gateway->generation();
    ++rounds_;
    if (changed && rounds_ < kRounds) return ask();
    const absl::StatusOr<bool> taken =
        explanation_.take(ground(), request_->question, request_->facts);
    if (!taken.ok()) return responder_.error(taken.status());
    if (*taken) return responder_.result(explanation_.answer());
    if (rounds_ >= 2 * kRounds) {
      return responder_.error(absl::UnavailableError("the tables change too fast; try again"));
    }
    ask();
  }

  const MethodContext& context_;
  Explanation explanation_;
  Responder responder_;
  std::unique_ptr<TrialFactsRequest> request_;
  const Snapshot* snapshot_ = nullptr;
  uint64_t generation_ = 0;
  bool asked_ = false;
  int rounds_ = 0;
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
