// The gateway as the control plane sees it: what is asked for, what is in force, and how one
// becomes the other. Changes are transactions, one after the other:
//
//   plan (helper thread)   parse, check, compile beside the event loop; a refusal changes nothing
//   commit                 books and source records taken over, the new generation published
//   seen                   every worker has passed to it: removed sources are retired
//   retired                where there were any, every worker has begun another burst since: the
//                          client is answered
//   kept                   where the layer of pods outlives the process: it is on the disk
//   purge                  every session was looked at once: numbers of removed things are free
//
// One is planned and committed after the other, but a committed one does not hold up the next:
// while the workers pass to it others are committed, so a thousand patches a second wait for the
// workers (and for the disk) together. Answers come in the order of the transactions.
//
// Control thread; planning on the helper thread of the loop, of small patches at once.
#ifndef POSTERN_CONTROL_APPLY_GATEWAY_H_
#define POSTERN_CONTROL_APPLY_GATEWAY_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/apply/drains.h"
#include "control/apply/history.h"
#include "control/apply/layer_store.h"
#include "control/apply/loop.h"
#include "control/apply/patch.h"
#include "control/apply/publisher.h"
#include "control/apply/transaction.h"

namespace postern {

// Who turns next hops into MAC addresses.
class NextHopResolver {
 public:
  virtual ~NextHopResolver() = default;
  // The snapshot has just been published: these next hops are needed, others not any more.
  virtual void published(const Snapshot& snapshot, std::span<const NextHop> next_hops) = 0;
  // No worker knows these slots any more: they may mean another neighbour from now on.
  virtual void forget(std::span<const NeighbourSlot> slots) = 0;
};

struct ChangeOptions {
  bool dry_run = false;
  std::optional<uint64_t> if_generation = {};
  // Of config.apply: goes back by itself unless confirmed within so many seconds.
  std::optional<uint32_t> confirm_timeout_s = {};
  // Of config.apply and config.rollback: ends sessions that the new policy would not let begin.
  bool revalidate = false;
};

// An egress address to be drained, or not any more.
struct DrainRequest {
  Ipv4Address address;
  bool undo = false;
  std::optional<uint32_t> deadline_s;  // from now
};

struct ChangeResult {
  absl::Status status;
  std::vector<config::Diagnostic> errors;    // with a status that is not ok
  std::vector<config::Diagnostic> warnings;  // likely not meant
  uint64_t generation = 0;
  uint64_t visible_after_us = 0;  // from the request until every worker had it
  uint64_t changed = 0;           // pods, of a patch
  ConfigDiff diff;                // what of the file, of the others
  uint64_t ended = 0;             // sessions, with `revalidate`
};

// Names by number, for what workers note by number. Names of removed things stay until their number
// is given again.
struct Names {
  std::vector<std::string> namespaces;  // by NamespaceIndex; 0, platform traffic, is ""
  std::vector<std::string> nodes;       // by NodeIndex
};

class Gateway {
 public:
  struct Parts {
    Loop* loop = nullptr;
    Publisher* publisher = nullptr;
    SharedTables* tables = nullptr;
    NextHopResolver* resolver = nullptr;
    LayerStore* store = nullptr;  // of the layer; null: it ends with the process
    MachineFacts machine;
    // Called after a configuration has come into force, with it.
    std::function<void(const config::Model&)> on_commit;
    // Takes what the gateway did by itself, a sentence for the log.
    std::function<void(const std::string&)> tell = {};
    // No worker knows this number any more: the next namespace that bears it is another one.
    std::function<void(NamespaceIndex)> namespace_forgotten = {};
  };
  using Done = std::function<void(ChangeResult)>;

  explicit Gateway(Parts parts);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Puts the first configuration into force, with the layer of pods that an earlier process kept;
  // workers may start afterwards. Gives what of the layer does not fit the configuration any more
  // and is left out: where the two disagree about whose an address is, the file holds. A file that
  // was edited while nobody ran must not keep the gateway from starting.
  absl::StatusOr<std::vector<config::Diagnostic>> start(config::Model model, PodLayer kept = {});

