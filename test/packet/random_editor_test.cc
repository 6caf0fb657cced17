// A random editor against the plain model: nodes, namespaces, pods, limits, ways out of every kind
// and rules are added, removed and changed, by files, with revalidation or on trial, by patches, by
// steps back, some of them wrong; names come to stand for other addresses, egress addresses are
// drained. After every step random packets go through the real stages, and what becomes of them is
// what the model says, of first packets as of packets of sessions that were opened under earlier
// configurations.
//
// POSTERN_EDITOR_SEED and POSTERN_EDITOR_STEPS choose another walk than the usual one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "test/packet/live_gateway.h"
#include "test/packet/plain_history.h"
#include "test/packet/plain_model.h"
#include "test/packet/random_traffic.h"
#include "test/packet/world_editor.h"

namespace postern::test {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kSteps = 1000;
#else
constexpr uint64_t kSteps = 10'000;
#endif
constexpr uint64_t kStepsOfALife = 400;  // then all sessions expire
constexpr uint32_t kConfirm_s = 60;

uint64_t chosen(const char* name, uint64_t usual) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

// What was done, and how often.
struct Done {
  uint64_t accepted = 0;
  uint64_t refused = 0;
  uint64_t back = 0;
  uint64_t returned = 0;
  uint64_t confirmed = 0;
  uint64_t revalidated = 0;  // sessions that it ended
  uint64_t drains = 0;
};

class RandomEditor {
 public:
  explicit RandomEditor(uint64_t seed)
      : editor_(seed),
        world_(editor_.first()),
        gateway_(world_.text()),
        traffic_(editor_, world_, gateway_) {}

  void step(uint64_t number) {
    change();
    if (::testing::Test::HasFailure()) return;
    gateway_.data().pass_ms(2);
    if (editor_.chance(2)) gateway_.purge();
    for (int i = 0; i < 4; ++i) traffic_.send();
    for (int i = 0; i < 3; ++i) traffic_.reply();
    EXPECT_EQ(gateway_.data().imbalance(), 0);
    if (number % kStepsOfALife == 0) traffic_.expire();
  }
  [[nodiscard]] std::string counts() const {
    const auto said = [](uint64_t count, const char* of_what) {
      return std::to_string(count) + " " + of_what;
    };
    return said(done_.accepted, "changes accepted, ") + said(done_.refused, "refused, ") +
           said(done_.back, "steps back, ") + said(done_.returned, "by themselves, ") +
           said(done_.confirmed, "confirmed, ") + said(done_.drains, "drains, ") +
           said(traffic_.forwarded(), "packets forwarded, ") +
           said(traffic_.dropped(), "dropped, ") + said(traffic_.ended(), "sessions ended, ") +
           said(done_.revalidated, "of them by revalidation");
  }
  [[nodiscard]] const std::string& story() const { return story_; }
  // Every kind of thing happened often.
  void expect_variety(uint64_t steps) {
    EXPECT_GT(done_.accepted, steps / 4);
    EXPECT_GT(done_.refused, steps / 50);
    EXPECT_GT(done_.back, steps / 100);
    EXPECT_GT(done_.returned, steps / 200);
    EXPECT_GT(done_.confirmed, steps / 200);
    EXPECT_GT(done_.drains, steps / 100);
    EXPECT_GT(done_.revalidated, steps / 200);
    EXPECT_GT(traffic_.forwarded(), steps / 2);
    EXPECT_GT(traffic_.dropped(), steps / 2);
    EXPECT_GT(traffic_.ended(), steps / 100);
    for (const Reason reason :
         {Reason::kSourceNotOnNode, Reason::kSourceUnknown, Reason::kRouterDenied,
          Reason::kRouterNoRule, Reason::kNameUnresolved, Reason::kClusterDestination,
          Reason::kFirewallDenied, Reason::kFirewallDefault, Reason::kNoPolicy,
          Reason::kNoEgressAddress, Reason::kQuotaSessions, Reason::kNoSession, Reason::kNotForUs,
          Reason::kBadTcpState}) {
      EXPECT_GT(gateway_.data().dropped(reason), steps / 1000) << describe(reason).name;
    }
  }

 private:
  void change() {
    if (history_.waits() && editor_.chance(4)) return end_the_wait();
    switch (editor_.number(0, 15)) {
      case 0:
        return try_out();
      case 1:
      case 2:
      case 3:
      case 4:
        return patch();
      case 5:
        if (!editor_.chance(6)) return patch();
        return reset();
      case 6:
        for (int i = editor_.chance(20) ? 10 : 1; i > 0; --i) step_back();
        return;
      case 7:
        return resolve();
      case 8:
        return drain();
      default:
        return apply();
    }
  }

