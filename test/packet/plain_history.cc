#include "test/packet/plain_history.h"

#include <string>
#include <utility>

namespace postern::test {
namespace {

using PodsByName = std::map<std::string, std::set<Ipv4Prefix>>;

bool says(const PodsByName& pods, const std::string& name) {
  const auto found = pods.find(name);
  return found != pods.end() && !found->second.empty();
}

// What `layer` says of namespaces that `world` does not have.
PlainLayer strangers(const PlainLayer& layer, const PlainWorld& world) {
  PlainLayer found;
  for (const auto& [name, pods] : layer.added) {
    if (world.namespace_of(name) == nullptr) found.added[name] = pods;
  }
  for (const auto& [name, pods] : layer.removed) {
    if (world.namespace_of(name) == nullptr) found.removed[name] = pods;
  }
  return found;
}

// A pod that the layer adds and that does not fit the file is dropped. The file wins, and of the
// layer's own the one of the first namespace by name.
void drop_misfits(PlainWorld& world) {
  PlainLayer layer = std::exchange(world.layer, {});
  world.layer.removed = layer.removed;
  for (const auto& [name, pods] : layer.added) {
    for (const Ipv4Prefix& pod : pods) {
      PlainWorld with = world;
      with.layer.added[name].insert(pod);
      if (with.fault().empty()) world = std::move(with);
    }
  }
}

}  // namespace

void PlainHistory::applied(const PlainWorld& before, const PlainWorld& after, bool waits) {
  const bool differs = before.text() != after.text();
  const Step step{before, strangers(before.layer, after)};
  if (differs) steps_.push_back(step);
  if (steps_.size() > kMost) steps_.pop_front();
  if (waits) waiting_ = Waiting{step, differs};
}

void PlainHistory::went_back() {
  const bool is_a_step = !waiting_ || waiting_->is_a_step;
  waiting_.reset();
  if (is_a_step && !steps_.empty()) steps_.pop_back();
}

void PlainHistory::forget_layers() {
  for (Step& step : steps_) step.gone = {};
  if (waiting_) waiting_->before.gone = {};
}

std::optional<PlainHistory::Step> PlainHistory::where() const {
  if (waiting_) return waiting_->before;
  if (steps_.empty()) return std::nullopt;
  return steps_.back();
}

PlainWorld PlainHistory::back(const PlainWorld& now, const Step& to) {
  PlainWorld next = to.file;
  next.names = now.names;
  next.drained = now.drained;
  next.layer = now.layer;
  for (const PlainNamespace& name_space : to.file.namespaces) {
    const std::string& name = name_space.name;
    if (says(now.layer.added, name) || says(now.layer.removed, name)) continue;
    if (says(to.gone.added, name)) next.layer.added[name] = to.gone.added.at(name);
    if (says(to.gone.removed, name)) next.layer.removed[name] = to.gone.removed.at(name);
  }
  const PlainLayer leaving = strangers(next.layer, next);
  for (const auto& [name, pods] : leaving.added) next.layer.added.erase(name);
  for (const auto& [name, pods] : leaving.removed) next.layer.removed.erase(name);
  drop_misfits(next);
  return next;
}

}  // namespace postern::test
