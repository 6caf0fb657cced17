#include "test/packet/explainer.h"

#include <gtest/gtest.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <cstring>

#include "dataplane/run/trial_facts.h"
#include "dataplane/wire/other_protocols.h"

namespace postern::test {
namespace {

using nlohmann::json;

// As a port of that VLAN receives frames; 0: of none.
FrameMaker maker_of(uint16_t vlan) {
  return [vlan](rte_mempool* pool, const Bytes& bytes) {
    rte_mbuf* const frame = exact_frame(pool, bytes);
    if (vlan == 0) return frame;
    frame->vlan_tci = vlan;
    frame->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
    return frame;
  };
}

Bytes untagged(Bytes frame) {
  if (load<EthernetHeader>(frame.data()).type.host() != kEtherTypeVlan) return frame;
  frame.erase(frame.begin() + VlanTag::kOffset, frame.begin() + VlanTag::kOffset + sizeof(VlanTag));
  return frame;
}

// Of the options in a tunnel packet, which only Geneve has.
size_t geneve_option_bytes(const Bytes& frame) {
  constexpr size_t kHeader = offsetof(TunnelEncapsulation, geneve);
  if (frame.size() < sizeof(TunnelEncapsulation)) return 0;
  const auto header = load<GeneveHeader>(&frame[kHeader]);
  return header.protocol.host() == GeneveHeader::kEthernet ? header.option_bytes() : 0;
}

// The words of an object, whatever is in it.
template <typename T>
void add_words(std::vector<uint64_t>& image, const T& value) {
  const auto* const at = reinterpret_cast<const uint8_t*>(&value);
  for (size_t i = 0; i + 8 <= sizeof value; i += 8) image.push_back(load<uint64_t>(at + i));
}

}  // namespace

ExplainGround Explainer::ground() const {
  const postern::Gateway& control = gateway_.control();
  return {.file = control.file(),
          .snapshot = control.snapshot(),
          .books = control.books(),
          .names = control.names(),
          .layer = control.layer(),
          .pool = gateway_.data().pool()};
}

// Everything that a packet might leave behind.
Explainer::Image Explainer::image(const ExplainQuestion& question) {
  Gateway& data = gateway_.data();
  const Snapshot& snapshot = gateway_.control().snapshot();
  Image image;
  add_words(image, data.counters());
  add_words(image, data.table().statistics());
  image.insert(image.end(), {data.table().live(), data.table().held(), data.table().ended(),
                             gateway_.control().generation(), data.rules().lost(),
                             rte_mempool_in_use_count(data.pool()), data.holds().empty()});
  for (SessionHandle handle = 0; handle < data.table().capacity(); ++handle) {
    if (!data.table().is_live(handle)) continue;
    add_words(image, data.table().entry(handle));
    add_words(image, data.table().cold(handle));
  }
  for (NamespaceIndex name = 0; name < snapshot.policy.egress.namespaces.size(); ++name) {
    image.push_back(data.sessions().active_of(name));
    add_words(image, data.sessions().usage_of(name));
  }
  for (RuleNumber rule = 0; rule < snapshot.policy.firewall.rules.size(); ++rule) {
    image.push_back(data.rules().hits(snapshot.policy.firewall.version, rule));
  }
  for (NodeIndex node = 0; node < snapshot.nodes.size(); ++node) {
    image.push_back(data.shared().node_macs.load(node));
  }
  for (uint16_t port = 0; port < snapshot.ports.size(); ++port) {
    image.push_back(data.shared().neighbours.find({port, question.destination}));
  }
  NeighbourKey asked;
  image.push_back(data.holds().next_request(asked) ? asked.packed() : 0);
  return image;
}

json Explainer::explain(const ExplainQuestion& question) {
  Gateway& data = gateway_.data();
  NeighbourKey asked_before;
  while (data.holds().next_request(asked_before)) {
  }
  const Image before = image(question);
  Explanation explanation(question);
  answer_ = nullptr;
  while (answer_.is_null()) {
    absl::StatusOr<TrialQuestion> asked = explanation.question(ground());
    if (!asked.ok()) {
      answer_ = {{"error", std::string(asked.status().message())}};
      break;
    }
    TrialFactsRequest request;
    request.question = *std::move(asked);
    key_ = request.question.outbound;
    request.facts.rooms.resize(request.question.remotes.size(), PortRoom::kLookOn);
    FactsErrand errand(data.sessions(), data.holds());
    errand.begin(&request);
    while (errand.busy()) errand.turn(data.snapshot(), data.now());
    EXPECT_TRUE(request.done.load());
    const absl::StatusOr<Explanation::Progress> taken =
        explanation.take(ground(), request.question, request.facts);
    if (!taken.ok()) {
      answer_ = {{"error", std::string(taken.status().message())}};
    } else if (*taken == Explanation::Progress::kAnswered) {
      answer_ = explanation.answer();
    }
  }
  packet_ = explanation.packet();
  EXPECT_EQ(image(question), before) << "explaining has changed something: " << answer_.dump(1);
  return answer_;
}

Seen Explainer::send() {
  Gateway& data = gateway_.data();
  const Counters& counters = data.counters();
  const auto drops = [&] {
    std::vector<uint64_t> all;
    for (size_t i = 0; i < kReasonCount; ++i) all.push_back(counters.drops[i].read());
    return all;
  };
  const std::vector<uint64_t> before = drops();
  const uint64_t made = counters.made.read();
  const uint64_t answered = counters.answered.read();
  const uint64_t held = counters.held.read();
  const std::string port = gateway_.control().file().ports[packet_.port].name.value;
  Packet packet;
  packet.raw(packet_.frame);
  data.receive_as(maker_of(data.snapshot().ports[packet_.port].vlan));
  const std::vector<Sent> sent = data.receive(port, packet);
  const std::vector<uint64_t> after = drops();
  seen_ = {};
  seen_.told = counters.made.read() != made;
  for (size_t i = 0; i < kReasonCount; ++i) {
    const std::string name(describe(static_cast<Reason>(i)).name);
    // What is sent back may itself find no way.
    const bool of_answer = seen_.told && (name == "no-route" || name == "neighbour-failed");
    if (after[i] != before[i] && (seen_.end.empty() || !of_answer)) seen_.end = name;
  }
  if (!seen_.end.empty()) return seen_;
  seen_.end = "held";
  if (counters.held.read() != held) return seen_;
  EXPECT_EQ(sent.size(), 1u);
  seen_.end = counters.answered.read() != answered ? "answered" : "forwarded";
  if (sent.size() == 1) {
    seen_.port = sent[0].port;
    seen_.frame = untagged(sent[0].frame);
  }
  return seen_;
}

json Explainer::step(std::string_view stage) const {
  json found;
  for (const json& step : answer_.at("steps")) {
    if (step.at("stage") == stage) found = step;
  }
  return found;
}

void Explainer::check(const ExplainQuestion& question, std::string_view what) {
  explain(question);
  if (answer_.contains("error")) {
    ++ends_["error"];
    return;
  }
  send();
  ++ends_[seen_.end];
  compare(what);
}

void Explainer::compare(std::string_view what) {
  const std::string story = std::string(what) + "\n" + answer_.dump(1);
  const std::string text = answer_.at("steps").back().at("text");
  if (answer_.at("verdict") == "drop") {
    EXPECT_EQ(answer_.at("reason"), seen_.end) << story;
    EXPECT_EQ(answer_.contains("translated"), false) << story;
    EXPECT_EQ(text.find("The sender is told") != std::string::npos, seen_.told) << story;
    return;
  }
  ASSERT_EQ(answer_.at("verdict"), "forward") << story;
  const json neighbour = step("neighbour");
  const bool waits = !neighbour.is_null() &&
                     neighbour.at("text").get<std::string>().find("held") != std::string::npos;
  const std::string said = !step("answer").is_null() ? "answered" : waits ? "held" : "forwarded";
  ASSERT_EQ(said, seen_.end) << story;
  if (said == "answered") return;
  compare_session(story);
  if (said == "forwarded") compare_frames(story);
}

void Explainer::compare_frames(std::string_view story) {
  const json& said = answer_.at("translated");
  ASSERT_TRUE(said.contains("port")) << story;
  EXPECT_EQ(said.at("port"), seen_.port) << story;
  const size_t ip_at = key_ ? 14 : 64 + geneve_option_bytes(seen_.frame);
  ASSERT_GE(seen_.frame.size(), ip_at + 28) << story;
  const auto ip = load<Ipv4Header>(&seen_.frame[ip_at]);
  EXPECT_EQ(said.at("src"), Ipv4Address::from(ip.source).text()) << story;
  EXPECT_EQ(said.at("dst"), Ipv4Address::from(ip.destination).text()) << story;
  EXPECT_EQ(said.value("dscp", 0), key_ ? ip.tos >> 2 : 0) << story;
  const uint8_t* const transport = &seen_.frame[ip_at + 20];
  const bool echo = ip.protocol == kProtocolIcmp;
  if (!echo && !has_ports(ip.protocol)) {
    EXPECT_FALSE(said.contains("sport") || said.contains("dport")) << story;
    return;
  }
  const uint16_t source_port = load<Be16>(transport + (echo ? 4 : 0)).host();
  const uint16_t destination_port = load<Be16>(transport + (echo ? 4 : 2)).host();
  EXPECT_EQ(said.value("sport", source_port), source_port) << story;
  EXPECT_EQ(said.value("dport", destination_port), destination_port) << story;
  EXPECT_TRUE(echo || said.contains("dport")) << story;
}

// Whose session it is, and that one that is said to live is the one.
void Explainer::compare_session(std::string_view story) {
  if (!key_) return;
  const json& said = answer_.at("translated");
  const bool has_port = has_ports(key_->protocol()) || key_->protocol() == kProtocolIcmp;
  EXPECT_EQ(said.contains("sport"), has_port && !step("session").is_null()) << story;
  const SessionHandle handle = gateway_.data().table().find_outbound_one(*key_);
  ASSERT_NE(handle, kNoSession) << story;
  const SessionEntry& entry = gateway_.data().table().entry(handle);
  EXPECT_EQ(said.at("src"), Ipv4Address::from(entry.egress_ip).text()) << story;
  EXPECT_EQ(said.at("dst"), Ipv4Address::from(entry.remote_ip).text()) << story;
  const NamespaceIndex name = gateway_.data().sessions().namespace_of(entry.source_slot_epoch);
  const std::string& owner = gateway_.control().names().namespaces[name];
  const json whose = step(step("source").is_null() ? "session" : "source");
  const std::string words = owner.empty() ? "platform traffic" : "namespace " + owner + ",";
  EXPECT_NE(whose.at("text").get<std::string>().find(words), std::string::npos) << story;
}

}  // namespace postern::test