  void apply() {
    PlainWorld next = world_;
    for (uint32_t i = editor_.number(1, 3); i > 0; --i) editor_.edit(next);
    if (editor_.chance(10)) next = world_;
    settle_namespaces(next);
    ChangeOptions options;
    options.revalidate = editor_.chance(6);
    if (editor_.chance(8)) options.confirm_timeout_s = kConfirm_s;
    story_ = std::string("apply") + (options.revalidate ? ", revalidate" : "") +
             (options.confirm_timeout_s ? ", on trial" : "") + ":\n" + next.text();
    const ChangeResult result = gateway_.apply(next.text(), options);
    const std::string fault = history_.waits() ? "a change waits" : next.fault();
    const PlainWorld before = world_;
    if (!judge(result, next, fault)) return;
    history_.applied(before, next, options.confirm_timeout_s.has_value());
    expect_ended(result, options.revalidate);
  }
  // A namespace that is in both files is the same one. The layer of one that is not there goes.
  void settle_namespaces(PlainWorld& world) const {
    for (PlainNamespace& name_space : world.namespaces) {
      const PlainNamespace* before = world_.namespace_of(name_space.name);
      if (before != nullptr) name_space.birth = before->birth;
    }
    const auto is_gone = [&](const auto& entry) {
      return world.namespace_of(entry.first) == nullptr;
    };
    std::erase_if(world.layer.added, is_gone);
    std::erase_if(world.layer.removed, is_gone);
  }

  // True where the change was made.
  bool judge(const ChangeResult& result, const PlainWorld& next, const std::string& fault) {
    EXPECT_EQ(result.status.ok(), fault.empty())
        << (fault.empty() ? "the gateway refuses: " + std::string(result.status.message())
                          : "the model refuses: " + fault)
        << (result.errors.empty() ? "" : "\n" + result.errors[0].text());
    if (!result.status.ok()) {
      ++done_.refused;
      return false;
    }
    ++done_.accepted;
    take_over(next);
    return true;
  }
  // A drain lasts as long as its address serves for the same.
  void take_over(const PlainWorld& next) {
    const auto before = world_.faces();
    world_ = next;
    const auto after = world_.faces();
    std::erase_if(world_.drained, [&](Ipv4Address address) {
      const auto face = after.find(address);
      return face == after.end() || face->second != before.at(address);
    });
    traffic_.world_changed();
  }
  void expect_ended(const ChangeResult& result, bool revalidate) {
    const uint64_t ended = revalidate ? traffic_.revalidated() : 0;
    EXPECT_EQ(result.ended, ended) << "sessions that revalidation ends";
    done_.revalidated += ended;
  }

  // Changes that must not change anything.
  void try_out() {
    PlainWorld next = world_;
    editor_.edit(next);
    settle_namespaces(next);
    story_ = "tried: " + next.text();
    if (editor_.chance(2)) {
      const bool fits = next.fault().empty() && !history_.waits();
      EXPECT_EQ(gateway_.apply(next.text(), {.dry_run = true}).status.ok(), fits) << next.fault();
      return;
    }
    const uint64_t other = gateway_.control().generation() + 1;
    EXPECT_FALSE(gateway_.apply(next.text(), {.if_generation = other}).status.ok());
    EXPECT_FALSE(gateway_.apply(next.text() + "tail").status.ok());
  }

  // config.rollback: one step back, or out of a change that waits.
  void step_back() {
    const std::optional<PlainHistory::Step> to = history_.where();
    ChangeOptions options;
    options.revalidate = editor_.chance(4);
    const ChangeResult result = gateway_.rollback(options);
    story_ = "rollback";
    if (!to) {
      EXPECT_FALSE(result.status.ok());
      return;
    }
    PlainWorld next = PlainHistory::back(world_, *to);
    settle_namespaces(next);
    story_ += " to:\n" + next.text();
    if (!judge(result, next, "")) return;
    history_.went_back();
    expect_ended(result, options.revalidate);
    ++done_.back;
  }
  // A change that waits is kept, or goes back by itself.
  void end_the_wait() {
    if (editor_.chance(2)) {
      story_ = "confirm";
      EXPECT_TRUE(gateway_.confirm().status.ok());
      history_.confirmed();
      ++done_.confirmed;
      return;
    }
    PlainWorld next = PlainHistory::back(world_, *history_.where());
    settle_namespaces(next);
    story_ = "nobody confirmed, back to:\n" + next.text();
    const uint64_t generation = gateway_.control().generation();
    gateway_.pass_control_time(std::chrono::seconds(kConfirm_s + 1));
    EXPECT_EQ(gateway_.control().generation(), generation + 1);
    take_over(next);
    history_.went_back();
    EXPECT_FALSE(gateway_.confirm().status.ok()) << "too late";
    ++done_.returned;
  }

  // What names stand for changes by itself.
  void resolve() {
    editor_.edit_names(world_);
    story_ = "names:";
    NameAddresses known;
    for (const auto& [name, addresses] : world_.names) {
      known[name] = addresses;
      for (const Ipv4Address address : addresses) story_ += " " + name + " " + address.text();
    }
    gateway_.set_names(std::move(known));
  }

