// What a configuration changes, as paths: the examples that an operator sees, and that no setting
// of the schema is forgotten.
#include "control/apply/diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "config/schema.h"
#include "config/slot.h"
#include "control/apply/alignment.h"
#include "test/unit/config/random_model.h"

namespace postern {
namespace {

using config::Model;

std::string joined(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "" : " ") + path;
  return text;
}

std::string text_of(const ConfigDiff& diff) {
  return "+ " + joined(diff.added) + "; - " + joined(diff.removed) + "; ~ " + joined(diff.changed) +
         "; ! " + joined(diff.needs_restart);
}

// One entry in every list, so that every setting has a place.
Model full_model() {
  Model model;
  model.ports.emplace_back().name.value = "uplink";
  model.routes.emplace_back();
  model.tunnels.emplace_back().name.value = "overlay";
  model.nodes.emplace_back().name.value = "node-1";
  model.namespaces.emplace_back().name.value = "payments";
  model.egress_ips.emplace_back().name.value = "payments-out";
  model.egress_routers.emplace_back().name.value = "legacy-db";
  model.firewall.rules.emplace_back();
  model.qos.emplace_back();
  return model;
}

std::string after(const std::function<void(Model&)>& change) {
  const Model running = full_model();
  Model wanted = running;
  change(wanted);
  return text_of(diff(running, wanted));
}

// ---- examples

TEST(Diff, OfEqualConfigurationsIsEmpty) {
  EXPECT_TRUE(diff(full_model(), full_model()).empty());
  EXPECT_EQ(after([](Model& m) { m.nodes[0].name.line.line = 99; }), "+ ; - ; ~ ; ! ");
}

TEST(Diff, NamesEntriesByTheirNames) {
  EXPECT_EQ(after([](Model& m) { m.nodes.emplace_back().name.value = "node-2"; }),
            "+ nodes.node-2; - ; ~ ; ! ");
  EXPECT_EQ(after([](Model& m) { m.egress_ips.clear(); }), "+ ; - egress_ips.payments-out; ~ ; ! ");
  EXPECT_EQ(after([](Model& m) { m.namespaces[0].limits.sessions = 5; }),
            "+ ; - ; ~ namespaces.payments; ! ");
  EXPECT_EQ(after([](Model& m) { m.nodes[0].name.value = "node-9"; }),
            "+ nodes.node-9; - nodes.node-1; ~ ; ! ");
}

TEST(Diff, NamesSettingsByTheirKeys) {
  EXPECT_EQ(after([](Model& m) { m.gateway.log_level = config::LogLevel::kDebug; }),
            "+ ; - ; ~ gateway.log_level; ! ");
  EXPECT_EQ(after([](Model& m) {
              m.sessions.timeouts.udp_s = 9;
              m.node_ip.mode.value = config::NodeIpMode::kGateway;
              m.cluster.no_snat.push_back({{{0x0a000000}, 8}, {}});
            }),
            "+ ; - ; ~ cluster.no_snat node_ip.mode sessions.timeouts.udp; ! ");
}

// Each as "PATH KEY OLD -> NEW".
std::vector<std::string> details_after(const std::function<void(Model&)>& change) {
  const Model running = full_model();
  Model wanted = running;
  change(wanted);
  const ConfigDiff found = diff(running, wanted);
  std::vector<std::string> texts;
  for (const KeyChange& each : found.details) {
    texts.push_back(each.path + " " + each.key + " " + each.was.value_or("-") + " -> " +
                    each.is.value_or("-"));
  }
  return texts;
}

TEST(Diff, TellsKeysWithOldAndNewValue) {
  using Texts = std::vector<std::string>;
  const auto prefix = [](const char* text) { return *Ipv4Prefix::parse(text); };
  EXPECT_EQ(details_after([](Model& m) { m.sessions.timeouts.udp_s = 90; }),
            Texts{"sessions.timeouts.udp udp \"5m\" -> \"1m30s\""});
  EXPECT_EQ(details_after([&](Model& m) {
              config::Namespace& each = m.namespaces[0];
              each.limits.bandwidth_bits_per_second = 1'000'000;
              each.pods.push_back({prefix("10.128.0.11/32"), {}});
            }),
            (Texts{"namespaces.payments pods [ ] -> [ \"10.128.0.11\" ]",
                   "namespaces.payments limits.bandwidth - -> \"1Mbit\""}));
  EXPECT_EQ(details_after([](Model& m) { m.firewall.rules[0].log = true; }),
            Texts{"firewall.rules[0] log false -> true"});
  EXPECT_EQ(details_after([](Model& m) {
              m.ports[0].gateway = {{*Ipv4Address::parse("192.0.2.1")}, {}};
            }),
            Texts{"ports.uplink gateway - -> \"192.0.2.1\""});
  EXPECT_EQ(details_after([](Model& m) {
              m.egress_routers[0].destinations = {{"80 tcp \"x", {}}};
            }),
            Texts{"egress_routers.legacy-db destinations [ ] -> [ \"80 tcp \\\"x\" ]"});
  // Entries that come and go are told by their names alone.
  EXPECT_EQ(details_after([](Model& m) { m.nodes.clear(); }), Texts{});
}

TEST(Diff, OfLongListsTellsWhatTheOtherSideLacks) {
  std::vector<std::string> was;
  for (int i = 0; i < 1000; ++i) was.push_back("\"10.128.0." + std::to_string(i) + "\"");
  std::vector<std::string> is = was;
  is[500] = "\"new\"";
  is.emplace_back("\"newer\"");
  const ChangedTexts texts = changed_lists(was, is);
  EXPECT_EQ(texts.was, "1000 values, among them \"10.128.0.500\"");
  EXPECT_EQ(texts.is, "1001 values, among them \"new\", \"newer\"");
  const ChangedTexts all = changed_lists(was, {});
  EXPECT_EQ(all.is, "0 values");
  EXPECT_LE(all.was.size(), kLongestChangedValue + 5);
  EXPECT_TRUE(all.was.ends_with(", ...")) << all.was;
  is = was;
  std::reverse(is.begin(), is.end());
  EXPECT_EQ(changed_lists(was, is).is, "1000 values");
}

TEST(Diff, DetailsAreBounded) {
  EXPECT_EQ(bounded(std::string(119, 'a') + "\u00e4"), std::string(119, 'a') + "...");
  Model running = full_model();
  for (int i = 0; i < 2000; ++i) running.nodes.emplace_back().name.value = std::to_string(i);
  Model wanted = running;
  for (config::Node& node : wanted.nodes) node.vtep.value.value = 7;
  const ConfigDiff found = diff(running, wanted);
  EXPECT_EQ(found.changed.size(), 2001u);
  EXPECT_EQ(found.details.size(), kMostKeyChanges);
}

TEST(Diff, NamesAListWhoseEntriesChangedPlaces) {
  const auto two = [](Model& m) { m.nodes.emplace_back().name.value = "node-2"; };
  Model running = full_model();
  two(running);
  Model wanted = running;
  std::swap(wanted.nodes[0], wanted.nodes[1]);
  EXPECT_EQ(text_of(diff(running, wanted)), "+ ; - ; ~ nodes; ! ");
  // An entry put in between moves none.
  wanted = running;
  wanted.nodes.insert(wanted.nodes.begin() + 1, config::Node{})->name.value = "node-3";
  EXPECT_EQ(text_of(diff(running, wanted)), "+ nodes.node-3; - ; ~ ; ! ");
}

config::FirewallRule rule_to(uint32_t network) {
  config::FirewallRule rule;
  rule.name_space.value = "*";
  rule.to.push_back({{{network << 8}, 24}, {}});
  return rule;
}

Model with_rules(const std::vector<uint32_t>& networks) {
  Model model = full_model();
  model.firewall.rules.clear();
  for (const uint32_t network : networks) model.firewall.rules.push_back(rule_to(network));
  return model;
}

TEST(Diff, ARuleThatIsPutInIsOneDifference) {
  const auto rules = [](const std::vector<uint32_t>& running, const std::vector<uint32_t>& wanted) {
    return text_of(diff(with_rules(running), with_rules(wanted)));
  };
  EXPECT_EQ(rules({1, 2, 3}, {9, 1, 2, 3}), "+ firewall.rules[0]; - ; ~ ; ! ");
  EXPECT_EQ(rules({1, 2, 3}, {1, 2, 9, 3}), "+ firewall.rules[2]; - ; ~ ; ! ");
  EXPECT_EQ(rules({1, 2, 3}, {1, 3}), "+ ; - firewall.rules[1]; ~ ; ! ");
  EXPECT_EQ(rules({1, 2, 3}, {1, 9, 3}), "+ ; - ; ~ firewall.rules[1]; ! ");
  EXPECT_EQ(rules({1, 2, 3, 4}, {9, 2, 3}), "+ ; - firewall.rules[3]; ~ firewall.rules[0]; ! ");
  // Also among equal ones.
  EXPECT_EQ(rules({1, 1, 1}, {1, 1, 1, 1}), "+ firewall.rules[3]; - ; ~ ; ! ");
  EXPECT_EQ(rules({2, 1}, {1, 2, 1}), "+ firewall.rules[0]; - ; ~ ; ! ");
  // A rule that moved is taken out and put in.
  EXPECT_EQ(rules({1, 2, 3}, {2, 3, 1}), "+ firewall.rules[2]; - firewall.rules[0]; ~ ; ! ");
}

// ---- no setting is forgotten

// Gives a value another one, whatever it is.
void spoil(bool& value) { value = !value; }
void spoil(std::string& value) { value += 'x'; }
void spoil(Ipv4Address& value) { ++value.value; }
void spoil(Ipv4Prefix& value) { value = {{value.address.value ^ 1}, 32}; }
void spoil(config::PortRange& value) { ++value.first; }
void spoil(config::MssClamp& value) { value = {config::MssClamp::Mode::kNumber, 1400}; }
template <typename T>
requires std::is_integral_v<T>
void spoil(T& value) { ++value; }
template <typename T>
requires std::is_enum_v<T>
void spoil(T& value) { value = static_cast<T>(static_cast<int>(value) == 0 ? 1 : 0); }
template <typename T>
void spoil(std::optional<T>& value) {
  value ? value.reset() : static_cast<void>(value.emplace());
}
template <typename T>
void spoil(std::vector<T>& value) {
  value.emplace_back();
}
template <typename T>
void spoil(config::At<T>& value) {
  spoil(value.value);
}

// Goes over every setting of the schema and spoils the one whose turn it is.
class Spoiler {
 public:
  explicit Spoiler(size_t turn) : left_(turn) {}

