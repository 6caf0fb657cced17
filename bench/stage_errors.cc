// The stages of ICMP errors: an error of somebody on the way, about a packet of an established
// session, is tracked and translated, both ways.
#include <random>
#include <utility>
#include <vector>

#include "bench/frame_templates.h"
#include "bench/stage_bench.h"
#include "dataplane/stage/icmp_error.h"

namespace postern::bench {
namespace {

constexpr uint32_t kErrors = 1u << 12;
constexpr MacAddress kNodeMac{{2, 1, 0, 0, 0, 0}};
constexpr MacAddress kPodSideMac{{2, 0, 0, 0, 1, 1}};

test::Packet quoted(Ipv4Address from, uint16_t from_port, Ipv4Address to, uint16_t to_port) {
  test::Packet packet;
  packet.ipv4(from.text(), to.text()).udp(from_port, to_port).payload(18);
  return packet;
}

// A router outside could not deliver what the session sent.
test::Bytes inbound_error(const SessionEntry& session) {
  const auto egress = Ipv4Address::from(session.egress_ip);
  test::Packet packet;
  return packet.ethernet(Scenario::kNextHopMac, Scenario::kUplinkMac)
      .ipv4("203.0.113.1", egress.text())
      .icmp_error(IcmpHeader::kUnreachable, 1,
                  quoted(egress, session.egress_port.host(), Ipv4Address::from(session.remote_ip),
                         session.remote_port.host()))
      .bytes();
}

// The pod does not want what came for it.
test::Bytes outbound_error(const SessionEntry& session, uint32_t node) {
  const auto pod = Ipv4Address::from(session.source_ip);
  const auto remote = Ipv4Address::from(session.remote_ip);
  test::Packet packet;
  return packet.ethernet(kNodeMac, Scenario::kClusterMac)
      .ipv4(Scenario::node_vtep(node).text(), Scenario::kVtep.text())
      .udp(50'000, 4789)
      .vxlan(Scenario::kVni)
      .ethernet(kNodeMac, kPodSideMac)
      .ipv4(pod.text(), remote.text())
      .icmp_error(IcmpHeader::kUnreachable, 3,
                  quoted(remote, session.remote_port.host(), pod, session.source_port.host()))
      .bytes();
}

FrameTemplates errors_of(const EstablishedTraffic& traffic) {
  const SessionTable& table = traffic.gateway().sessions();
  const Snapshot& snapshot = traffic.gateway().snapshot();
  std::mt19937_64 random(3);
  std::vector<test::Bytes> frames;
  for (uint32_t i = 0; i < kErrors; ++i) {
    const SessionEntry& entry = table.entry(static_cast<SessionHandle>(random() % table.live()));
    if (!traffic.is_outbound()) {
      frames.push_back(inbound_error(entry));
      continue;
    }
    const SourceSlot slot = entry.source_slot_epoch & 0xffffff;
    const NodeIndex node = snapshot.shared->source_records.load(slot).node;
    frames.push_back(
        outbound_error(entry, snapshot.nodes[node].vtep.value - Scenario::node_vtep(0).value));
  }
  return FrameTemplates(std::move(frames));
}

void run(benchmark::State& state, EstablishedTraffic& traffic, uint32_t size) {
  const bool outbound = traffic.is_outbound();
  PortlessGateway& gateway = traffic.gateway();
  StagedRow row(gateway, outbound ? Direction::kOutbound : Direction::kInbound, size);
  FrameTemplates templates = errors_of(traffic);
  StageCycles tracking;
  StageCycles translating;
  std::array<rte_mbuf*, kMostStaged> frames;
  const uint64_t before = gateway.forwarded();
  for (auto _ : state) {
    if (!templates.make(traffic.pool(), {frames.data(), size})) {
      return state.SkipWithError("no packet buffer is free");
    }
    row.begin({frames.data(), size});
    row.each(&StagedBurst::arrive);
    const auto track_errors = outbound ? track_outbound_errors : track_inbound_errors;
    tracking.time(size, [&] {
      row.each([&](StagedBurst& staged) {
        track_errors(staged.snapshot(), staged.sessions(), staged.burst,
                     outbound ? staged.arrivals.outbound_errors : staged.arrivals.inbound_errors,
                     staged.tracked, staged.refusals);
      });
    });
    row.each(&StagedBurst::route);
    const auto translate_errors = outbound ? translate_outbound_errors : translate_inbound_errors;
    translating.time(size, [&] {
      row.each([&](StagedBurst& staged) {
        translate_errors(staged.sessions(), staged.burst, staged.routed);
      });
    });
    row.each(&StagedBurst::forward);
    row.send();
  }
  const uint64_t packets = static_cast<uint64_t>(state.iterations()) * size;
  if (gateway.forwarded() - before != packets) {
    return state.SkipWithError(("errors were lost: " + gateway.lost()).c_str());
  }
  tracking.report(state);
  translating.report(state, "translate");
}

}  // namespace

void add_error_stages(const PacketBench& bench) {
  auto established = std::make_shared<Established>(bench);
  for (const uint32_t sessions : session_ladder()) {
    for (const Direction direction : {Direction::kOutbound, Direction::kInbound}) {
      for (const uint32_t size : kStageBursts) {
        const std::string name = stage_name("icmp_error", direction, sessions, size);
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          EstablishedTraffic* traffic = established->get(state, direction, sessions);
          if (traffic != nullptr) run(state, *traffic, size);
        });
      }
    }
  }
}

}  // namespace postern::bench
