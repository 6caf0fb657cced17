// The stages of first packets and of changes: open (with classify, redirect and choose in it),
// redirect alone, revalidate.
#include <array>
#include <random>
#include <vector>

#include "bench/stage_bench.h"
#include "dataplane/stage/classify.h"
#include "dataplane/stage/open.h"
#include "dataplane/stage/redirect.h"
#include "dataplane/stage/revalidate.h"

namespace postern::bench {
namespace {

// Ends the sessions of the burst, so that its packets are first ones; their ports are free at once.
void end_sessions(StagedBurst& staged) {
  SessionTable& table = staged.sessions().table();
  for (const uint8_t i : staged.in) {
    const SessionHandle handle = table.find_outbound_one(outbound_key(staged.burst.meta[i]));
    if (handle != kNoSession) staged.sessions().remove(handle, staged.now);
    staged.burst.meta[i].session = kNoSession;
  }
}

// At design load but for the burst's own sessions, which are opened again.
void open(benchmark::State& state, EstablishedTraffic& traffic, uint32_t size) {
  StagedRow row(traffic.gateway(), Direction::kOutbound, size);
  row.first().sessions().table().set_port_hold(0);
  ReceiveRing ring(traffic.pool(), traffic.frames(), traffic.packets());
  StageCycles cycles;
  TakenFrames taken(size);
  const uint64_t before = traffic.gateway().forwarded();
  for (auto _ : state) {
    if (!taken.take(ring)) return state.SkipWithError("no packet buffer is free");
    for (uint32_t first = 0; first < taken.size(); first += size) {
      row.begin(taken.part(first, size));
      row.each(&StagedBurst::arrive);
      row.each(&StagedBurst::look_up);
      row.each(end_sessions);
      row.each(&StagedBurst::settle);
      cycles.time(size, [&] {
        row.each([](StagedBurst& staged) {
          open_sessions(staged.snapshot(), staged.sessions(), staged.burst, staged.in, staged.now,
                        staged.tracked, staged.refusals);
        });
      });
      row.each(&StagedBurst::route);
      row.each(&StagedBurst::translate);
      row.each(&StagedBurst::forward);
      row.send();
    }
  }
  const uint64_t packets = static_cast<uint64_t>(state.iterations()) * taken.size();
  if (traffic.gateway().forwarded() - before != packets) state.SkipWithError("packets were lost");
  cycles.report(state);
}

// Random live sessions judged as if their first packet came now.
void revalidate(benchmark::State& state, EstablishedTraffic& traffic, uint32_t size) {
  const Snapshot& snapshot = traffic.gateway().snapshot();
  const SessionTable& table = traffic.gateway().sessions();
  std::mt19937_64 random(1);
  StageCycles cycles;
  std::array<SessionHandle, kMostStaged> handles;
  uint64_t refused = 0;
  for (auto _ : state) {
    for (SessionHandle& handle : handles) {
      handle = static_cast<SessionHandle>(random() % table.live());
    }
    cycles.time(size, [&] {
      for (uint32_t i = 0; i < size; ++i) {
        refused += !is_still_allowed(snapshot, table.entry(handles[i]), table.cold(handles[i]));
      }
    });
  }
  if (refused != 0) state.SkipWithError("a session was refused");
  cycles.report(state);
}

// Flows to an egress router with so many lines, each leading somewhere.
constexpr uint16_t kFirstLine = 1024;

std::string with_router(const Scenario& scenario, uint32_t lines) {
  std::string text = scenario.configuration() +
                     "egress_routers = ( { name = \"router\"; namespaces = [ \"space-0\" ];\n"
                     "  listen = \"10.131.255.10\"; source = \"100.127.0.1\"; destinations = [ ";
  for (uint32_t line = 0; line < lines; ++line) {
    text += (line == 0 ? "\"" : ", \"") + std::to_string(kFirstLine + line) + " udp 198.18.0." +
            std::to_string(1 + line % 250) + "\"";
  }
  return text + " ]; } );\n";
}

struct RouterFlows {
  std::unique_ptr<CompiledTables> tables;
  std::vector<Flow> flows;
  Decision source;  // of whom they come
};

bool make_router_flows(uint32_t lines, RouterFlows& made) {
  const Scenario scenario = nat_scenario(1000);
  auto tables = CompiledTables::make(with_router(scenario, lines));
  if (!tables.ok()) return false;
  made.tables = std::move(*tables);
  const Snapshot& snapshot = made.tables->snapshot();
  const auto node = static_cast<NodeIndex>(
      snapshot.nodes_by_vtep.find(Snapshot::node_key(0, Scenario::node_vtep(0))));
  std::mt19937 random(1);
  made.flows.resize(size_t{1} << 16);
  for (Flow& flow : made.flows) {
    flow = {.source = Scenario::pod(0),
            .destination = Ipv4Address{0x0a83ff0a},
            .source_port = static_cast<uint16_t>(random()),
            .destination_port = static_cast<uint16_t>(kFirstLine + random() % lines),
            .protocol = kProtocolUdp,
            .vni = Scenario::kVni,
            .node = node};
  }
  return find_source(snapshot, Scenario::kVni, Scenario::pod(0), node, made.source);
}

void redirect_flows(benchmark::State& state, uint32_t lines, uint32_t size) {
  RouterFlows router;
  if (!make_router_flows(lines, router)) return state.SkipWithError("no tables");
  StageCycles cycles;
  std::array<Decision, kMostStaged> decisions;
  size_t at = 0;
  for (auto _ : state) {
    decisions.fill(router.source);
    cycles.time(size, [&] {
      for (uint32_t i = 0; i < size; ++i) {
        redirect(router.tables->snapshot(), router.flows[at + i], 0, decisions[i]);
      }
    });
    if (!decisions[0].allowed) return state.SkipWithError("a flow was refused");
    at = (at + kMostStaged) % router.flows.size();
  }
  cycles.report(state);
}

}  // namespace

void add_opening_stages(const PacketBench& bench) {
  auto established = std::make_shared<Established>(bench);
  const auto add = [&](const char* stage,
                       void (*run)(benchmark::State&, EstablishedTraffic&, uint32_t)) {
    for (const uint32_t sessions : session_ladder()) {
      for (const uint32_t size : kStageBursts) {
        const std::string name = stage_name(stage, Direction::kOutbound, sessions, size);
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          EstablishedTraffic* traffic = established->get(state, Direction::kOutbound, sessions);
          if (traffic != nullptr) run(state, *traffic, size);
        });
      }
    }
  };
  add("open", open);
  add("revalidate", revalidate);
  for (const uint32_t lines : {1u, 1000u}) {
    for (const uint32_t size : kStageBursts) {
      const std::string name =
          "redirect/lines:" + std::to_string(lines) + "/burst:" + std::to_string(size);
      benchmark::RegisterBenchmark(
          name.c_str(), [=](benchmark::State& state) { redirect_flows(state, lines, size); });
    }
  }
}

}  // namespace postern::bench