  // The difference that is to be found, "+ PATH" and so on; empty when there are fewer settings.
  std::string expected;

  template <typename Owner, typename Table>
  void walk(const std::string& path, const std::string& entry, Owner& owner, const Table& table) {
    std::apply(
        [&](const auto&... row) {
          (visit(path.empty() ? std::string(row.name) : path + "." + std::string(row.name), entry,
                 row.name, owner.*row.member, row.form),
           ...);
        },
        table);
  }

 private:
  template <typename Member, typename Form>
  void visit(const std::string& path, const std::string& entry, std::string_view key,
             Member& member, const Form&) {
    if (left_-- != 0) return;
    spoil(member);
    expected = "~ " + (entry.empty() ? path : entry);
    const bool is_name = key == "name" && entry.find('.') != std::string::npos;
    if (is_name) expected = "+ " + entry + "x - " + entry;
  }
  template <typename Member, const auto& keys>
  void visit(const std::string& path, const std::string& entry, std::string_view, Member& member,
             const config::Group<keys>&) {
    walk(path, entry, member, keys);
  }
  template <typename Entry, const auto& keys>
  void visit(const std::string& path, const std::string&, std::string_view,
             std::vector<Entry>& member, const config::Groups<keys>&) {
    ASSERT_EQ(member.size(), 1u) << path << ": give full_model() an entry";
    if constexpr (requires { member[0].name.value; }) {
      walk(path, path + "." + member[0].name.value, member[0], keys);
    } else {
      walk(path, path + "[0]", member[0], keys);
    }
  }

