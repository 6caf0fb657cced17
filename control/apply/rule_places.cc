#include "control/apply/rule_places.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

namespace postern {
namespace {

// Taken up in any case: a function of so many steps is a tree of two levels.
constexpr size_t kSmall = 32;

// By service the lower of two rules.
IntervalSteps lower_of(std::span<const IntervalStep> a, std::span<const IntervalStep> b) {
  IntervalSteps steps;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const uint32_t last = std::min(a[i].last, b[j].last);
    steps.add(last, std::min(a[i].value, b[j].value));
    i += a[i].last == last ? 1 : 0;
    j += b[j].last == last ? 1 : 0;
  }
  return steps;
}

class PlaceLayout {
 public:
  PlaceLayout(const PrefixNest& nest, std::span<const PlaceRules> rules,
              std::vector<IntervalSteps> functions, size_t& room)
      : nest_(nest), rules_(rules), functions_(std::move(functions)), room_(room) {}

  void add_to(RuleSet& set) {
    answers_.resize(nest_.size());
    set.places.resize(nest_.size());
    for (const uint32_t number : from_the_widest()) settle(number, set);
    trees_.resize(functions_.size());
    for (uint32_t number = 0; number < nest_.size(); ++number) {
      const uint32_t function = answers_[number].function;
      if (!trees_[function]) trees_[function] = set.trees.add(functions_[function].all());
      set.places[number].services = *trees_[function];
    }
  }

 private:
  // What a place answers with, for itself and what it took up.
  struct Answer {
    uint32_t function = 0;
    RuleNumber first = kNoRule;  // its lowest rule
  };

  [[nodiscard]] std::vector<uint32_t> from_the_widest() const {
    std::vector<uint32_t> depth(nest_.size());
    for (uint32_t number = 0; number < nest_.size(); ++number) {
      const uint32_t around = nest_.around(number);
      depth[number] = around == PrefixNest::kNowhere ? 0 : depth[around] + 1;
    }
    std::vector<uint32_t> order(nest_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return depth[a] < depth[b]; });
    return order;
  }

  // What lies around is settled already.
  void settle(uint32_t number, RuleSet& set) {
    RuleSet::Place& place = set.places[number];
    answers_[number] = {rules_[number].function, rules_[number].first};
    const uint32_t around = nest_.around(number);
    if (around == PrefixNest::kNowhere) return;
    const Answer& outer = answers_[around];
    if (const auto both = taken_up(rules_[number].function, outer.function)) {
      answers_[number] = {*both, std::min(rules_[number].first, outer.first)};
      place.around = set.places[around].around;
      place.first_around = set.places[around].first_around;
    } else {
      place.around = around;
      place.first_around = std::min(outer.first, set.places[around].first_around);
    }
  }

  // The function of both, or nothing where that would be too much.
  std::optional<uint32_t> taken_up(uint32_t own, uint32_t outer) {
    const auto [at, is_new] = known_.try_emplace({own, outer}, 0);
    if (!is_new) return at->second;
    const size_t steps = functions_[own].all().size() + functions_[outer].all().size();
    if (steps > kSmall && steps > room_) {
      known_.erase(at);
      return std::nullopt;
    }
    if (steps > kSmall) room_ -= steps;
    at->second = static_cast<uint32_t>(functions_.size());
    functions_.push_back(lower_of(functions_[own].all(), functions_[outer].all()));
    return at->second;
  }

  const PrefixNest& nest_;
  std::span<const PlaceRules> rules_;
  std::vector<IntervalSteps> functions_;
  size_t& room_;
  std::vector<Answer> answers_;
  std::vector<std::optional<IntervalTree>> trees_;  // by function, where a place answers with it
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, uint32_t> known_;
};

}  // namespace

void add_places(const PrefixNest& nest, std::span<const PlaceRules> rules,
                std::vector<IntervalSteps> functions, size_t& room, RuleSet& set) {
  PlaceLayout(nest, rules, std::move(functions), room).add_to(set);
}

}  // namespace postern
