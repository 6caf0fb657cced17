// A random editor against the plain model: nodes, namespaces, pods, ways out and rules are added,
// removed and changed, by files and by patches, some of them wrong; after every step random packets
// go through the real stages, and what becomes of them is what the model says, of first packets as
// of packets of sessions that were opened under earlier configurations.
//
// POSTERN_EDITOR_SEED and POSTERN_EDITOR_STEPS choose another walk than the usual one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>

#include "test/packet/live_gateway.h"
#include "test/packet/plain_model.h"
#include "test/packet/world.h"
#include "test/packet/world_editor.h"

namespace postern::test {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kSteps = 1000;
#else
constexpr uint64_t kSteps = 10'000;
#endif
constexpr uint64_t kStepsOfALife = 400;  // then all sessions expire

uint64_t chosen(const char* name, uint64_t usual) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

// A session as the model knows it.
struct PlainSession {
  PlainFlow flow;
  Ipv4Address face;
  uint16_t port = 0;
  PlainIdentity identity;
  bool answered = false;
  bool dead = false;
};

class RandomEditor {
 public:
  explicit RandomEditor(uint64_t seed)
      : editor_(seed),
        world_(editor_.first()),
        gateway_(std::make_unique<LiveGateway>(world_.text())) {}

  void step(uint64_t number) {
    change();
    if (::testing::Test::HasFailure()) return;
    gateway_->data().pass_ms(5);
    if (editor_.chance(2)) gateway_->purge();
    for (int i = 0; i < 4; ++i) send();
    for (int i = 0; i < 3; ++i) reply();
    EXPECT_EQ(gateway_->data().imbalance(), 0);
    if (number % kStepsOfALife == 0) expire();
  }
  [[nodiscard]] std::string counts() const {
    return std::to_string(accepted_) + " changes accepted, " + std::to_string(refused_) +
           " refused, " + std::to_string(forwarded_) + " packets forwarded, " +
           std::to_string(dropped_) + " dropped, " + std::to_string(ended_) +
           " sessions ended by changes";
  }
  [[nodiscard]] const std::string& story() const { return story_; }
  // Every kind of thing happened often.
  void expect_variety(uint64_t steps) const {
    EXPECT_GT(accepted_, steps / 4);
    EXPECT_GT(refused_, steps / 50);
    EXPECT_GT(forwarded_, steps / 2);
    EXPECT_GT(dropped_, steps / 2);
    EXPECT_GT(ended_, steps / 100);
    for (const Reason reason :
         {Reason::kSourceNotOnNode, Reason::kSourceUnknown, Reason::kClusterDestination,
          Reason::kFirewallDenied, Reason::kFirewallDefault, Reason::kNoPolicy,
          Reason::kNoEgressAddress, Reason::kNoSession, Reason::kNotForUs, Reason::kBadTcpState}) {
      EXPECT_GT(gateway_->data().dropped(reason), 0u) << describe(reason).name;
    }
  }

 private:
  void change() {
    PlainWorld next = world_;
    switch (editor_.number(0, 9)) {
      case 0:
        return try_out();
      case 1:
      case 2:
      case 3:
        return patch();
      case 4:
        if (!editor_.chance(6)) return patch();
        return reset();
      default:
        break;
    }
    for (uint32_t i = editor_.number(1, 3); i > 0; --i) editor_.edit(next);
    settle_namespaces(next);
    story_ = next.text();
    const ChangeResult result = gateway_->apply(next.text());
    judge(result, next, next.fault());
  }
  // A namespace that is in both files is the same one. The layer of one that is not there goes.
  void settle_namespaces(PlainWorld& world) const {
    for (PlainNamespace& name_space : world.namespaces) {
      for (const PlainNamespace& before : world_.namespaces) {
        if (before.name == name_space.name) name_space.birth = before.birth;
      }
    }
    const auto is_gone = [&](const auto& entry) {
      return std::none_of(world.namespaces.begin(), world.namespaces.end(),
                          [&](const auto& each) { return each.name == entry.first; });
    };
    std::erase_if(world.layer.added, is_gone);
    std::erase_if(world.layer.removed, is_gone);
  }