  size_t left_;
};

TEST(Diff, FindsEverySettingOfTheSchema) {
  std::set<std::string> seen;
  for (size_t turn = 0;; ++turn) {
    Model wanted = full_model();
    Spoiler spoiler(turn);
    spoiler.walk("", "", wanted, config::kModelKeys);
    if (spoiler.expected.empty()) break;
    const ConfigDiff found = diff(full_model(), wanted);
    std::string text;
    for (const auto& [mark, paths] :
         {std::pair{"+ ", &found.added}, std::pair{"- ", &found.removed},
          std::pair{"~ ", &found.changed}}) {
      for (const std::string& path : *paths) text += (text.empty() ? "" : " ") + (mark + path);
    }
    EXPECT_EQ(text, spoiler.expected);
    seen.insert(text);
  }
  EXPECT_GT(seen.size(), 40u);
  EXPECT_TRUE(seen.contains("~ log_sessions.target"));
}

TEST(Diff, IsEmptyForEqualModelsOnly) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const Model running = config::random_model(seed);
    const Model wanted = config::random_model(seed + seed % 3);
    const ConfigDiff found = diff(running, wanted);
    EXPECT_EQ(found.empty(), running == wanted) << seed;
    std::set<std::string> all(found.changed.begin(), found.changed.end());
    all.insert(found.added.begin(), found.added.end());
    all.insert(found.removed.begin(), found.removed.end());
    for (const std::string& path : found.needs_restart) EXPECT_TRUE(all.contains(path)) << path;
  }
}

