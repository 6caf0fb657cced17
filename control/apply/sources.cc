#include "control/apply/sources.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

namespace postern {
namespace {

// The number of slots that may be given: the last one means "none" in sessions.
uint32_t usable_slots(const SourceRecords& records) {
  return std::min(records.capacity(), uint32_t{kNoSource});
}

// The prefixes within `pods` that nodes hold, in the network of `pods`.
void add_nodes_within(const SourceInputs& inputs, const OverlayPrefix& pods,
                      std::vector<OverlayPrefix>& keys) {
  const OverlayPrefix on_nodes{network_behind(pods.network), pods.prefix};
  const auto add = [&](const OverlayPrefix& inner, NodeIndex) {
    keys.push_back({pods.network, inner.prefix});
  };
  inputs.cidrs.for_each_within(on_nodes, add);
  if (is_narrow(pods.network)) inputs.platform.for_each_within(on_nodes, add);
}

}  // namespace

std::optional<SourceOwner> wanted_record(const SourceInputs& inputs, const OverlayPrefix& key) {
  const auto* pods = inputs.pods.holding(key);
  if (pods == nullptr && is_narrow(key.network)) return std::nullopt;
  const OverlayPrefix on_node{network_behind(key.network), key.prefix};
  if (const NodeIndex* node = inputs.platform.find(on_node); node != nullptr) {
    return SourceOwner{*node, kPlatform};
  }
  if (inputs.cidrs.find(on_node) == nullptr && inputs.pods.find(key) == nullptr) {
    return std::nullopt;
  }
  const auto* cidr = inputs.cidrs.holding(on_node);
  if (cidr == nullptr) return std::nullopt;  // on no node, or over several: their CIDRs bear it
  return SourceOwner{cidr->second, pods == nullptr ? kNoNamespace : pods->second};
}

SourceBook::SourceBook(SourceRecords* records) : records_(records), pool_(usable_slots(*records)) {}

absl::StatusOr<SourceChange> SourceBook::plan(const SourceInputs& inputs) const {
  std::vector<OverlayPrefix> keys;
  keys.reserve(inputs.cidrs.size() + inputs.platform.size() + inputs.pods.size() + entries_.size());
  for (const auto& [key, node] : inputs.cidrs.all()) keys.push_back(key);
  for (const auto& [key, node] : inputs.platform.all()) keys.push_back(key);
  for (const auto& [key, name] : inputs.pods.all()) {
    keys.push_back(key);
    if (is_narrow(key.network)) add_nodes_within(inputs, key, keys);
  }
  for (const auto& [key, held] : entries_.all()) keys.push_back(key);
  return plan_keys(inputs, std::move(keys));
}

absl::StatusOr<SourceChange> SourceBook::plan_pods(const SourceInputs& inputs,
                                                   std::span<const OverlayPrefix> touched) const {
  std::vector<OverlayPrefix> keys(touched.begin(), touched.end());
  for (const OverlayPrefix& key : touched) {
    if (key.prefix.length == 32) continue;  // nothing lies within it
    add_nodes_within(inputs, key, keys);
    inputs.pods.for_each_within(key,
                                [&](const auto& inner, NamespaceIndex) { keys.push_back(inner); });
  }
  return plan_keys(inputs, std::move(keys));
}

// Compares what each of the prefixes has with what it must have.
absl::StatusOr<SourceChange> SourceBook::plan_keys(const SourceInputs& inputs,
                                                   std::vector<OverlayPrefix> keys) const {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  SourceChange change;
  std::vector<OverlayPrefix> renewed;
  for (const OverlayPrefix& key : keys) {
    const std::optional<SourceOwner> wanted = wanted_record(inputs, key);
    const Held* held = entries_.find(key);
    if (held == nullptr && !wanted) continue;
    if (held != nullptr && wanted == held->owner) continue;
    if (held != nullptr) change.retired.push_back(held->slot);
    if (!wanted) {
      change.erased.push_back(key);
      continue;
    }
    change.assigned.push_back({key, kNoSource, *wanted, since_of(key, *wanted)});
    if (held == nullptr) renew_above(key, renewed);
  }
  std::sort(renewed.begin(), renewed.end());
  renewed.erase(std::unique(renewed.begin(), renewed.end()), renewed.end());
  for (const OverlayPrefix& key : renewed) {
    const Held* held = entries_.find(key);
    if (wanted_record(inputs, key) != held->owner) continue;  // changes anyway
    change.retired.push_back(held->slot);
    change.assigned.push_back({key, kNoSource, held->owner, held->since});
  }
  if (change.assigned.size() > pool_.available()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the change needs ", change.assigned.size(), " source records, ",
                     pool_.available(), " of ", usable_slots(*records_),
                     " are free; records of removed pods become free within 10 s: try again"));
  }
  for (size_t i = 0; i < change.assigned.size(); ++i) change.assigned[i].slot = pool_.peek(i);
  return change;
}