  // Changes. `done` is called when every worker has the change, or when it is refused.
  void apply(ConfigSource source, ChangeOptions options, Done done);
  void patch(PodPatch patch, ChangeOptions options, Done done);
  // One step back (history.h).
  void rollback(ChangeOptions options, Done done);
  // The change that waits for it is kept: at its turn, so of those asked for before. One that was
  // asked for in time counts, though its turn comes when the time is over.
  void confirm(Done done);
  // What names stand for has changed: nobody's request, so the generation stays. Of several that
  // wait for their turn the last one counts, and only its `done` is called.
  void names_changed(std::shared_ptr<const NameAddresses> addresses, Done done);
  // Ends no session: what is to happen at the deadline is the caller's.
  void drain(const DrainRequest& request, ChangeOptions options, Done done);
  // Reads and checks a configuration and changes nothing.
  void check(ConfigSource source, std::function<void(config::LoadResult)> done);

  [[nodiscard]] uint64_t generation() const { return state_.generation; }
  [[nodiscard]] const config::Model& file() const { return *state_.file; }
  // The same for who works on it while it may be replaced.
  [[nodiscard]] std::shared_ptr<const config::Model> shared_file() const { return state_.file; }
  [[nodiscard]] const Snapshot& snapshot() const { return *parts_.publisher->current(); }
  [[nodiscard]] const Names& names() const { return names_; }
  [[nodiscard]] const Books& books() const { return state_.books; }
  [[nodiscard]] const PodLayer& layer() const { return state_.layer; }
  // What the operator should know of the last change; empty: nothing.
  [[nodiscard]] std::string attention() const { return history_.attention(parts_.loop->now_us()); }
  [[nodiscard]] const Drains& drains() const { return drains_; }

 private:
  struct Transaction {
    std::function<Plan()> plan;
    // Whether it may be planned on the control thread; asked when it is its turn. Null: never.
    std::function<bool()> is_small;
    // Whether the change may be made, asked when it is its turn. Null: it may.
    std::function<absl::Status()> admit = nullptr;
    // Called when it has come into force, with what was before.
    std::function<void(const History::Step& before, const ConfigDiff& diff)> committed = nullptr;
    ChangeOptions options;
    Done done;
    bool of_names = false;
    bool is_confirmation = false;
    uint64_t asked_us = 0;
    Plan planned = {};
    uint64_t change = 0;  // of the layer: kept before the answer
  };
  using Job = std::shared_ptr<Transaction>;

  void enqueue(Transaction transaction);
  void next();
  [[nodiscard]] absl::Status admit(const Job& job) const;
  void take(const Job& job);
  void conclude(const Job& job);
  void refuse(const Job& job, Refusal refusal);
  Plan plan_drain(const DrainRequest& request) const;
  void abandon(const Job& job);
  void commit(const Job& job);
  void take_over(Plan& plan);
  void keep_layer(const Plan& plan);
  void take_names();
  void publish(Plan& plan, std::function<void()> seen);
  void settle(const Cooling& cooling);
  void after_retirement(bool retired, std::function<void()> done);
  void finish(const Job& job, ChangeResult result);
  // gateway_return.cc
  void note_applied(const History::Step& before, const ConfigDiff& diff,
                    const ChangeOptions& options);
  Transaction step_back(History::Wait wait);
  [[nodiscard]] bool is_confirmation_queued() const;
  void wait_is_over(History::Wait wait);
  void return_now(History::Wait wait);
  void tell_warnings(const std::vector<config::Diagnostic>& warnings);
  void release_cooled();
  void answer_in_turn(const Job& job, ChangeResult result);
  void answer(const Job& job, ChangeResult result);

  Parts parts_;
  DesiredState state_;
  History history_;
  SourceBook sources_;
  Drains drains_;
  std::shared_ptr<SourceMap> map_;
  Names names_;
  uint64_t last_change_ = 0;  // of the layer, as the store numbers them
  uint64_t published_ = 0;    // the number of what workers got last
  std::deque<Job> queue_;
  Job names_job_;                // in the queue, or null
  bool planning_ = false;        // on the helper thread, which reads the state
  bool taking_ = false;          // next() is at work
  bool resuming_ = false;        // it goes on after others were served
  std::vector<Cooling> cooled_;  // to be released when no transaction is planned
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_GATEWAY_H_