// ---- lists without names

// Puts the gaps of the new list in the place of those of the old one.
std::vector<std::string> replayed(const std::vector<std::string>& running,
                                  const std::vector<std::string>& wanted,
                                  const std::vector<Gap>& gaps) {
  std::vector<std::string> made;
  size_t at = 0;
  for (const Gap& gap : gaps) {
    for (; at < gap.running_first; ++at) made.push_back(running.at(at));
    EXPECT_EQ(made.size(), gap.wanted_first);
    for (size_t i = 0; i < gap.wanted_count; ++i) made.push_back(wanted.at(gap.wanted_first + i));
    at += gap.running_count;
  }
  for (; at < running.size(); ++at) made.push_back(running[at]);
  return made;
}

TEST(Alignment, LeadsFromOneListToTheOther) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const auto list = [&random] {
      std::vector<std::string> made(random() % 12);
      for (std::string& text : made) text = std::to_string(random() % 9);
      return made;
    };
    const std::vector<std::string> running = list();
    const std::vector<std::string> wanted = list();
    EXPECT_EQ(replayed(running, wanted, align(running, wanted)), wanted);
  }
}

TEST(Alignment, KeepsAllThatWasNotTouched) {
  std::vector<std::string> running;
  for (int i = 0; i < 10'000; ++i) running.push_back(std::to_string(i));
  std::vector<std::string> wanted = running;
  wanted.insert(wanted.begin() + 9'000, "b");
  wanted.erase(wanted.begin() + 5'000);
  wanted.insert(wanted.begin() + 10, "a");
  size_t put_in = 0;
  size_t taken_out = 0;
  for (const Gap& gap : align(running, wanted)) {
    put_in += gap.wanted_count;
    taken_out += gap.running_count;
  }
  EXPECT_EQ(put_in, 2u);
  EXPECT_EQ(taken_out, 1u);
}

}  // namespace
}  // namespace postern
