#include "test/packet/random_traffic.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test/packet/world.h"

namespace postern::test {
namespace {

constexpr size_t kUplinkSource = 26;  // of the IP header in an Ethernet frame
constexpr size_t kUplinkDestination = 30;
constexpr size_t kUplinkPorts = 34;
constexpr size_t kInnerSource = 76;  // the same within the tunnel
constexpr size_t kInnerDestination = 80;
constexpr size_t kInnerPorts = 84;
constexpr size_t kEchoIdentifier = 4;  // behind where the ports would be

Ipv4Address address_at(const Bytes& frame, size_t offset) {
  return Ipv4Address::from(load<Be32>(&frame[offset]));
}
uint16_t number_at(const Bytes& frame, size_t offset) { return load<Be16>(&frame[offset]).host(); }

void put_transport(Packet& packet, const PlainFlow& flow, bool goes_on) {
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

Packet from_pod(const PlainFlow& flow, const PlainNode& from, bool goes_on) {
  Packet packet = Packet()
                      .ethernet(kNode1Mac, Gateway::kClusterMac)
                      .ipv4(from.vtep.text(), "10.0.0.254")
                      .udp(50000, 4789, false)
                      .vxlan(100)
                      .ethernet(kNode1InnerMac, kInnerMac)
                      .ipv4(flow.source.text(), flow.destination.text());
  put_transport(packet, flow, goes_on);
  return packet;
}

uint16_t external_port(const Bytes& frame, uint8_t protocol) {
  return number_at(frame, kUplinkPorts + (protocol == 1 ? kEchoIdentifier : 0));
}

std::string said(const PlainFlow& flow) {
  return "protocol " + std::to_string(flow.protocol) + " " + flow.source.text() + ":" +
         std::to_string(flow.source_port) + " > " + flow.destination.text() + ":" +
         std::to_string(flow.destination_port);
}

}  // namespace

void RandomTraffic::world_changed() {
  const auto faces = world_.faces();
  for (Session& session : sessions_) {
    if (session.dead) continue;
    const auto identity = world_.identity_of(session.flow.source);
    const auto face = faces.find(session.face);
    session.dead = face == faces.end() || face->second != session.serves_for || !identity ||
                   *identity != session.identity || world_.node_of(session.flow.source) == nullptr;
    ended_ += session.dead ? 1 : 0;
  }
}

uint64_t RandomTraffic::revalidated() {
  uint64_t ended = 0;
  for (Session& session : sessions_) {
    if (session.dead) continue;
    session.dead =
        !world_.could_begin(session.flow, session.face, session.remote, session.remote_port);
    ended += session.dead ? 1 : 0;
  }
  ended_ += ended;
  return ended;
}

void RandomTraffic::expire() {
  gateway_.purge();
  gateway_.data().pass_seconds(9 * 3600);
  for (int i = 0; i < 3; ++i) gateway_.data().sweep();
  EXPECT_EQ(gateway_.data().table().live(), 0u);
  sessions_.clear();
}

Ipv4Address RandomTraffic::source() {
  if (editor_.chance(8) || world_.namespaces.empty()) {
    const PlainNode& node = editor_.any(world_.nodes);
    if (!node.addresses.empty() && editor_.chance(2)) return node.addresses[0];
    return editor_.host();
  }
  const auto pods = world_.pods(editor_.any(world_.namespaces));
  if (pods.empty()) return editor_.host();
  const std::vector<Ipv4Prefix> list(pods.begin(), pods.end());
  const Ipv4Prefix pod = editor_.any(list);
  return {pod.address.value + (pod.length == 32 ? 0 : editor_.number(0, 3))};
}

PlainFlow RandomTraffic::fresh_flow() {
  static constexpr uint16_t kPorts[] = {53, 80, 443, 8080};
  static constexpr uint8_t kProtocols[] = {17, 17, 6, 1};
  PlainFlow flow;
  const bool by_router = !world_.routers.empty() && editor_.chance(3);
  flow.destination = by_router && !editor_.chance(8) ? editor_.any(world_.routers).listen
                     : by_router                     ? editor_.listen()
                                                     : editor_.destination();
  flow.protocol = by_router && editor_.chance(2) ? 6 : kProtocols[editor_.number(0, 3)];
  flow.source = source();
  flow.source_port = static_cast<uint16_t>(editor_.number(2000, 2003));
  flow.destination_port = flow.protocol == 1 ? 0 : kPorts[editor_.number(0, 3)];
  return flow;
}

void RandomTraffic::send() {
  if (world_.nodes.empty()) return;
  const PlainFlow flow =
      !sessions_.empty() && editor_.chance(3) ? editor_.any(sessions_).flow : fresh_flow();
  const PlainNode* home = world_.node_of(flow.source);
  const PlainNode& from = home == nullptr || editor_.chance(8) ? editor_.any(world_.nodes) : *home;
  send(flow, from);
}

RandomTraffic::Session* RandomTraffic::session_of(const PlainFlow& flow) {
  for (Session& session : sessions_) {
    if (!session.dead && session.flow == flow) return &session;
  }
  return nullptr;
}

void RandomTraffic::send(const PlainFlow& flow, const PlainNode& from) {
  Session* session = session_of(flow);
  const bool goes_on = session != nullptr ? session->answered : editor_.chance(10);
  const Packet packet = from_pod(flow, from, goes_on);
  const std::string what = "from " + from.name + " " + said(flow) + (goes_on ? " (on)" : "");
  if (session != nullptr) return expect_old(what, *session, from, packet);

  PlainVerdict verdict = world_.judge(flow, from);
  // What begins nothing asks for no room, and what has no room for no address.
  if (!verdict.dropped || *verdict.dropped == Reason::kNoEgressAddress) {
    if (flow.protocol == 6 && goes_on) {
      verdict.dropped = Reason::kBadTcpState;
    } else if (at_its_quota(flow.source)) {
      verdict.dropped = Reason::kQuotaSessions;
    }
  }
  if (verdict.dropped) return expect_dropped(what, *verdict.dropped, "underlay", packet);
  expect_opened(what, flow, verdict, packet);
}

// Ended sessions count until they are looked at, for ten seconds at most: here that has been done.
// No session lives long enough to give way (nat.md T9).
bool RandomTraffic::at_its_quota(Ipv4Address source) {
  const std::string name = world_.identity_of(source)->name_space;
  const PlainNamespace* name_space = world_.namespace_of(name);
  if (name_space == nullptr || !name_space->most_sessions) return false;
  gateway_.look_at_every_session();
  const auto live = std::count_if(sessions_.begin(), sessions_.end(), [&](const Session& each) {
    return !each.dead && each.identity.name_space == name;
  });
  return static_cast<uint64_t>(live) >= *name_space->most_sessions;
}

void RandomTraffic::expect_opened(const std::string& what, const PlainFlow& flow,
                                  const PlainVerdict& verdict, const Packet& packet) {
  const Bytes frame = expect_forwarded(what, "uplink", packet);
  if (frame.empty()) return;
  const Session opened{.flow = flow,
                       .face = address_at(frame, kUplinkSource),
                       .port = external_port(frame, flow.protocol),
                       .remote = address_at(frame, kUplinkDestination),
                       .remote_port = verdict.remote_port,
                       .identity = *world_.identity_of(flow.source),
                       .serves_for = world_.faces()[address_at(frame, kUplinkSource)]};
  EXPECT_TRUE(has(verdict.remotes, opened.remote))
      << what << " is sent to " << opened.remote.text();
  if (flow.protocol != 1) {
    EXPECT_EQ(number_at(frame, kUplinkPorts + 2), opened.remote_port) << what;
  }
  expect_face(what, opened, verdict);
  sessions_.push_back(opened);
}

void RandomTraffic::expect_face(const std::string& what, const Session& opened,
                                const PlainVerdict& verdict) {
  EXPECT_TRUE(has(verdict.faces, opened.face)) << what << " leaves as " << opened.face.text();
  if (verdict.spread == "first") {
    EXPECT_EQ(opened.face, verdict.faces[0]) << what;
  }
  if (verdict.spread != "source") return;
  // nat.md M5: a pod keeps one address of a list.
  const auto [known, fresh] =
      faces_.try_emplace(std::pair(opened.flow.source, verdict.faces), opened.face);
  EXPECT_EQ(known->second.text(), opened.face.text()) << what;
}

// A session keeps its translation while its pod is where the packet comes from.
void RandomTraffic::expect_old(const std::string& what, const Session& session,
                               const PlainNode& from, const Packet& packet) {
  if (world_.node_of(session.flow.source)->name != from.name) {
    return expect_dropped(what, Reason::kSourceNotOnNode, "underlay", packet);
  }
  const Bytes frame = expect_forwarded(what, "uplink", packet);
  if (frame.empty()) return;
  EXPECT_EQ(address_at(frame, kUplinkSource).text(), session.face.text()) << what;
  EXPECT_EQ(address_at(frame, kUplinkDestination).text(), session.remote.text()) << what;
  EXPECT_EQ(external_port(frame, session.flow.protocol), session.port) << what;
}

void RandomTraffic::reply() {
  if (sessions_.empty()) return;
  size_t chosen = editor_.number(0, static_cast<uint32_t>(sessions_.size() - 1));
  for (int tries = 0; tries < 3 && sessions_[chosen].dead; ++tries) {
    chosen = editor_.number(0, static_cast<uint32_t>(sessions_.size() - 1));
  }
  Session& session = sessions_[chosen];
  const PlainFlow& flow = session.flow;
  Packet packet = from_outside().ipv4(session.remote.text(), session.face.text());
  if (flow.protocol == 17) packet.udp(session.remote_port, session.port).payload("a");
  if (flow.protocol == 1) packet.echo_reply(session.port).payload("a");
  if (flow.protocol == 6) {
    packet.tcp(session.remote_port, session.port,
               {.flags = static_cast<uint8_t>(session.answered ? 0x10 : 0x12),
                .sequence = session.answered ? 5001u : 5000u,
                .acknowledgement = 1001});
  }
  const std::string what = "reply to " + said(flow) + " from " + session.remote.text() + " at " +
                           session.face.text() + " port " + std::to_string(session.port);
  if (session.dead) {
    const auto faces = world_.faces();
    // Whether it is the source or the session that is wrong is not promised.
    if (faces.contains(session.remote)) return;
    const Reason reason = faces.contains(session.face) ? Reason::kNoSession : Reason::kNotForUs;
    return expect_dropped(what, reason, "uplink", packet);
  }
  session.answered = true;
  const Bytes frame = expect_forwarded(what, "underlay", packet);
  if (frame.empty()) return;
  EXPECT_EQ(address_at(frame, kUplinkDestination).text(), world_.node_of(flow.source)->vtep.text())
      << what;
  EXPECT_EQ(address_at(frame, kInnerSource).text(), flow.destination.text()) << what;
  EXPECT_EQ(address_at(frame, kInnerDestination).text(), flow.source.text()) << what;
  if (flow.protocol == 1) {
    EXPECT_EQ(number_at(frame, kInnerPorts + kEchoIdentifier), flow.source_port) << what;
  } else {
    EXPECT_EQ(number_at(frame, kInnerPorts), flow.destination_port) << what;
    EXPECT_EQ(number_at(frame, kInnerPorts + 2), flow.source_port) << what;
  }
}

Bytes RandomTraffic::expect_forwarded(const std::string& what, std::string_view by,
                                      const Packet& packet) {
  const auto before = drops();
  const auto sent = gateway_.data().receive(by == "underlay" ? "uplink" : "underlay", packet);
  ++forwarded_;
  if (sent.size() == 1 && sent[0].port == by) return sent[0].frame;
  ADD_FAILURE() << what << ": not forwarded but " << reason_since(before) << "\n" << world_.text();
  return {};
}

void RandomTraffic::expect_dropped(const std::string& what, Reason reason, std::string_view port,
                                   const Packet& packet) {
  const auto before = drops();
  const auto sent = gateway_.data().receive(port, packet);
  ++dropped_;
  for (const Sent& frame : sent) {
    EXPECT_EQ(frame.port, "underlay") << what << ": leaves as\n" << decode(frame.frame);
    EXPECT_TRUE(world_.reject || reason == Reason::kRouterNoRule) << what << ": answered\n"
                                                                  << decode(frame.frame);
  }
  EXPECT_EQ(reason_since(before), describe(reason).name) << what << "\n" << world_.text();
}

std::vector<uint64_t> RandomTraffic::drops() {
  std::vector<uint64_t> all;
  for (size_t i = 0; i < kReasonCount; ++i) {
    all.push_back(gateway_.data().dropped(static_cast<Reason>(i)));
  }
  return all;
}

std::string RandomTraffic::reason_since(const std::vector<uint64_t>& before) {
  const auto after = drops();
  for (size_t i = 0; i < kReasonCount; ++i) {
    if (after[i] != before[i]) return std::string(describe(static_cast<Reason>(i)).name);
  }
  return "forwarded";
}

}  // namespace postern::test
