// A gateway on a loop of the test's own, with one worker that does what it is told: text in, tables
// and answers out, without sockets and EAL.
#ifndef POSTERN_TEST_UNIT_CONTROL_GATEWAY_WORLD_H_
#define POSTERN_TEST_UNIT_CONTROL_GATEWAY_WORLD_H_

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/apply/gateway.h"
#include "test/unit/control/fake_loop.h"

namespace postern {

inline constexpr char kHead[] = R"(version = 1;
gateway : { name = "gw-a"; log_level = "%LEVEL%"; };
ports = (
  { name = "underlay"; device = "net_null0"; role = "cluster"; addresses = [ "10.0.0.254/24" ]; },
  { name = "uplink"; device = "net_null1"; role = "external"; addresses = [ "192.0.2.10/24" ];
    gateway = "192.0.2.1"; mtu = %MTU%; }
);
tunnels = ( { name = "overlay"; type = "vxlan"; local = "10.0.0.254"; vni = 100; } );
)";

inline constexpr char kBody[] = R"(
nodes = (
  { name = "node-1"; tunnel = "overlay"; vtep = "10.0.0.1";
    pod_cidrs = [ "10.128.0.0/23", "10.144.0.0/16" ];
    addresses = [ "10.128.0.2" ]; },
  { name = "node-2"; tunnel = "overlay"; vtep = "10.0.0.2"; pod_cidrs = [ "10.128.2.0/23" ]; }
);
namespaces = (
  { name = "payments"; pods = [ "10.128.0.11", "10.128.0.12" ]; },
  { name = "shop"; pods = [ "10.128.2.0/26" ]; }
);
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; },
  { name = "shop-out"; namespaces = [ "shop" ]; addresses = [ "192.0.2.60" ]; }
);
firewall : { default = "allow"; };
)";

inline std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

inline std::string head(std::string_view level = "info", std::string_view mtu = "1500") {
  return replaced(replaced(kHead, "%LEVEL%", level), "%MTU%", mtu);
}

inline Ipv4Address address(std::string_view text) { return *Ipv4Address::parse(text); }

class RecordingResolver : public NextHopResolver {
 public:
  void published(const Snapshot& snapshot, std::span<const NextHop> next_hops) override {
    generations.push_back(snapshot.generation);
    hops.assign(next_hops.begin(), next_hops.end());
  }
  void forget(std::span<const NeighbourSlot> slots) override {
    forgotten.insert(forgotten.end(), slots.begin(), slots.end());
  }
  std::vector<uint64_t> generations;
  std::vector<NextHop> hops;
  std::vector<NeighbourSlot> forgotten;
};

class GatewayWorld : public ::testing::Test {
 protected:
  void SetUp() override {
    config::LoadResult loaded = config::load_text(head() + kBody, "text");
    ASSERT_TRUE(loaded.model) << loaded.errors[0].text();
    ASSERT_TRUE(gateway_.start(*loaded.model).ok());
    settle();
  }
  // Lets everybody do what there is to do.
  void settle() {
    loop_.run_helper();
    worker_.turn();
    loop_.pass(std::chrono::milliseconds(1));
    worker_.turn();
    loop_.pass(std::chrono::milliseconds(1));
    worker_.obey();
    loop_.pass(std::chrono::milliseconds(20));
  }
  ChangeResult apply(std::string text, ChangeOptions options = {}) {
    std::optional<ChangeResult> result;
    gateway_.apply({true, std::move(text)}, options, [&](ChangeResult r) { result = r; });
    settle();
    EXPECT_TRUE(result.has_value());
    return result.value_or(ChangeResult{});
  }
  ChangeResult patch(PodPatch request, ChangeOptions options = {}) {
    std::optional<ChangeResult> result;
    gateway_.patch(std::move(request), options, [&](ChangeResult r) { result = r; });
    settle();
    EXPECT_TRUE(result.has_value());
    return result.value_or(ChangeResult{});
  }
  ChangeResult add(const std::string& name, std::vector<std::string> pods) {
    return patch({.add = {{name, std::move(pods)}}, .remove = {}});
  }
  ChangeResult remove(const std::string& name, std::vector<std::string> pods) {
    return patch({.add = {}, .remove = {{name, std::move(pods)}}});
  }
  SourceSlot slot_of(std::string_view pod) const {
    return gateway_.snapshot().sources->find(100, address(pod));
  }
  // The name of the namespace that an address belongs to now, "-" for none.
  std::string owner(std::string_view pod) const {
    const SourceSlot slot = slot_of(pod);
    if (slot == kNoSource) return "off node";
    const NamespaceIndex index = tables_.source_records.load(slot).namespace_index;
    return index == kNoNamespace ? "-" : gateway_.names().namespaces.at(index);
  }

  FakeLoop loop_;
  PublishedSnapshot published_;
  FakeWorker worker_{&published_};
  Publisher publisher_{&loop_, &published_, {&worker_.channel}};
  SharedTables tables_{kMaxSources, kMaxNextHops + kMaxOnLink, kMaxNodes, 7};
  RecordingResolver resolver_;
  std::vector<config::LogLevel> levels_;
  Gateway gateway_{{.loop = &loop_,
                    .publisher = &publisher_,
                    .tables = &tables_,
                    .resolver = &resolver_,
                    .machine = {{{0, {}}, {1, {}}}, 7},
                    .on_commit = [this](const config::Model& model) {
                      levels_.push_back(model.gateway.log_level);
                    }}};
};

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_CONTROL_GATEWAY_WORLD_H_