  void judge(const ChangeResult& result, const PlainWorld& next, const std::string& fault) {
    EXPECT_EQ(result.status.ok(), fault.empty())
        << (fault.empty() ? "the gateway refuses: " + std::string(result.status.message())
                          : "the model refuses: " + fault)
        << (result.errors.empty() ? "" : "\n" + result.errors[0].text());
    if (!result.status.ok()) {
      ++refused_;
      return;
    }
    ++accepted_;
    world_ = next;
    const std::set<Ipv4Address> faces = world_.faces();
    for (PlainSession& session : sessions_) {
      if (session.dead) continue;
      const auto identity = world_.identity_of(session.flow.source);
      session.dead = !faces.contains(session.face) || !identity || *identity != session.identity ||
                     world_.node_of(session.flow.source) == nullptr;
      ended_ += session.dead ? 1 : 0;
    }
  }

  // Changes that must not change anything.
  void try_out() {
    PlainWorld next = world_;
    editor_.edit(next);
    settle_namespaces(next);
    story_ = "tried: " + next.text();
    if (editor_.chance(2)) {
      EXPECT_EQ(gateway_->apply(next.text(), {.dry_run = true}).status.ok(), next.fault().empty())
          << next.fault();
      return;
    }
    const uint64_t other = gateway_->control().generation() + 1;
    EXPECT_FALSE(gateway_->apply(next.text(), {.if_generation = other}).status.ok());
    EXPECT_FALSE(gateway_->apply(next.text() + "tail").status.ok());
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
    judge(gateway_->patch(patch), next, fault);
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
  static const PlainNamespace& find(const PlainWorld& world, const std::string& name) {
    return *std::find_if(world.namespaces.begin(), world.namespaces.end(),
                         [&](const auto& each) { return each.name == name; });
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
    const PlainNamespace& name_space = find(next, name);
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
    judge(gateway_->patch({.add = {}, .remove = {}, .reset = true}), next, next.fault());
  }

  // One packet of a pod, or of who would be one.
  void send() {
    if (world_.nodes.empty()) return;
    static constexpr uint16_t kPorts[] = {53, 80, 443, 8080};
    static constexpr uint8_t kProtocols[] = {17, 17, 6, 1};
    PlainFlow flow;
    if (!sessions_.empty() && editor_.chance(3)) {
      flow = editor_.any(sessions_).flow;
    } else {
      flow.protocol = kProtocols[editor_.number(0, 3)];
      flow.source = source();
      flow.source_port = static_cast<uint16_t>(editor_.number(2000, 2003));
      flow.destination = editor_.destination();
      flow.destination_port = flow.protocol == 1 ? 0 : kPorts[editor_.number(0, 3)];
    }
    const PlainNode* home = world_.node_of(flow.source);
    const PlainNode& from =
        home == nullptr || editor_.chance(8) ? editor_.any(world_.nodes) : *home;
    send(flow, from);
  }
  Ipv4Address source() {
    if (editor_.chance(4) || world_.namespaces.empty()) {
      PlainNode& node = editor_.any(world_.nodes);
      if (!node.addresses.empty() && editor_.chance(2)) return node.addresses[0];
      return editor_.host();
    }
    const auto pods = world_.pods(editor_.any(world_.namespaces));
    if (pods.empty()) return editor_.host();
    std::vector<Ipv4Prefix> list(pods.begin(), pods.end());
    const Ipv4Prefix pod = editor_.any(list);
    return {pod.address.value + (pod.length == 32 ? 0 : editor_.number(0, 3))};
  }

  PlainSession* session_of(const PlainFlow& flow) {
    for (PlainSession& session : sessions_) {
      if (!session.dead && session.flow == flow) return &session;
    }
    return nullptr;
  }

  void send(const PlainFlow& flow, const PlainNode& from) {
    PlainSession* session = session_of(flow);
    const bool goes_on = session != nullptr ? session->answered : editor_.chance(10);
    Packet packet = Packet()
                        .ethernet(kNode1Mac, Gateway::kClusterMac)
                        .ipv4(from.vtep.text(), "10.0.0.254")
                        .udp(50000, 4789, false)
                        .vxlan(100)
                        .ethernet(kNode1InnerMac, kInnerMac)
                        .ipv4(flow.source.text(), flow.destination.text());
    put_transport(packet, flow, goes_on);
    const std::string what = "from " + from.name + " " + said(flow) + (goes_on ? " (on)" : "");
    if (session != nullptr) return expect_old(what, *session, from, packet);

    PlainVerdict verdict = world_.judge(flow, from);
    // What begins nothing asks for no address.
    const bool asks = !verdict.dropped || *verdict.dropped == Reason::kNoEgressAddress;
    if (asks && flow.protocol == 6 && goes_on) verdict.dropped = Reason::kBadTcpState;
    if (verdict.dropped) return expect_dropped(what, *verdict.dropped, "underlay", packet);
    const Bytes frame = expect_forwarded(what, "uplink", packet);
    if (frame.empty()) return;
    const PlainSession opened{.flow = flow,
                              .face = Ipv4Address::from(load<Be32>(&frame[26])),
                              .port = external_port(frame, flow.protocol),
                              .identity = *world_.identity_of(flow.source)};
    expect_face(what, opened, verdict);
    sessions_.push_back(opened);
  }
  static void put_transport(Packet& packet, const PlainFlow& flow, bool goes_on) {
    if (flow.protocol == 17) packet.udp(flow.source_port, flow.destination_port).payload("q");
    if (flow.protocol == 1) packet.echo_request(flow.source_port).payload("q");
    if (flow.protocol != 6) return;
    if (goes_on) {
      packet.tcp(flow.source_port, flow.destination_port,
                 {.flags = 0x10, .sequence = 1001, .acknowledgement = 5001});
    } else {
      packet.tcp(flow.source_port, flow.destination_port, {.flags = 0x02, .sequence = 1000});
    }
  }
  static uint16_t external_port(const Bytes& frame, uint8_t protocol) {
    return load<Be16>(&frame[protocol == 1 ? 38 : 34]).host();
  }

  // A session keeps its translation while its pod is where the packet comes from.
  void expect_old(const std::string& what, const PlainSession& session, const PlainNode& from,
                  const Packet& packet) {
    if (world_.node_of(session.flow.source)->name != from.name) {
      return expect_dropped(what, Reason::kSourceNotOnNode, "underlay", packet);
    }
    const Bytes frame = expect_forwarded(what, "uplink", packet);
    if (frame.empty()) return;
    EXPECT_EQ(Ipv4Address::from(load<Be32>(&frame[26])).text(), session.face.text()) << what;
    EXPECT_EQ(external_port(frame, session.flow.protocol), session.port) << what;
  }

  void expect_face(const std::string& what, const PlainSession& opened,
                   const PlainVerdict& verdict) {
    const bool allowed =
        std::find(verdict.faces.begin(), verdict.faces.end(), opened.face) != verdict.faces.end();
    EXPECT_TRUE(allowed) << what << " leaves as " << opened.face.text();
    if (verdict.spread == "first") {
      EXPECT_EQ(opened.face, verdict.faces[0]) << what;
    }
    if (verdict.spread != "source") return;
    // nat.md M5: a pod keeps one address of a list.
    const auto [known, fresh] =
        faces_.try_emplace(std::pair(opened.flow.source, verdict.faces), opened.face);
    EXPECT_EQ(known->second.text(), opened.face.text()) << what;
  }

  // A packet that comes back for a session, living or dead.
  void reply() {
    if (sessions_.empty()) return;
    PlainSession& session = editor_.any(sessions_);
    const PlainFlow& flow = session.flow;
    Packet packet = from_outside().ipv4(flow.destination.text(), session.face.text());
    if (flow.protocol == 17) packet.udp(flow.destination_port, session.port).payload("a");
    if (flow.protocol == 1) packet.echo_reply(session.port).payload("a");
    if (flow.protocol == 6) {
      packet.tcp(flow.destination_port, session.port,
                 {.flags = static_cast<uint8_t>(session.answered ? 0x10 : 0x12),
                  .sequence = session.answered ? 5001u : 5000u,
                  .acknowledgement = 1001});
    }
    const std::string what = "reply to " + said(flow) + " at " + session.face.text() + " port " +
                             std::to_string(session.port);
    if (session.dead) {
      // Whether it is the source or the session that is wrong is not promised.
      if (world_.faces().contains(flow.destination)) return;
      const bool ours = world_.faces().contains(session.face);
      return expect_dropped(what, ours ? Reason::kNoSession : Reason::kNotForUs, "uplink", packet);
    }
    session.answered = true;
    const Bytes frame = expect_forwarded(what, "underlay", packet);
    if (frame.empty()) return;
    EXPECT_EQ(Ipv4Address::from(load<Be32>(&frame[30])).text(),
              world_.node_of(flow.source)->vtep.text())
        << what;
    EXPECT_EQ(Ipv4Address::from(load<Be32>(&frame[80])).text(), flow.source.text()) << what;
    EXPECT_EQ(load<Be16>(&frame[flow.protocol == 1 ? 88 : 86]).host(), flow.source_port) << what;
  }

  Bytes expect_forwarded(const std::string& what, const char* by, const Packet& packet) {
    const auto before = drops();
    const bool in = std::string_view(by) == "underlay";
    const auto sent = gateway_->data().receive(in ? "uplink" : "underlay", packet);
    ++forwarded_;
    if (sent.size() == 1 && sent[0].port == by) return sent[0].frame;
    ADD_FAILURE() << what << ": not forwarded but " << reason_since(before) << "\n"
                  << world_.text();
    return {};
  }
  void expect_dropped(const std::string& what, Reason reason, const char* port,
                      const Packet& packet) {
    const auto before = drops();
    const auto sent = gateway_->data().receive(port, packet);
    ++dropped_;
    for (const Sent& frame : sent) {
      EXPECT_EQ(frame.port, "underlay") << what << ": leaves as\n" << decode(frame.frame);
      EXPECT_TRUE(world_.reject) << what << ": answered\n" << decode(frame.frame);
    }
    EXPECT_EQ(reason_since(before), describe(reason).name) << what << "\n" << world_.text();
  }
  std::vector<uint64_t> drops() {
    std::vector<uint64_t> all;
    for (size_t i = 0; i < kReasonCount; ++i) {
      all.push_back(gateway_->data().dropped(static_cast<Reason>(i)));
    }
    return all;
  }
  std::string reason_since(const std::vector<uint64_t>& before) {
    const auto after = drops();
    for (size_t i = 0; i < kReasonCount; ++i) {
      if (after[i] != before[i]) return std::string(describe(static_cast<Reason>(i)).name);
    }
    return "forwarded";
  }
  static std::string said(const PlainFlow& flow) {
    return "protocol " + std::to_string(flow.protocol) + " " + flow.source.text() + ":" +
           std::to_string(flow.source_port) + " > " + flow.destination.text() + ":" +
           std::to_string(flow.destination_port);
  }

  // Nobody speaks for longer than any timeout.
  void expire() {
    gateway_->purge();
    gateway_->data().pass_seconds(9 * 3600);
    for (int i = 0; i < 3; ++i) gateway_->data().sweep();
    EXPECT_EQ(gateway_->data().table().live(), 0u);
    sessions_.clear();
  }

  WorldEditor editor_;
  PlainWorld world_;
  std::unique_ptr<LiveGateway> gateway_;
  std::vector<PlainSession> sessions_;
  std::map<std::pair<Ipv4Address, std::vector<Ipv4Address>>, Ipv4Address> faces_;
  std::string story_;
  uint64_t accepted_ = 0;
  uint64_t refused_ = 0;
  uint64_t forwarded_ = 0;
  uint64_t dropped_ = 0;
  uint64_t ended_ = 0;
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
