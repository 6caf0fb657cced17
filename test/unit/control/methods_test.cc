// The methods as a client sees them: parameters in, JSON out, without a socket and without EAL.
#include "control/methods/methods.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/table/tcp_state.h"
#include "dataplane/wire/drop_facts.h"
#include "test/unit/control/fake_loop.h"
#include "test/unit/control/known_names.h"

namespace postern {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr char kText[] = R"(version = 1;
gateway : { name = "gw-a"; };
ports = (
  { name = "underlay"; device = "net_null0"; role = "cluster"; addresses = [ "10.0.0.254/24" ]; },
  { name = "uplink"; device = "net_null1"; role = "external"; addresses = [ "192.0.2.10/24" ];
    gateway = "192.0.2.1"; }
);
tunnels = ( { name = "overlay"; type = "vxlan"; local = "10.0.0.254"; vni = 100; } );
nodes = ( { name = "node-1"; tunnel = "overlay"; vtep = "10.0.0.1";
            pod_cidrs = [ "10.128.0.0/23" ]; } );
namespaces = ( { name = "payments"; pods = [ "10.128.0.11", "10.128.0.12" ]; } );
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; } );
sessions : { max = 65536; };
)";

Ipv4Address address(std::string_view text) { return *Ipv4Address::parse(text); }

class SilentSender : public FrameSender {
 public:
  bool send(uint16_t, std::span<const std::byte>) override { return true; }
};

class MethodsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    config::LoadResult loaded = config::load_text(kText, "text");
    ASSERT_TRUE(loaded.model) << loaded.errors[0].text();
    ASSERT_TRUE(gateway_.start(*loaded.model).ok());
    context_.version = "0.1.0";
    context_.dpdk = "DPDK 22.11";
    context_.gateway = &gateway_;
    context_.loop = &loop_;
    context_.log = &log_;
    context_.neighbours = &neighbours_;
    context_.host_names = &names_.host_names;
    context_.rates = &rates_;
    for (size_t i = 0; i < 2; ++i) {
      context_.workers.push_back({.cpu = static_cast<uint32_t>(i + 2),
                                  .counters = &counters_[i],
                                  .accounts = &accounts_[i],
                                  .channel = &workers_[i].channel});
    }
    for (const bool up : {true, false}) {
      context_.ports.push_back({.driver = "net_null",
                                .mac = {{2, 0, 0, 0, 0, 1}},
                                .steering = [] { return std::string("inner-rss"); },
                                .link =
                                    [up] {
                                      return PortLink{up, 10'000};
                                    },
                                .statistics = [] { return PortStatistics{.missed = 3}; }});
    }
    context_.now_ms = [this] { return now_ms_; };
    context_.rpc_counts = [] { return RpcCounts{17, 2}; };
    context_.buffers_in_use = [] { return 512u; };
    context_.shutdown = [this] { shut_down_ = true; };
    add_methods(methods_, context_);
    settle();
  }

  void settle() {
    for (int i = 0; i < 4; ++i) {
      loop_.run_helper();
      for (FakeWorker& worker : workers_) worker.turn();
      serve_copies();
      loop_.pass(milliseconds(20));
    }
  }

  // What workers do with the commands: copy out of `sessions_`, handles being positions.
  void serve_copies() {
    for (size_t i = 0; i < 2; ++i) {
      WorkerCommand command;
      while (workers_[i].channel.commands.pop(command)) {
        if (command.kind == WorkerCommand::Kind::kPurge) {
          workers_[i].channel.purges_finished.fetch_add(1);
          continue;
        }
        SessionCopyRequest& request = *command.copy;
        request.next = request.first;
        while (request.next < sessions_[i].size() && request.out->size() < request.limit) {
          SessionCopy copy = sessions_[i][request.next];
          copy.handle = request.next++;
          if (copy.entry.live()) request.out->push_back(copy);
        }
        request.done.store(true);
      }
    }
  }

  // The answer to a call: {"result": ...} or {"error": ...}.
  json call(const std::string& name, const json& params = json::object()) {
    const Method* method = methods_.find(name);
    EXPECT_NE(method, nullptr) << name;
    const std::optional<RpcError> fault = check_params(*method, params);
    if (fault) return {{"error", to_json(*fault)}};
    std::optional<json> answer;
    method->handler(params, Responder("1", Peer{}, [&](const std::string& line, bool) {
                      answer = json::parse(line);
                    }));
    settle();
    EXPECT_TRUE(answer.has_value()) << name;
    return answer.value_or(json());
  }
  json result(const std::string& name, const json& params = json::object()) {
    const json answer = call(name, params);
    EXPECT_TRUE(answer.contains("result")) << answer.dump();
    return answer.value("result", json());
  }
  int error_code(const std::string& name, const json& params) {
    const json answer = call(name, params);
    return answer.contains("error") ? answer["error"]["code"].get<int>() : 0;
  }

  // A session as a worker's table would hold it.
  SessionCopy session(std::string_view pod, uint8_t protocol, uint16_t sport, uint16_t dport) {
    SessionCopy copy{};
    SessionEntry& entry = copy.entry;
    entry.source_ip = address(pod).wire();
    entry.vni_protocol = OutboundKey::pack(100, protocol);
    entry.remote_ip = address("203.0.113.9").wire();
    entry.remote_port = Be16(dport);
    entry.source_port = Be16(sport);
    entry.egress_ip = address("192.0.2.50").wire();
    entry.egress_port = Be16(40'000);
    entry.address_slot =
        static_cast<uint16_t>(*gateway_.books().addresses.find(address("192.0.2.50").value));
    const SourceSlot slot = gateway_.snapshot().sources->find(100, address(pod));
    entry.source_slot_epoch = slot | uint32_t{tables_.source_records.load(slot).epoch} << 24;
    entry.flags = kSessionLive;
    entry.expires_s = 1000 + 290 + 1;
    entry.outbound_packets = 3;
    entry.outbound_bytes = 300;
    entry.inbound_packets = 2;
    entry.inbound_bytes = 200;
    copy.cold.created_ticks = static_cast<uint32_t>(900'000 >> ColdSession::kTickShift);
    copy.copied_at_ms = 1'000'000;
    return copy;
  }

  FakeLoop loop_;
  PublishedSnapshot published_;
  std::array<FakeWorker, 2> workers_{FakeWorker{&published_}, FakeWorker{&published_}};
  Publisher publisher_{&loop_, &published_, {&workers_[0].channel, &workers_[1].channel}};
  SharedTables tables_{kMaxSources, kMaxNextHops + kMaxOnLink, kMaxNodes, 7};
  SilentSender sender_;
  Neighbours neighbours_{&loop_,
                         &tables_.neighbours,
                         &sender_,
                         {{"underlay",
                           {{2, 0, 0, 0, 0, 1}},
                           false,
                           {{address("10.0.0.254"), *Ipv4Prefix::parse("10.0.0.0/24")}}},
                          {"uplink",
                           {{2, 0, 0, 0, 0, 2}},
                           true,
                           {{address("192.0.2.10"), *Ipv4Prefix::parse("192.0.2.0/24")}}}}};
  Gateway gateway_{{.loop = &loop_,
                    .publisher = &publisher_,
                    .tables = &tables_,
                    .resolver = &neighbours_,
                    .machine = {{{0, {}}, {1, {}}}, 7},
                    .on_commit = {}}};
  KnownNames names_{&loop_};
  Log log_{-1};
  std::array<Counters, 2> counters_;
  std::array<SessionAccounts, 2> accounts_{SessionAccounts(kMaxNamespaces, kMaxAddresses),
                                           SessionAccounts(kMaxNamespaces, kMaxAddresses)};
  std::array<std::vector<SessionCopy>, 2> sessions_;
  Rates rates_{{&counters_[0], &counters_[1]}};
  MethodContext context_;
  MethodTable methods_{"0.1.0"};
  uint64_t now_ms_ = 1'000'000;
  bool shut_down_ = false;
};

TEST_F(MethodsTest, StatusHasWhatIsPromised) {
  counters_[0].session_created.add(5);
  counters_[1].session_created.add(4);
  counters_[1].session_expired.add(2);
  const json status = result("status");
  EXPECT_EQ(status["name"], "gw-a");
  EXPECT_EQ(status["version"], "0.1.0");
  EXPECT_EQ(status["dpdk"], "DPDK 22.11");
  EXPECT_EQ(status["uptime_s"], 1000);
  EXPECT_EQ(status["generation"], 1);
  EXPECT_EQ(status["sessions"], (json{{"active", 7}, {"max", 65536}}));
  ASSERT_EQ(status["ports"].size(), 2u);
  EXPECT_EQ(status["ports"][0]["role"], "cluster");
  EXPECT_EQ(status["ports"][1]["link"], "down");
  ASSERT_EQ(status["workers"].size(), 2u);
  EXPECT_EQ(status["workers"][1]["cpu"], 3);
  ASSERT_FALSE(status["attention"].empty());
  EXPECT_EQ(status["attention"][0],
            "the link of port uplink is down: no session can start by it; check the cable and the "
            "other end");
}

TEST_F(MethodsTest, NamesThatFailNeedAttentionAndAreCounted) {
  names_.host_names.want({"db.example.com", "api.example.com"});
  names_.known = {{"api.example.com", {{address("203.0.113.9")}, 60, ""}}};
  names_.host_names.tick();
  const json attention = result("status")["attention"];
  ASSERT_FALSE(attention.empty());
  EXPECT_EQ(attention.back(),
            "the name db.example.com has not been resolved since 2027-01-15T08:00:00Z: the name "
            "does not exist; it has no address, what needs it is refused");
  EXPECT_EQ(result("counters.get")["names.asked"], 2);
  EXPECT_EQ(result("counters.get")["names.failed"], 1);
}

TEST_F(MethodsTest, CountersHaveEveryDocumentedName) {
  const json all = result("counters.get");
  for (const char* name : {"packets.received",
                           "packets.made",
                           "packets.forwarded",
                           "packets.answered",
                           "packets.dropped",
                           "packets.held",
                           "port.uplink.received",
                           "port.underlay.forwarded",
                           "port.uplink.missed",
                           "drop.no-session",
                           "drop.cluster-destination",
                           "session.created",
                           "session.expired",
                           "session.deleted",
                           "session.active",
                           "session.active.payments",
                           "nat.port_failures",
                           "nat.ports_used.192.0.2.50.tcp",
                           "nat.ports_used.192.0.2.50.udp",
                           "nat.ports_used.192.0.2.50.icmp",
                           "quota.refused.payments",
                           "fragment.held",
                           "fragment.followed",
                           "icmp.error_translated",
                           "icmp.error_sent",
                           "handover.packets",
                           "handover.bursts",
                           "session.foreign_shard",
                           "names.asked",
                           "names.failed",
                           "control.requests",
                           "control.errors",
                           "mbuf.in_use"}) {
    EXPECT_TRUE(all.contains(name)) << name;
    EXPECT_TRUE(all[name].is_number_unsigned()) << name;
  }
  for (size_t i = 0; i < kReasonCount; ++i) {
    const std::string_view reason = describe(static_cast<Reason>(i)).name;
    EXPECT_TRUE(all.contains("drop." + std::string(reason))) << reason;
  }
}

TEST_F(MethodsTest, CountersAreSumsOverWorkers) {
  counters_[0].received.add(10);
  counters_[1].received.add(5);
  counters_[0].ports[1].forwarded.add(4);
  counters_[1].drops[static_cast<size_t>(Reason::kNoPolicy)].add(3);
  counters_[0].session_created.add(9);
  counters_[0].session_deleted.add(2);
  counters_[1].session_expired.add(1);
  accounts_[0].active[*gateway_.books().namespaces.find("payments")].add(6);
  const uint32_t slot = *gateway_.books().addresses.find(address("192.0.2.50").value);
  accounts_[1].ports_used[slot][SessionAccounts::kUdp].add(8);
  const json all = result("counters.get");
  EXPECT_EQ(all["packets.received"], 15);
  EXPECT_EQ(all["port.uplink.forwarded"], 4);
  EXPECT_EQ(all["port.uplink.missed"], 3);
  EXPECT_EQ(all["drop.no-policy"], 3);
  EXPECT_EQ(all["session.active"], 6);
  EXPECT_EQ(all["session.active.payments"], 6);
  EXPECT_EQ(all["nat.ports_used.192.0.2.50.udp"], 8);
  EXPECT_EQ(all["control.requests"], 17);
  EXPECT_EQ(all["mbuf.in_use"], 512);
  const json some = result("counters.get", {{"prefix", "session."}});
  EXPECT_EQ(some.size(), 6u);
  EXPECT_TRUE(some.contains("session.created"));
}

TEST_F(MethodsTest, DropsSayWhyAndWhoWasLast) {
  EXPECT_TRUE(result("drops.list")["rows"].empty());
  const auto index = static_cast<size_t>(Reason::kSourceUnknown);
  rates_.sample(995'000);
  counters_[0].drops[index].add(30);
  counters_[1].drops[index].add(20);
  counters_[1].drops[static_cast<size_t>(Reason::kNoSession)].add(70);
  rates_.sample(1'000'000);
  counters_[0].last_drops[index].write({.at_ms = 990'000});
  counters_[1].last_drops[index].write({.at_ms = 998'000,
                                        .source = address("10.128.0.99").wire(),
                                        .destination = address("203.0.113.9").wire(),
                                        .source_port = Be16(4000),
                                        .destination_port = Be16(443),
                                        .protocol = kProtocolTcp,
                                        .has_addresses = 1,
                                        .port = 0});
  const json rows = result("drops.list")["rows"];
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["reason"], "no-session");
  EXPECT_TRUE(rows[0]["last"].is_null());
  EXPECT_EQ(rows[1]["reason"], "source-unknown");
  EXPECT_EQ(rows[1]["count"], 50);
  EXPECT_EQ(rows[1]["per_second"], 10.0);
  EXPECT_FALSE(rows[1]["advice"].get<std::string>().empty());
  EXPECT_EQ(rows[1]["last"], (json{{"src", "10.128.0.99"},
                                   {"dst", "203.0.113.9"},
                                   {"protocol", "tcp"},
                                   {"sport", 4000},
                                   {"dport", 443},
                                   {"port", "underlay"},
                                   {"age_s", 2}}));
}

// A frame that is no IP packet has an EtherType in place of protocol and ports.
TEST_F(MethodsTest, DropsNameTheEtherType) {
  const auto last = [this](const DropSample& sample) {
    const auto index = static_cast<size_t>(Reason::kNotForUs);
    counters_[0].drops[index].add(1);
    counters_[0].last_drops[index].write(sample);
    return result("drops.list")["rows"][0]["last"];
  };
  DropSample sample{.at_ms = 1'000'000,
                    .source = address("10.128.0.9").wire(),
                    .destination = address("10.128.255.254").wire(),
                    .source_port = Be16(0x86dd),
                    .has_addresses = kKnowsEtherType};
  EXPECT_EQ(last(sample), (json{{"ethertype", "0x86dd"}, {"port", "underlay"}, {"age_s", 0}}));
  sample.source_port = Be16(0x0806);
  sample.has_addresses = kKnowsEtherType | kKnowsAddresses;
  EXPECT_EQ(last(sample), (json{{"ethertype", "0x0806"},
                                {"src", "10.128.0.9"},
                                {"dst", "10.128.255.254"},
                                {"port", "underlay"},
                                {"age_s", 0}}));
}

TEST_F(MethodsTest, ASessionRowHasTheDocumentedShape) {
  sessions_[1].push_back(session("10.128.0.11", kProtocolUdp, 5000, 53));
  const json answer = result("sessions.list");
  EXPECT_TRUE(answer["cursor"].is_null());
  ASSERT_EQ(answer["rows"].size(), 1u);
  EXPECT_EQ(
      answer["rows"][0],
      (json{{"namespace", "payments"},
            {"protocol", "udp"},
            {"state", "active"},
            {"original",
             {{"src", "10.128.0.11"}, {"sport", 5000}, {"dst", "203.0.113.9"}, {"dport", 53}}},
            {"translated",
             {{"src", "192.0.2.50"}, {"sport", 40000}, {"dst", "203.0.113.9"}, {"dport", 53}}},
            {"node", "node-1"},
            {"worker", 1},
            {"age_s", 100},
            {"idle_s", 10},
            {"expires_in_s", 290},
            {"packets", {{"out", 3}, {"in", 2}}},
            {"bytes", {{"out", 300}, {"in", 200}}}}));
}

TEST_F(MethodsTest, StatesAndProtocolsHaveTheirWords) {
  sessions_[0].push_back(session("10.128.0.11", kProtocolTcp, 5000, 443));
  sessions_[0].push_back(session("10.128.0.11", kProtocolTcp, 5001, 443));
  sessions_[0][1].entry.flags |= static_cast<uint16_t>(TcpState::kEstablished);
  sessions_[0].push_back(session("10.128.0.11", kProtocolIcmp, 77, 0));
  sessions_[0].push_back(session("10.128.0.11", 47, 0, 0));
  const json rows = result("sessions.list")["rows"];
  EXPECT_EQ(rows[0]["state"], "new");
  EXPECT_EQ(rows[1]["state"], "established");
  EXPECT_EQ(rows[2]["protocol"], "icmp");
  EXPECT_EQ(rows[2]["original"]["sport"], 77);
  EXPECT_EQ(rows[2]["original"]["dport"], 0);
  EXPECT_EQ(rows[3]["protocol"], "47");
}

TEST_F(MethodsTest, PagesShowEverySessionOnce) {
  for (uint16_t i = 0; i < 50; ++i) {
    sessions_[i % 2].push_back(session("10.128.0.11", kProtocolUdp, i, 53));
  }
  sessions_[0][3].entry.flags = 0;  // a free place in the table
  std::vector<int> seen;
  json params = {{"limit", 7}};
  for (int page = 0; page < 20; ++page) {
    const json answer = result("sessions.list", params);
    for (const json& row : answer["rows"]) seen.push_back(row["original"]["sport"].get<int>());
    if (answer["cursor"].is_null()) break;
    params["cursor"] = answer["cursor"];
  }
  EXPECT_EQ(seen.size(), 49u);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST_F(MethodsTest, SessionsOfARemovedPodAreNotListed) {
  sessions_[0].push_back(session("10.128.0.11", kProtocolUdp, 1, 53));
  sessions_[0].push_back(session("10.128.0.12", kProtocolUdp, 2, 53));
  result("namespaces.patch", {{"remove", {{"payments", {"10.128.0.11"}}}}});
  const json rows = result("sessions.list")["rows"];
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["original"]["src"], "10.128.0.12");
}

TEST_F(MethodsTest, RefusesParametersThatMakeNoSense) {
  EXPECT_EQ(error_code("sessions.list", {{"limit", 0}}), kRpcInvalidParams);
  EXPECT_EQ(error_code("sessions.list", {{"cursor", "elsewhere"}}), kRpcInvalidParams);
  EXPECT_EQ(error_code("config.apply", {{"text", ""}, {"path", "/x"}}), kRpcInvalidParams);
  EXPECT_EQ(error_code("namespaces.patch", {{"reset", true}, {"add", {{"payments", {"1.2.3.4"}}}}}),
            kRpcInvalidParams);
  EXPECT_EQ(error_code("log.set", {{"level", "loud"}}), kRpcInvalidParams);
}

TEST_F(MethodsTest, ChecksAndAppliesText) {
  const json good = result("config.check", {{"text", kText}});
  EXPECT_EQ(good["valid"], true);
  EXPECT_TRUE(good["errors"].empty());
  const json bad = result("config.check", {{"text", "version = 2;\n"}});
  EXPECT_EQ(bad["valid"], false);
  ASSERT_FALSE(bad["errors"].empty());
  for (const char* member : {"file", "line", "path", "text", "hint"}) {
    EXPECT_TRUE(bad["errors"][0].contains(member)) << member;
  }
  EXPECT_EQ(gateway_.generation(), 1u);
  const json applied = result("config.apply", {{"text", kText}});
  EXPECT_EQ(applied["generation"], 2);
  EXPECT_TRUE(applied.contains("visible_after_us"));
  const json refused = call("config.apply", {{"text", "version = 2;\n"}});
  EXPECT_EQ(refused["error"]["code"], 1003);
  EXPECT_FALSE(refused["error"]["data"]["errors"].empty());
  EXPECT_EQ(error_code("config.apply", {{"text", kText}, {"if_generation", 1}}), 1009);
  std::string other = kText;
  other.replace(other.find("65536"), 5, "70000");
  const json restart = call("config.apply", {{"text", other}});
  EXPECT_EQ(restart["error"]["code"], 1009);
  EXPECT_EQ(restart["error"]["data"]["errors"][0]["path"], "sessions.max");
}

TEST_F(MethodsTest, WithoutASourceTheFileOfTheStartIsMeant) {
  context_.config_path = "/nonexistent/start.cfg";
  const json refused = call("config.apply");
  EXPECT_EQ(refused["error"]["code"], 1003);
  EXPECT_EQ(refused["error"]["data"]["errors"][0]["file"], "/nonexistent/start.cfg");
}

TEST_F(MethodsTest, PatchesPods) {
  const json answer = result("namespaces.patch", {{"add", {{"payments", {"10.128.0.77"}}}}});
  EXPECT_EQ(answer["changed"], 1);
  EXPECT_EQ(answer["generation"], 2);
  EXPECT_EQ(error_code("namespaces.patch", {{"add", {{"nobody", {"10.128.0.78"}}}}}), 1005);
  EXPECT_EQ(error_code("namespaces.patch", {{"add", {{"payments", {"nonsense"}}}}}), 1003);
}

TEST_F(MethodsTest, SetsTheLogAndShutsDown) {
  EXPECT_EQ(result("log.set", {{"level", "debug"}})["level"], "debug");
  EXPECT_EQ(log_.level(), config::LogLevel::kDebug);
  result("shutdown");
  EXPECT_TRUE(shut_down_);
}

}  // namespace
}  // namespace postern