// Since when all addresses of the prefix are the namespace's: where it had them before, since then.
uint64_t SourceBook::since_of(const OverlayPrefix& key, const SourceOwner& owner) const {
  const Held* before = entries_.find(key);
  if (before == nullptr) {
    const auto* above = entries_.above(key);
    before = above == nullptr ? nullptr : &above->second;
  }
  const bool stays = before != nullptr && before->owner.namespace_index == owner.namespace_index;
  return stays ? before->since : turn_ + 1;
}

// A new record takes addresses from the one above it: sessions of those addresses that note the
// slot above must look again, even where the two agree now (the new one may change later). A
// record without a namespace has no sessions.
void SourceBook::renew_above(const OverlayPrefix& key, std::vector<OverlayPrefix>& renewed) const {
  const auto* above = entries_.above(key);
  if (above == nullptr || above->second.owner.namespace_index == kNoNamespace) return;
  renewed.push_back(above->first);
}

std::shared_ptr<SourceMap> SourceBook::build_map(const SourceChange& change, uint64_t seed) const {
  constexpr size_t kLeast = 1024;
  const size_t records = entries_.size() + change.assigned.size();
  auto map =
      std::make_shared<SourceMap>(static_cast<uint32_t>(std::max(kLeast, records * 2)), seed);
  absl::flat_hash_set<SourceSlot> gone(change.retired.begin(), change.retired.end());
  bool room = true;
  for (const auto& [key, held] : entries_.all()) {
    if (!gone.contains(held.slot)) room &= map->assign(key.network, key.prefix, held.slot);
  }
  for (const auto& [key, slot, owner, since] : change.assigned) {
    room &= map->assign(key.network, key.prefix, slot);
  }
  return room ? map : nullptr;
}

bool SourceBook::update_map(SourceMap& map, const SourceChange& change) {
  for (const auto& [key, slot, owner, since] : change.assigned) {
    if (!map.assign(key.network, key.prefix, slot)) return false;
  }
  for (const OverlayPrefix& key : change.erased) map.erase(key.network, key.prefix);
  return true;
}

void SourceBook::prepare(const SourceChange& change) {
  for (const auto& [key, slot, owner, since] : change.assigned) {
    records_->place(slot, key.network);
    records_->store(slot, {owner.node, owner.namespace_index, records_->load(slot).epoch}, since);
  }
}

void SourceBook::commit(const SourceChange& change) {
  pool_.take(change.assigned.size());
  for (const OverlayPrefix& key : change.erased) entries_.erase(key);
  for (const auto& [key, slot, owner, since] : change.assigned) {
    entries_.assign(key, {slot, owner, since});
  }
  ++turn_;
  for (const SourceSlot slot : change.retired) leaving_.emplace(slot, turn_);
}

void SourceBook::retire(std::span<const SourceSlot> slots) {
  for (const SourceSlot slot : slots) {
    const auto leaving = leaving_.find(slot);
    if (leaving == leaving_.end()) continue;  // it was none of ours
    records_->retire(slot, leaving->second);
    leaving_.erase(leaving);
  }
}

void SourceBook::release(std::span<const SourceSlot> slots) {
  for (const SourceSlot slot : slots) pool_.release(slot);
}

}  // namespace postern
