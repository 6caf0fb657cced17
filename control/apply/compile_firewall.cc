#include "control/apply/compile_firewall.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <memory>
#include <queue>
#include <string_view>
#include <utility>

#include "control/apply/prefix_nest.h"
#include "control/apply/rule_places.h"

namespace postern {
namespace {

// How many steps of functions may be spent on shorter ways (rule_places.h): so many times what the
// rules of a namespace have, and over all namespaces 36 MB.
constexpr size_t kSpareSteps = 4;
constexpr size_t kMaxSpareSteps = size_t{1} << 22;

uint8_t protocol_number(config::FirewallProtocol protocol) {
  switch (protocol) {
    case config::FirewallProtocol::kTcp:
      return 6;
    case config::FirewallProtocol::kUdp:
      return 17;
    case config::FirewallProtocol::kIcmp:
      return 1;
  }
  return 0;
}

// Services from `first` to `last` of one rule.
struct Stretch {
  uint32_t first = 0;
  uint32_t last = 0;
  RuleNumber rule = kNoRule;
};

void add_stretches(const config::FirewallRule& rule, RuleNumber number,
                   std::vector<Stretch>& stretches) {
  if (rule.ports.empty()) stretches.push_back({0, ~uint32_t{0}, number});
  for (const auto& ports : rule.ports) {
    const uint8_t protocol = protocol_number(ports->protocol);
    stretches.push_back(
        {service_number(protocol, ports->first), service_number(protocol, ports->last), number});
  }
}

// For every service the lowest rule that has it.
IntervalSteps lowest_rules(std::vector<Stretch> stretches) {
  std::sort(stretches.begin(), stretches.end(),
            [](const Stretch& a, const Stretch& b) { return a.first < b.first; });
  const auto later = [](const Stretch& a, const Stretch& b) { return a.rule > b.rule; };
  std::priority_queue<Stretch, std::vector<Stretch>, decltype(later)> begun(later);
  constexpr uint64_t kEnd = uint64_t{1} << 32;
  IntervalSteps steps;
  auto next = stretches.begin();
  for (uint64_t at = 0; at < kEnd;) {
    for (; next != stretches.end() && next->first <= at; ++next) begun.push(*next);
    while (!begun.empty() && begun.top().last < at) begun.pop();
    const uint64_t until = next != stretches.end() ? next->first : kEnd;
    const uint64_t end = begun.empty() ? until : std::min(until, uint64_t{begun.top().last} + 1);
    steps.add(static_cast<uint32_t>(end - 1), begun.empty() ? kNoRule : begun.top().rule);
    at = end;
  }
  return steps;
}

class FirewallCompiler {
 public:
  FirewallCompiler(const config::Model& model, const NamedDestinations& names, size_t room)
      : model_(model), names_(names), room_(room) {}

  // The rules with these numbers, ascending, as a set.
  absl::StatusOr<std::shared_ptr<const RuleSet>> compile(const std::vector<RuleNumber>& rules) {
    std::vector<Ipv4Prefix> prefixes;
    for (const RuleNumber rule : rules) {
      for_each_destination(rule, [&](const Ipv4Prefix& to) { prefixes.push_back(to); });
    }
    const PrefixNest nest(std::move(prefixes));
    std::vector<std::vector<RuleNumber>> rules_of(nest.size());
    for (const RuleNumber rule : rules) {
      for_each_destination(rule, [&](const Ipv4Prefix& to) {
        std::vector<RuleNumber>& there = rules_of[nest.number(to)];
        if (there.empty() || there.back() != rule) there.push_back(rule);
      });
    }
    std::vector<IntervalSteps> functions;
    std::vector<PlaceRules> places;
    absl::flat_hash_map<std::vector<RuleNumber>, uint32_t> known;
    size_t steps = 0;
    for (const std::vector<RuleNumber>& there : rules_of) {
      const auto [at, is_new] = known.try_emplace(there, static_cast<uint32_t>(functions.size()));
      if (is_new) {
        auto function = services_of(there);
        if (!function.ok()) return function.status();
        steps += function->all().size();
        functions.push_back(*std::move(function));
      }
      places.push_back({at->second, there.front()});
    }
    auto set = std::make_shared<RuleSet>();
    size_t spare = std::min(steps * kSpareSteps, spare_);
    spare_ -= spare;
    add_places(nest, places, std::move(functions), spare, *set);
    spare_ += spare;
    set->by_destination = set->trees.add(nest.steps([](uint32_t number) { return number; }).all());
    return set;
  }

