#include "control/apply/compile_egress.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "control/apply/prefix_nest.h"

namespace postern {
namespace {

// Entries by their number in the file, ascending.
using Entries = std::vector<uint32_t>;

class EgressCompiler {
 public:
  EgressCompiler(const config::Model& model, const Books& books, uint32_t first_policy)
      : model_(model), books_(books), first_policy_(first_policy) {}

  EgressTable compile() {
    table_.namespaces.resize(books_.namespaces.high_water());
    std::vector<Entries> entries_of(table_.namespaces.size());
    for (uint32_t entry = 0; entry < model_.egress_ips.size(); ++entry) {
      for (const auto& name : model_.egress_ips[entry].namespaces) {
        const auto index = books_.namespaces.find(name);
        if (!index) continue;
        Entries& entries = entries_of[*index];
        if (entries.empty() || entries.back() != entry) entries.push_back(entry);
      }
    }
    for (size_t i = 0; i < entries_of.size(); ++i) {
      if (!entries_of[i].empty()) add_namespace(table_.namespaces[i], std::move(entries_of[i]));
    }
    return std::move(table_);
  }

 private:
  void add_namespace(EgressTable::Namespace& made, Entries entries) {
    const auto by_pods = std::stable_partition(entries.begin(), entries.end(), [&](uint32_t entry) {
      return model_.egress_ips[entry].pods.empty();
    });
    made.by_destination = destinations({entries.begin(), by_pods});
    if (by_pods != entries.end()) add_pods(made, {by_pods, entries.end()});
  }

  void add_pods(EgressTable::Namespace& made, const Entries& entries) {
    std::vector<Ipv4Prefix> prefixes;
    for (const uint32_t entry : entries) {
      const auto& pods = model_.egress_ips[entry].pods;
      prefixes.insert(prefixes.end(), pods.begin(), pods.end());
    }
    const PrefixNest nest(std::move(prefixes));
    std::vector<Entries> entries_of(nest.size());
    for (const uint32_t entry : entries) {
      for (const auto& pods : model_.egress_ips[entry].pods) {
        Entries& there = entries_of[nest.number(pods)];
        if (there.empty() || there.back() != entry) there.push_back(entry);
      }
    }
    const auto first = static_cast<uint32_t>(table_.pods.size());
    for (uint32_t i = 0; i < nest.size(); ++i) {
      const uint32_t around = nest.around(i);
      table_.pods.push_back(
          {.by_destination = destinations(entries_of[i]),
           .around = around == PrefixNest::kNowhere ? EgressTable::kNowhere : first + around});
    }
    const IntervalSteps steps = nest.steps([&](uint32_t number) {
      return number == PrefixNest::kNowhere ? EgressTable::kNowhere : first + number;
    });
    made.by_source = table_.trees.add(steps.all());
  }

  // For every destination the best match among these entries; the same entries make the same tree.
  IntervalTree destinations(const Entries& entries) {
    const auto [at, is_new] = known_.try_emplace(entries);
    if (is_new) at->second = make_destinations(entries);
    return at->second;
  }

  IntervalTree make_destinations(const Entries& entries) {
    std::vector<Ipv4Prefix> prefixes;
    for (const uint32_t entry : entries) {
      const config::EgressIp& egress = model_.egress_ips[entry];
      prefixes.insert(prefixes.end(), egress.destinations.begin(), egress.destinations.end());
      prefixes.insert(prefixes.end(), egress.except.begin(), egress.except.end());
    }
    const PrefixNest nest(std::move(prefixes));
    std::vector<Entries> wanted(nest.size());
    std::vector<Entries> excepted(nest.size());
    for (const uint32_t entry : entries) {
      const config::EgressIp& egress = model_.egress_ips[entry];
      for (const auto& to : egress.destinations) wanted[nest.number(to)].push_back(entry);
      for (const auto& except : egress.except) excepted[nest.number(except)].push_back(entry);
    }
    const IntervalSteps steps = nest.steps(
        [&](uint32_t innermost) { return best_match(nest, innermost, wanted, excepted); });
    return table_.trees.add(steps.all());
  }

  // From the longest prefix to the shortest: an entry that was excepted on the way matches no more.
  [[nodiscard]] EgressTable::Match best_match(const PrefixNest& nest, uint32_t innermost,
                                              const std::vector<Entries>& wanted,
                                              const std::vector<Entries>& excepted) const {
    absl::flat_hash_set<uint32_t> out;
    for (uint32_t at = innermost; at != PrefixNest::kNowhere; at = nest.around(at)) {
      out.insert(excepted[at].begin(), excepted[at].end());
      for (const uint32_t entry : wanted[at]) {
        if (out.contains(entry)) continue;
        return EgressTable::match(nest.prefixes()[at].length, first_policy_ + entry);
      }
    }
    return 0;
  }

  const config::Model& model_;
  const Books& books_;
  uint32_t first_policy_;
  EgressTable table_;
  absl::flat_hash_map<Entries, IntervalTree> known_;
};

}  // namespace

EgressTable compile_egress(const config::Model& model, const Books& books, uint32_t first_policy) {
  return EgressCompiler(model, books, first_policy).compile();
}

}  // namespace postern
