#include "control/apply/gateway.h"

#include <absl/strings/str_cat.h>

#include <chrono>
#include <cstdlib>
#include <utility>

#include "control/apply/plan_names.h"
#include "control/apply/revalidate.h"

namespace postern {
namespace {

// Patches are taken for so long before others are served.
constexpr uint64_t kTurn_us = 5000;

// Frames that wait for a next hop name its slot: longer than any of them waits.
constexpr std::chrono::seconds kNextHopCools{10};

}  // namespace

Gateway::Gateway(Parts parts)
    : parts_(std::move(parts)),
      sources_(&parts_.tables->source_records),
      drains_(&parts_.tables->drains) {}

absl::StatusOr<std::vector<config::Diagnostic>> Gateway::start(config::Model model, PodLayer kept) {
  state_.layer = std::move(kept);
  Plan plan =
      plan_model(state_, sources_, parts_.machine,
                 std::make_shared<const config::Model>(std::move(model)), nullptr, Misfits::kDrop);
  if (!plan.refusal.status.ok()) return plan.refusal.status;
  take_over(plan);
  ++state_.generation;
  publish(plan, {});
  return std::move(plan.warnings);
}

void Gateway::apply(ConfigSource source, ChangeOptions options, Done done) {
  enqueue({.plan =
               [this, source = std::move(source)] {
                 return plan_apply(state_, sources_, parts_.machine, source);
               },
           .is_small = nullptr,
           .admit = [this] { return history_.may_apply(parts_.loop->now_us()); },
           .committed = [this, options](
                            const History::Step& before,
                            const ConfigDiff& diff) { note_applied(before, diff, options); },
           .options = options,
           .done = std::move(done)});
}

void Gateway::patch(PodPatch patch, ChangeOptions options, Done done) {
  const auto asked = std::make_shared<const PodPatch>(std::move(patch));
  enqueue(
      {.plan = [this,
                asked] { return plan_patch(state_, sources_, parts_.machine, *asked, snapshot()); },
       .is_small = [this, asked] { return postern::is_small(*asked, *map_); },
       .options = options,
       .done = std::move(done)});
}

void Gateway::names_changed(std::shared_ptr<const NameAddresses> addresses, Done done) {
  auto plan = [this, addresses = std::move(addresses)] {
    return plan_names(state_, snapshot(), addresses);
  };
  if (names_job_ != nullptr) {
    names_job_->plan = std::move(plan);
    names_job_->done = std::move(done);
    return;
  }
  enqueue({.plan = std::move(plan),
           .is_small = nullptr,
           .options = {},
           .done = std::move(done),
           .of_names = true});
}

void Gateway::check(ConfigSource source, std::function<void(config::LoadResult)> done) {
  auto result = std::make_shared<config::LoadResult>();
  parts_.loop->read_beside([result, source = std::move(source)] { *result = load(source); },
                           [result, done = std::move(done)] { done(std::move(*result)); });
}

void Gateway::enqueue(Transaction transaction) {
  transaction.asked_us = parts_.loop->now_us();
  queue_.push_back(std::make_shared<Transaction>(std::move(transaction)));
  if (queue_.back()->of_names) names_job_ = queue_.back();
  next();
}

void Gateway::drain(const DrainRequest& request, ChangeOptions options, Done done) {
  enqueue({.plan = [this, request] { return plan_drain(request); },
           .is_small = [] { return true; },
           .options = options,
           .done = std::move(done)});
}

Plan Gateway::plan_drain(const DrainRequest& request) const {
  Plan plan;
  const auto slot = state_.books.addresses.find(request.address.value);
  if (!slot) {
    plan.refusal.status = absl::NotFoundError(absl::StrCat(
        request.address.text(), " is no egress address; posternctl show egress-ips shows them"));
    return plan;
  }
  plan.drain = {.address = request.address,
                .slot = static_cast<AddressSlot>(*slot),
                .undo = request.undo,
                .deadline_us = std::nullopt};
  if (request.deadline_s) {
    plan.drain->deadline_us = parts_.loop->now_us() + uint64_t{*request.deadline_s} * 1'000'000;
  }
  return plan;
}

// Takes transactions until one has to be planned on the helper thread, or others are to be served.
void Gateway::next() {
  if (taking_ || resuming_) return;
  taking_ = true;
  const uint64_t end_us = parts_.loop->now_us() + kTurn_us;
  while (!planning_ && !queue_.empty() && parts_.loop->now_us() < end_us) {
    const Job job = std::move(queue_.front());
    queue_.pop_front();
    take(job);
  }
  taking_ = false;
  if (planning_ || queue_.empty()) return;
  resuming_ = true;
  parts_.loop->after(std::chrono::microseconds(0), [this] {
    resuming_ = false;
    next();
  });
}

void Gateway::take(const Job& job) {
  if (job == names_job_) names_job_.reset();
  release_cooled();
  if (absl::Status status = admit(job); !status.ok()) return refuse(job, {std::move(status), {}});
  if (job->is_small && job->is_small()) {
    job->planned = job->plan();
    return conclude(job);
  }
  planning_ = true;
  parts_.loop->beside([job] { job->planned = job->plan(); },
                      [this, job] {
                        planning_ = false;
                        conclude(job);
                        next();
                      });
}

absl::Status Gateway::admit(const Job& job) const {
  const std::optional<uint64_t>& wanted = job->options.if_generation;
  if (wanted && *wanted != state_.generation) {
    return absl::FailedPreconditionError(absl::StrCat("the generation is ", state_.generation,
                                                      ", not ", *wanted, "; nothing was changed"));
  }
  return job->admit ? job->admit() : absl::OkStatus();
}

void Gateway::conclude(const Job& job) {
  Plan& plan = job->planned;
  if (!plan.refusal.status.ok()) return refuse(job, std::move(plan.refusal));
  const bool clears_pods = plan.clears_layer && !state_.layer.empty();
  const bool changes = plan.file != nullptr || plan.addresses != nullptr || clears_pods ||
                       !plan.pods.changes.empty() || (plan.drain && !drains_.is_made(*plan.drain));
  if (plan.clears_layer && !job->options.dry_run) history_.forget_layers();
  if (!job->options.dry_run && changes) return commit(job);
  if (!job->options.dry_run && !plan.clears_layer) keep_layer(plan);
  abandon(job);
}

void Gateway::refuse(const Job& job, Refusal refusal) {
  ChangeResult result;
  result.status = std::move(refusal.status);
  result.errors = std::move(refusal.errors);
  answer_in_turn(job, std::move(result));
}

// A change that was only tried, or that changes nothing.
void Gateway::abandon(const Job& job) {
  undo_pods(state_.inputs, job->planned.pods);
  ChangeResult result;
  result.changed = job->planned.pods.changes.size();
  result.diff = std::move(job->planned.diff);
  answer_in_turn(job, std::move(result));
}

void Gateway::commit(const Job& job) {
  Plan& plan = job->planned;
  History::Step before{state_.file, {}};
  take_over(plan);
  keep_layer(plan);
  before.gone = std::move(plan.gone);
  job->change = last_change_;
  const bool new_file = plan.file != nullptr;
  auto cooling = std::make_shared<Cooling>(std::move(plan.compiled.cooling));
  cooling->sources = std::move(plan.sources.retired);
  if (plan.addresses == nullptr) ++state_.generation;
  publish(plan, [this, job, cooling, generation = state_.generation] {
    settle(*cooling);
    after_retirement(!cooling->sources.empty(), [this, job, generation] {
      ChangeResult result;
      result.generation = generation;
      result.visible_after_us = parts_.loop->now_us() - job->asked_us;
      result.changed = job->planned.pods.changes.size();
      result.diff = std::move(job->planned.diff);
      finish(job, std::move(result));
    });
  });
  if (job->committed) job->committed(before, plan.diff);
  if (new_file && parts_.on_commit) parts_.on_commit(*state_.file);
}

// Every worker has the change.
void Gateway::finish(const Job& job, ChangeResult result) {
  if (!job->options.revalidate) return answer(job, std::move(result));
  auto held = std::make_shared<ChangeResult>(std::move(result));
  revalidate_sessions(parts_.loop, parts_.publisher->workers(), [this, job, held](uint64_t ended) {
    held->ended = ended;
    answer(job, std::move(*held));
  });
}

// From here on the plan is what is in force; workers learn of it by publish().
void Gateway::take_over(Plan& plan) {
  sources_.prepare(plan.sources);
  if (plan.map != nullptr) {
    map_ = plan.map;
  } else if (!SourceBook::update_map(*map_, plan.sources)) {
    std::abort();  // planning made sure of the room
  }
  sources_.commit(plan.sources);
  if (plan.file != nullptr) {
    state_.file = plan.file;
    state_.books = std::move(plan.compiled.books);
    state_.namespaces = std::move(plan.namespaces);
    state_.inputs = std::move(plan.inputs);
    state_.file_pods = std::move(plan.file_pods);
    state_.names = std::move(plan.compiled.names);
    state_.layer.restore(plan.restored);
    plan.gone = state_.layer.take_strangers(state_.namespaces);
    for (const PodEdit& edit : plan.dropped) state_.layer.forget(edit.name, edit.pod);
    drains_.keep_only(state_.books);
    take_names();
  }
  if (plan.addresses != nullptr) state_.addresses = plan.addresses;
  if (plan.drain) drains_.make(*plan.drain);
  for (const NodeIndex node : plan.compiled.fresh_nodes) parts_.tables->node_macs.forget(node);
}

// What became of the layer, for itself and for who keeps it.
void Gateway::keep_layer(const Plan& plan) {
  std::vector<LayerEdit> edits;
  for (const PodChanges::Change& said : plan.pods.said) {
    const NamespaceIndex* in_file = state_.file_pods.find(said.key);
    const bool is_in_file = in_file != nullptr && *in_file == said.index;
    if (!state_.layer.note(said.name, said.key.prefix, said.added, is_in_file)) continue;
    edits.push_back({said.name, said.key.prefix, said.added, is_in_file});
  }
  if (plan.clears_layer) state_.layer.clear();
  if (parts_.store == nullptr) return;
  const bool fits = plan.gone.empty() && plan.dropped.empty() && plan.restored.empty();
  if (!fits || plan.clears_layer) {
    last_change_ = parts_.store->replace(state_.layer);
  } else if (!edits.empty()) {
    last_change_ = parts_.store->note(std::move(edits));
  }
}

void Gateway::take_names() {
  names_.namespaces.resize(state_.books.namespaces.high_water());
  for (const auto& [name, index] : state_.books.namespaces.all()) names_.namespaces[index] = name;
  names_.nodes.resize(state_.books.nodes.high_water());
  for (const auto& [name, index] : state_.books.nodes.all()) names_.nodes[index] = name;
}

void Gateway::publish(Plan& plan, std::function<void()> seen) {
  const uint64_t number = ++published_;
  if (plan.compiled.snapshot == nullptr) {
    return parts_.publisher->advance(number, std::move(seen));
  }
  std::unique_ptr<Snapshot> snapshot = std::move(plan.compiled.snapshot);
  snapshot->generation = number;
  snapshot->shared = parts_.tables;
  snapshot->sources = map_;
  parts_.publisher->publish(std::move(snapshot), std::move(seen));
  if (plan.file == nullptr) return;
  parts_.resolver->published(*parts_.publisher->current(), plan.compiled.next_hops);
}

// Every worker has passed to the new snapshot.
void Gateway::settle(const Cooling& cooling) {
  sources_.retire(cooling.sources);
  if (!cooling.next_hops.empty()) {
    parts_.resolver->forget(cooling.next_hops);
    parts_.loop->after(kNextHopCools, [this, slots = cooling.next_hops] {
      cooled_.emplace_back().next_hops = slots;
    });
  }
  if (!cooling.needs_purge()) return;
  Cooling purged = cooling;
  purged.next_hops.clear();
  parts_.publisher->purge([this, purged = std::move(purged)] { cooled_.push_back(purged); });
}

// A worker in the midst of a burst may have judged its packets just before the records were
// retired: what was removed serves nothing more once every worker has begun another burst. Who
// retired nothing waits for those before, so that answers keep their order.
void Gateway::after_retirement(bool retired, std::function<void()> done) {
  if (!retired) return parts_.publisher->when_seen(std::move(done));
  parts_.publisher->advance(++published_, std::move(done));
}

void Gateway::release_cooled() {
  for (const Cooling& cooled : cooled_) {
    sources_.release(cooled.sources);
    for (const NamespaceIndex index : cooled.namespaces) {
      if (parts_.namespace_forgotten) parts_.namespace_forgotten(index);
      state_.books.namespaces.release(index);
    }
    for (const NodeIndex index : cooled.nodes) state_.books.nodes.release(index);
    for (const uint32_t number : cooled.wide_tunnels) state_.books.wide_tunnels.release(number);
    for (const uint32_t slot : cooled.addresses) state_.books.addresses.release(slot);
    for (const NeighbourSlot slot : cooled.next_hops) state_.books.next_hops.release(slot);
  }
  cooled_.clear();
}

// After those before it. What changes nothing speaks of changes that workers may not have yet: a
// pod that "is there already" is served once this is answered.
void Gateway::answer_in_turn(const Job& job, ChangeResult result) {
  result.generation = state_.generation;
  job->change = last_change_;
  const auto held = std::make_shared<ChangeResult>(std::move(result));
  parts_.publisher->when_seen([this, job, held] {
    after_retirement(false, [this, job, held] { answer(job, std::move(*held)); });
  });
}

// When the layer is kept, where somebody keeps it.
void Gateway::answer(const Job& job, ChangeResult result) {
  result.warnings = std::move(job->planned.warnings);
  if (!job->done) return;
  if (parts_.store == nullptr || !result.status.ok() || job->options.dry_run) {
    return job->done(std::move(result));
  }
  parts_.store->when_kept(
      job->change, [job, result = std::move(result)](const absl::Status& kept) mutable {
        if (!kept.ok()) {
          result.warnings.push_back(
              {"", 0, "gateway.state_dir",
               absl::StrCat("in force, but a restart would lose it: ", kept.message()),
               "the gateway goes on trying, see `attention` in its status"});
        }
        job->done(std::move(result));
      });
}

}  // namespace postern