  void drain() {
    const auto faces = world_.faces();
    Ipv4Address address = editor_.face();
    if (!faces.empty() && !editor_.chance(6)) {
      address = std::next(faces.begin(), editor_.number(0, static_cast<uint32_t>(faces.size()) - 1))
                    ->first;
    }
    const bool undo = editor_.chance(2);
    story_ = (undo ? "undo the drain of " : "drain ") + address.text();
    const ChangeResult result = gateway_.drain(address, undo);
    EXPECT_EQ(result.status.ok(), faces.contains(address)) << result.status.message();
    if (!result.status.ok()) return;
    if (undo) {
      world_.drained.erase(address);
    } else {
      world_.drained.insert(address);
    }
    ++done_.drains;
  }

  void patch() {
    if (world_.namespaces.empty()) return;
    PlainWorld next = world_;
    PodPatch patch;
    std::set<Ipv4Prefix> used;
    std::string fault;
    story_ = "patch:";
    const auto name = [&] { return editor_.any(next.namespaces).name; };
    for (uint32_t i = editor_.number(0, 2); i > 0; --i) {
      std::string from = name();
      const Ipv4Prefix pod = existing_pod(next, from);
      if (used.insert(pod).second) remove(next, patch, fault, from, pod);
      if (editor_.chance(2)) add(next, patch, name(), pod);
    }
    for (uint32_t i = editor_.number(0, 2); i > 0; --i) add(next, patch, name(), editor_.pod());
    if (editor_.chance(30)) {
      patch.add["nobody"].push_back("10.128.0.1");
      fault = "no such namespace";
    }
    if (fault.empty()) fault = patched_fault(next, patch);
    judge(gateway_.patch(patch), next, fault);
  }
  Ipv4Prefix existing_pod(const PlainWorld& world, std::string& from) {
    for (const PlainNamespace& name_space : world.namespaces) {
      const auto pods = world.pods(name_space);
      if (pods.empty() || editor_.chance(3)) continue;
      if (!editor_.chance(10)) from = name_space.name;  // else of somebody else
      std::vector<Ipv4Prefix> list(pods.begin(), pods.end());
      return editor_.any(list);
    }
    return editor_.pod();
  }
  static bool in_file(const PlainNamespace& name_space, const Ipv4Prefix& pod) {
    return std::find(name_space.pods.begin(), name_space.pods.end(), pod) != name_space.pods.end();
  }
  void remove(PlainWorld& next, PodPatch& patch, std::string& fault, const std::string& name,
              const Ipv4Prefix& pod) {
    story_ += " -" + name + " " + pod.text();
    patch.remove[name].push_back(pod.text());
    for (const PlainNamespace& other : world_.namespaces) {
      if (other.name != name && world_.pods(other).contains(pod)) fault = "somebody else's pod";
    }
    const PlainNamespace& name_space = *next.namespace_of(name);
    const bool takes_back = next.layer.added[name].erase(pod) != 0;
    if (in_file(name_space, pod) || !takes_back) next.layer.removed[name].insert(pod);
  }
  void add(PlainWorld& next, PodPatch& patch, const std::string& name, const Ipv4Prefix& pod) {
    story_ += " +" + name + " " + pod.text();
    patch.add[name].push_back(pod.text());
    next.layer.removed[name].erase(pod);
    next.layer.added[name].insert(pod);
  }
  // Pods of the file may not overlap, the layer's may within their namespace.
  static std::string patched_fault(const PlainWorld& next, const PodPatch& patch) {
    for (const auto& [name, pods] : patch.add) {
      for (const std::string& text : pods) {
        const Ipv4Prefix pod = *Ipv4Prefix::parse(text);
        for (const PlainNode& node : next.nodes) {
          for (const Ipv4Address own : node.addresses) {
            if (pod == Ipv4Prefix{own, 32}) return "a node's own address";
          }
        }
      }
    }
    return next.fault();
  }
  void reset() {
    story_ = "reset";
    PlainWorld next = world_;
    next.layer = {};
    if (judge(gateway_.patch({.add = {}, .remove = {}, .reset = true}), next, next.fault())) {
      history_.forget_layers();
    }
  }

  WorldEditor editor_;
  PlainWorld world_;
  PlainHistory history_;
  LiveGateway gateway_;
  RandomTraffic traffic_;
  std::string story_;
  Done done_;
};

TEST(RandomEditor, TheDataPathDoesWhatThePlainModelSays) {
  const uint64_t seed = chosen("POSTERN_EDITOR_SEED", 1);
  const uint64_t steps = chosen("POSTERN_EDITOR_STEPS", kSteps);
  RandomEditor editor(seed);
  for (uint64_t step = 1; step <= steps; ++step) {
    editor.step(step);
    ASSERT_FALSE(HasFailure()) << "POSTERN_EDITOR_SEED=" << seed << ", step " << step
                               << ", last change:\n"
                               << editor.story();
  }
  std::printf("seed %llu, %llu steps: %s\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(steps), editor.counts().c_str());
  editor.expect_variety(steps);
}

}  // namespace
}  // namespace postern::test