 private:
  template <typename Visit>
  void for_each_destination(RuleNumber number, Visit&& visit) const {
    const config::FirewallRule& rule = model_.firewall.rules[number];
    if (rule.to.empty() && rule.to_names.empty()) visit(Ipv4Prefix{});
    for (const auto& prefix : rule.to) visit(prefix.value);
    const auto named = names_.find(number);
    if (named == names_.end()) return;
    for (const Ipv4Prefix& prefix : named->second) visit(prefix);
  }

  absl::StatusOr<IntervalSteps> services_of(const std::vector<RuleNumber>& rules) {
    std::vector<Stretch> stretches;
    for (const RuleNumber rule : rules) {
      add_stretches(model_.firewall.rules[rule], rule, stretches);
      if (stretches.size() > room_) return too_many(rule);
    }
    room_ -= stretches.size();
    return lowest_rules(std::move(stretches));
  }

  [[nodiscard]] absl::Status too_many(RuleNumber rule) const {
    const config::SourceLine line = model_.firewall.rules[rule].line;
    std::string place;
    if (line.line != 0) place = absl::StrCat(model_.files.name[line.file], ":", line.line, ": ");
    return absl::ResourceExhaustedError(absl::StrCat(
        place, "firewall.rules[", rule,
        "]: the rules combine too many ports with too many destinations: give rules that share "
        "destinations the same `to`, or fewer ports"));
  }

  const config::Model& model_;
  const NamedDestinations& names_;
  size_t room_;
  size_t spare_ = kMaxSpareSteps;
};

}  // namespace

absl::StatusOr<Firewall> compile_firewall(const config::Model& model, const Books& books,
                                          const NamedDestinations& names, size_t room) {
  Firewall firewall;
  firewall.version = books.rules_version;
  firewall.default_allow = model.firewall.default_action == config::FirewallAction::kAllow;
  firewall.refuse_reject = model.firewall.refuse == config::FirewallRefuse::kReject;
  firewall.own.resize(books.namespaces.high_water());
  std::vector<RuleNumber> for_all;
  absl::flat_hash_map<std::string_view, std::vector<RuleNumber>> own;
  for (RuleNumber number = 0; number < model.firewall.rules.size(); ++number) {
    const config::FirewallRule& rule = model.firewall.rules[number];
    firewall.rules.push_back(
        {.allow = rule.action == config::FirewallAction::kAllow, .log = rule.log});
    const std::string& name = rule.name_space.value;
    (name == config::kEveryNamespace ? for_all : own[name]).push_back(number);
  }
  FirewallCompiler compiler(model, names, room);
  auto set = compiler.compile(for_all);
  if (!set.ok()) return set.status();
  firewall.for_all = *std::move(set);
  for (const auto& [name, rules] : own) {
    const auto index = books.namespaces.find(std::string(name));
    if (!index) continue;
    set = compiler.compile(rules);
    if (!set.ok()) return set.status();
    firewall.own[*index] = *std::move(set);
  }
  return firewall;
}

absl::StatusOr<Firewall> with_names(const Firewall& before, const config::Model& model,
                                    const Books& books, const NamedDestinations& names,
                                    std::span<const RuleNumber> rules, size_t room) {
  absl::flat_hash_map<std::string_view, std::vector<RuleNumber>> changed;
  for (const RuleNumber rule : rules) changed[model.firewall.rules[rule].name_space.value];
  for (RuleNumber number = 0; number < model.firewall.rules.size(); ++number) {
    const auto found = changed.find(model.firewall.rules[number].name_space.value);
    if (found != changed.end()) found->second.push_back(number);
  }
  Firewall firewall = before;
  FirewallCompiler compiler(model, names, room);
  for (const auto& [name, all] : changed) {
    auto set = compiler.compile(all);
    if (!set.ok()) return set.status();
    if (name == config::kEveryNamespace) {
      firewall.for_all = *std::move(set);
    } else if (const auto index = books.namespaces.find(std::string(name))) {
      firewall.own[*index] = *std::move(set);
    }
  }
  return firewall;
}

}  // namespace postern
