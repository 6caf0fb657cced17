// Explanations against the data path, at random: ten thousand packets against random
// configurations, in gateways whose ports run out, links fail, addresses are drained and quotas are
// used up. Each packet is explained and then sent: what was said is what happens, and saying it has
// changed nothing.
//
// POSTERN_EXPLAIN_SEED and POSTERN_EXPLAIN_PACKETS choose another walk than the usual one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "config/load.h"
#include "config/print.h"
#include "test/packet/explainer.h"
#include "test/packet/plain_model.h"
#include "test/packet/question_maker.h"
#include "test/packet/world_editor.h"
#include "test/unit/config/random_model.h"

namespace postern::test {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kPackets = 1000;
#else
constexpr uint64_t kPackets = 10'000;
#endif
constexpr uint64_t kPacketsOfAWorld = 40;

uint64_t chosen(const char* name, uint64_t usual) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

// The numbers of a book, in an order that is the same in every process.
template <typename Book>
std::vector<uint32_t> sorted(const Book& book) {
  std::vector<uint32_t> numbers;
  for (const auto& [key, number] : book) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

template <typename T>
config::At<T> at(T value) {
  return {std::move(value), {}};
}

class RandomExplanations {
 public:
  explicit RandomExplanations(uint64_t seed) : editor_(seed), maker_(seed + 1), seed_(seed) {}

  void step(uint64_t number) {
    if (gateway_ == nullptr || number % kPacketsOfAWorld == 0) make_world(number);
    Gateway& data = gateway_->data();
    data.pass_ms(20);  // so that no answer is missing because there were too many
    if (maker_.chance(3)) disturb();
    const ExplainQuestion question = maker_.next(data.table());
    explainer_->check(question, text_);
    EXPECT_EQ(data.imbalance(), 0);
    if (number % kPacketsOfAWorld == kPacketsOfAWorld - 1) note_ends();
  }
  [[nodiscard]] const std::map<std::string, uint64_t>& ends() const { return ends_; }

 private:
  void make_world(uint64_t number) {
    explainer_.reset();
    gateway_.reset();
    const bool is_wild = number / kPacketsOfAWorld % 4 == 3;
    config::Model model;
    do {
      model = is_wild ? config::random_model(seed_ + number + ++tries_) : small_world();
      text_ = config::print(model);
    } while (!is_good(model));
    gateway_ = std::make_unique<LiveGateway>(text_);
    explainer_ = std::make_unique<Explainer>(*gateway_);
    maker_.take(model);
  }
  bool is_good(config::Model& model) {
    config::LoadResult loaded = config::load_text(text_, "test.cfg");
    if (!loaded.model) return false;
    model = *std::move(loaded.model);
    // Without nodes there is nobody to explain.
    return !model.nodes.empty() && model.ports.size() <= kMaxPorts;
  }

  // What the random editor makes, with what it does not know of.
  config::Model small_world() {
    PlainWorld world = editor_.first();
    do {
      world = editor_.first();
      for (uint32_t i = editor_.number(5, 40); i > 0; --i) editor_.edit(world);
    } while (!world.fault().empty());
    config::Model model = *config::load_text(world.text(), "test.cfg").model;
    model.sessions.port_range = at(config::PortRange{1024, 1087});
    model.sessions.port_hold_s = editor_.chance(2) ? 0 : 60;
    for (config::Namespace& each : model.namespaces) add_limits(each);
    for (config::EgressIp& entry : model.egress_ips) {
      if (editor_.chance(2)) entry.when_exhausted = config::WhenExhausted::kNextAddress;
    }
    if (editor_.chance(4)) make_node_ip_per_node(model);
    add_routers(model);
    add_marks(model);
    return model;
  }
  void add_limits(config::Namespace& each) {
    if (!editor_.chance(3)) return;
    if (editor_.chance(2)) each.limits.sessions = editor_.number(1, 4);
    if (editor_.chance(2)) each.limits.new_sessions_per_second = editor_.number(1, 5);
    if (editor_.chance(2)) each.limits.bandwidth_bits_per_second = 8000;
  }
  void make_node_ip_per_node(config::Model& model) {
    model.node_ip.mode = at(config::NodeIpMode::kPerNode);
    model.node_ip.addresses.clear();
    uint32_t next = address("192.0.2.100").value;
    for (config::Node& node : model.nodes) node.external_ip = at(Ipv4Address{next++});
  }
  void add_routers(config::Model& model) {
    for (uint32_t i = 0; i < editor_.number(0, 2); ++i) {
      config::EgressRouter router;
      router.name = at("router-" + std::to_string(i));
      for (const config::Namespace& each : model.namespaces) {
        if (!editor_.chance(3)) router.namespaces.push_back(at(each.name.value));
      }
      router.listen = at(Ipv4Address{address("10.131.0.1").value + i});
      router.source = at(Ipv4Address{address("192.0.2.120").value + i});
      for (const char* line : {"5432 tcp 203.0.113.25", "53 udp 203.0.113.1 5353"}) {
        if (editor_.chance(2)) router.destinations.push_back(at(std::string(line)));
      }
      const bool rest = router.destinations.empty() || editor_.chance(2);
      if (rest) router.destinations.push_back(at(std::string("203.0.113.9")));
      model.egress_routers.push_back(router);
    }
  }
  void add_marks(config::Model& model) {
    for (const config::Namespace& each : model.namespaces) {
      if (!editor_.chance(3)) continue;
      config::QosRule rule;
      rule.name_space = at(each.name.value);
      for (const Ipv4Prefix& to : editor_.some(2, [this] { return editor_.destinations(); })) {
        rule.to.push_back(at(to));
      }
      rule.dscp = static_cast<uint8_t>(editor_.number(0, 63));
      model.qos.push_back(rule);
    }
  }

  // Something happens that packets may notice.
  void disturb() {
    Gateway& data = gateway_->data();
    switch (maker_.number(0, 8)) {
      case 0:
        return data.pass_ms(maker_.number(1, 3000));
      case 1:
        return toggle_drain();
      case 2:
        return toggle_link();
      case 3:
        return change_neighbour();
      case 4:
        return flood();
      case 5:
        return patch();
      case 6:
        return use_bandwidth();
      case 7:
        data.sweep();
        data.release_held();
        return;
      default:
        return end_connections();
    }
  }
  void toggle_drain() {
    AddressDrains& drains = gateway_->data().shared().drains;
    for (const uint32_t number : sorted(gateway_->control().books().addresses.all())) {
      const auto slot = static_cast<AddressSlot>(number);
      if (maker_.chance(6)) drains.set(slot, !drains.holds(slot));
    }
  }
  void toggle_link() {
    const auto& ports = gateway_->control().file().ports;
    const auto port =
        static_cast<uint16_t>(maker_.number(0, static_cast<uint32_t>(ports.size()) - 1));
    gateway_->data().set_link(port, !maker_.chance(4));
  }
  void change_neighbour() {
    static constexpr NeighbourState kStates[] = {
        NeighbourState::kReachable, NeighbourState::kReachable, NeighbourState::kUnresolved,
        NeighbourState::kFailed};
    NeighbourTable& neighbours = gateway_->data().shared().neighbours;
    for (const uint32_t slot : sorted(gateway_->control().books().next_hops.all())) {
      if (maker_.chance(2)) {
        neighbours.store(slot, {Gateway::kNextHopMac, kStates[maker_.number(0, 3)]});
      }
    }
  }
  // A pod that opens sessions until something is used up.
  void flood() {
    ExplainQuestion question;
    for (int tries = 0; tries < 20; ++tries) {
      question = maker_.next(gateway_->data().table());
      question.source_port.reset();
      if (explainer_->explain(question).value("verdict", "") == "forward") break;
    }
    for (int i = 0; i < 70; ++i) {
      gateway_->data().pass_ms(20);
      explainer_->check(question, text_);
      if (explainer_->answer().value("verdict", "") != "forward") break;
    }
  }
  // Somebody downloads as much as the namespace may.
  void use_bandwidth() {
    Gateway& data = gateway_->data();
    const LimitTable& limits = gateway_->control().snapshot().limits;
    for (NamespaceIndex name = 0; name < limits.by_namespace.size(); ++name) {
      for (const Direction direction : {Direction::kOutbound, Direction::kInbound}) {
        if (limits.of(name)->bytes_per_second == 0) continue;
        for (const uint32_t bytes : {65535U, 1000U, 20U}) {
          while (data.sessions().within_bandwidth(name, *limits.of(name), direction, bytes,
                                                  data.now())) {
            data.sessions().note_bytes(name, *limits.of(name), direction, bytes);
          }
        }
      }
    }
  }
  void patch() {
    const auto& namespaces = gateway_->control().file().namespaces;
    if (namespaces.empty()) return;
    PodPatch patch;
    patch.add[maker_.any(namespaces).name.value] = {editor_.pod().text()};
    gateway_->patch(patch);
  }
  // The pods reset some of their connections.
  void end_connections() {
    Gateway& data = gateway_->data();
    for (SessionHandle handle = 0; handle < data.table().capacity(); ++handle) {
      if (!data.table().is_live(handle) || !maker_.chance(4)) continue;
      SessionEntry& entry = data.table().entry(handle);
      if (entry.protocol() != kProtocolTcp) {
        data.sessions().remove(handle, data.now());
        continue;
      }
      tcp_next(entry, Direction::kOutbound,
               {.sequence = entry.outbound_sequence_end, .flags = TcpHeader::kRst});
    }
  }

  void note_ends() {
    for (const auto& [end, count] : explainer_->ends()) ends_[end] += count;
  }

  WorldEditor editor_;
  QuestionMaker maker_;
  uint64_t seed_;
  uint64_t tries_ = 0;
  std::string text_;
  std::unique_ptr<LiveGateway> gateway_;
  std::unique_ptr<Explainer> explainer_;
  std::map<std::string, uint64_t> ends_;
};

TEST(RandomExplain, SaysWhatHappens) {
  const uint64_t seed = chosen("POSTERN_EXPLAIN_SEED", 1);
  const uint64_t packets = chosen("POSTERN_EXPLAIN_PACKETS", kPackets);
  RandomExplanations explanations(seed);
  for (uint64_t number = 0; number < packets; ++number) {
    explanations.step(number);
    if (!::testing::Test::HasFailure()) continue;
    FAIL() << "seed " << seed << ", packet " << number;
  }
  for (const auto& [end, count] : explanations.ends()) {
    std::printf("%s %llu, ", end.c_str(), static_cast<unsigned long long>(count));
  }
  std::printf("and no difference\n");
  if (packets < 10'000) return;
  // Every way to end came often enough to mean something.
  const auto of = [&](const char* end) {
    const auto found = explanations.ends().find(end);
    return found == explanations.ends().end() ? 0 : found->second;
  };
  EXPECT_GT(of("forwarded"), packets / 10);
  EXPECT_LT(of("error"), packets / 10);
  for (const char* end : {"held",
                          "bad-address",
                          "cluster-destination",
                          "firewall-default",
                          "firewall-denied",
                          "no-egress-address",
                          "no-policy",
                          "no-port",
                          "no-session",
                          "not-for-us",
                          "neighbour-failed",
                          "neighbour-unresolved",
                          "quota-bandwidth",
                          "quota-rate",
                          "quota-sessions",
                          "router-denied",
                          "router-no-rule",
                          "source-not-on-node",
                          "source-unknown",
                          "tunnel-unknown-node",
                          "unsupported-protocol"}) {
    EXPECT_GT(of(end), packets / 1000) << end;
  }
}

}  // namespace
}  // namespace postern::test
