// posternctl's lines against a real server on a socket: what is printed where, and exit codes.
#include "control/ctl/runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>

#include "control/rpc/server.h"
#include "test/unit/control/loop_thread.h"
#include "test/unit/control/temporary_directory.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr int kSessions = 2500;

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    options_.socket_path = directory_.path("s");
    options_.version = "0.1.0";
    options_.access.control_group = getegid();
    add("status", {}, [](const json&, Responder r) {
      r.result({{"name", "gw-a"}, {"sessions", {{"active", 3}, {"max", 8}}}, {"attention", {"x"}}});
    });
    add("sessions.list", {{.name = "limit", .kind = ParamKind::kInteger}, {.name = "cursor"}},
        list_sessions);
    add("config.check", {{.name = "path"}}, [](const json& params, Responder r) {
      const RpcFault fault{.file = params["path"], .line = 3, .path = "nodes", .text = "missing"};
      const bool valid = params["path"] == "/good";
      r.result({{"valid", valid},
                {"errors", valid ? json::array() : to_json({fault})},
                {"warnings", json::array()}});
    });
    add("config.diff", {{.name = "path"}}, [](const json& params, Responder r) {
      json diff = {{"added", json::array()},
                   {"removed", json::array()},
                   {"changed", json::array()},
                   {"needs_restart", json::array()}};
      if (params["path"] == "/new") {
        diff["added"] = {"nodes.node-2", "firewall.rules[3]"};
        diff["changed"] = diff["needs_restart"] = {"ports.uplink"};
        diff["details"] = changed_keys();
      }
      r.result(diff);
    });
    add("config.rollback", {{.name = "revalidate", .kind = ParamKind::kBoolean}},
        [](const json&, Responder r) {
          r.result({{"generation", 8},
                    {"visible_after_us", 512},
                    {"ended", 3},
                    {"diff", {{"changed", {"nodes.node-2"}}}}});
        });
    add("config.confirm", {}, [](const json&, Responder r) { r.result({{"generation", 8}}); });
    add("config.get", {}, [](const json&, Responder r) {
      r.result({{"text", "version = 1;\n\ngateway : { name = \"a\x1b\"; };\n"}, {"generation", 7}});
    });
    add("config.apply", {{.name = "path"}, {.name = "text"}}, [](const json& params, Responder r) {
      const RpcFault fault{
          .file = params.value("path", "text"), .line = 3, .path = "nodes", .text = "missing"};
      r.error(rpc_error(absl::InvalidArgumentError("1 error; nothing was changed"), {fault}));
    });
    add("sessions.top", {{.name = "by"}, {.name = "limit", .kind = ParamKind::kInteger}},
        [](const json& params, Responder r) {
          json row = {{"key", params.contains("by") ? "" : "10.0.0.1"},
                      {"namespace", "web"},
                      {"sessions", 17},
                      {"packets", {{"out", 1}, {"in", 2}}},
                      {"bytes", {{"out", 1'500'000}, {"in", 3'000}}}};
          r.result({{"rows", {row}}});
        });
    add_explain();
    loop_ = std::make_unique<LoopThread>();
    absl::StatusOr<std::unique_ptr<RpcServer>> server =
        RpcServer::start(loop_->base(), &methods_, options_);
    if (server.ok()) server_ = *std::move(server);
    loop_->run();
  }
  ~RunnerTest() override { stop(); }
  void stop() {
    loop_->stop();
    server_.reset();
  }

  static json changed_keys() {
    return {
        {{"path", "ports.uplink"}, {"key", "gateway"}, {"old", nullptr}, {"new", "\"192.0.2.1\""}},
        {{"path", "ports.uplink"}, {"key", "mtu"}, {"old", "1500"}, {"new", "9000"}}};
  }
  static void list_sessions(const json& params, Responder r) {
    const int from = std::stoi(params.value("cursor", "0"));
    const int to = std::min<int>(kSessions, from + params.value("limit", 100));
    json rows = json::array();
    for (int i = from; i < to; ++i) rows.push_back({{"namespace", "ns"}, {"worker", i}});
    r.result({{"rows", rows}, {"cursor", to < kSessions ? json(std::to_string(to)) : json()}});
  }

  void add_explain() {
    add("explain",
        {{.name = "src"},
         {.name = "dst"},
         {.name = "protocol"},
         {.name = "dport", .kind = ParamKind::kInteger},
         {.name = "sport", .kind = ParamKind::kInteger},
         {.name = "node"}},
        explain);
  }
  static void explain(const json& params, Responder r) {
    json steps = {{{"stage", "packet"}, {"text", params.dump()}},
                  {{"stage", "firewall"}, {"text", "why"}, {"file", "/p.cfg"}, {"line", 7}}};
    if (params.value("dport", 0) == 25) {
      r.result({{"verdict", "drop"}, {"reason", "firewall-denied"}, {"steps", steps}});
      return;
    }
    r.result({{"verdict", "forward"},
              {"steps", steps},
              {"translated",
               {{"src", "192.0.2.50"},
                {"dst", params["dst"]},
                {"dport", params.value("dport", 0)},
                {"dscp", 46},
                {"port", "uplink"}}}});
  }

  void add(std::string_view name, std::vector<Param> params, Handler handler) {
    methods_.add({.name = name,
                  .access = Access::kRead,
                  .help = "",
                  .params = std::move(params),
                  .handler = std::move(handler)});
  }

  // Runs the line; out_ and err_ then hold what it printed.
  int run(std::string_view text) {
    out_.str("");
    err_.str("");
    absl::StatusOr<CommandLine> line = parse_line(commands_, *split_words(text));
    const ExitCode code = line.ok() ? runner_.run(*std::move(line)) : runner_.fail(line.status());
    return static_cast<int>(code);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  TemporaryDirectory directory_;
  MethodTable methods_{"0.1.0"};
  RpcServerOptions options_;
  std::unique_ptr<LoopThread> loop_;
  std::unique_ptr<RpcServer> server_;
  const std::vector<Command> commands_ = all_commands();
  std::ostringstream out_;
  std::ostringstream err_;
  Runner runner_{{.commands = &commands_,
                  .out = &out_,
                  .err = &err_,
                  .columns = 0,
                  .socket = directory_.path("s"),
                  .format = Format::kPeople}};
};

TEST_F(RunnerTest, PrintsForPeopleAndForPrograms) {
  EXPECT_EQ(run("status"), 0);
  EXPECT_NE(out().find("gateway     gw-a\n"), std::string::npos) << out();
  EXPECT_NE(out().find("3 of at most 8"), std::string::npos) << out();
  EXPECT_EQ(run("-j status"), 0);
  EXPECT_EQ(json::parse(out())["name"], "gw-a");
  EXPECT_EQ(out().find('\n'), out().size() - 1);
  EXPECT_EQ(run("status -p"), 0);
  EXPECT_EQ(json::parse(out())["sessions"]["max"], 8);
  EXPECT_EQ(err(), "");
}

TEST_F(RunnerTest, HealthAnswersProbes) {
  EXPECT_EQ(run("health"), 0);
  EXPECT_EQ(out(), "ok, but needs attention:\n - x\n");
  EXPECT_EQ(run("-j health"), 0);
  EXPECT_EQ(out(), "{\"attention\":[\"x\"],\"ok\":true}\n");
  stop();
  EXPECT_EQ(run("health"), 4);
}

TEST_F(RunnerTest, FollowsThePages) {
  EXPECT_EQ(run("-j sessions"), 0);
  json all = json::parse(out());
  ASSERT_EQ(all["rows"].size(), size_t{kSessions});
  for (int i = 0; i < kSessions; ++i) ASSERT_EQ(all["rows"][i]["worker"], i);
  EXPECT_EQ(all["cursor"], nullptr);
  EXPECT_EQ(run("-j sessions -n 1500"), 0);
  all = json::parse(out());
  EXPECT_EQ(all["rows"].size(), 1500u);
  EXPECT_EQ(all["cursor"], "1500");
  EXPECT_EQ(run("-p sessions -n 1001"), 0);
  EXPECT_EQ(json::parse(out())["rows"].size(), 1001u);
  EXPECT_EQ(run("sessions"), 0);
  const std::string table = out();
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), kSessions + 1);  // one head
}

TEST_F(RunnerTest, TellsFaultsWithTheirPlaces) {
  EXPECT_EQ(run("config check /bad"), 1);
  EXPECT_EQ(err(), "/bad:3: error: nodes: missing\n");
  EXPECT_EQ(out(), "");
  EXPECT_EQ(run("config check /good"), 0);
  EXPECT_EQ(out(), "/good: ok\n");
  EXPECT_EQ(err(), "");
  EXPECT_EQ(run("-j config check /bad"), 1);
  EXPECT_EQ(json::parse(out())["valid"], false);
  EXPECT_EQ(run("config apply /bad"), 1);
  EXPECT_EQ(err(), "/bad:3: error: nodes: missing\nposternctl: 1 error; nothing was changed\n");
  EXPECT_EQ(run("-j config apply /bad"), 1);
  EXPECT_EQ(json::parse(err())["error"]["code"], 1003);
}

TEST_F(RunnerTest, WhatIsReadFromStandardInputHasAName) {
  std::istringstream in("version = 1;");
  std::streambuf* const before = std::cin.rdbuf(in.rdbuf());
  EXPECT_EQ(run("config apply -"), 1);
  std::cin.rdbuf(before);
  EXPECT_EQ(err(), "<stdin>:3: error: nodes: missing\nposternctl: 1 error; nothing was changed\n");
}

TEST_F(RunnerTest, ShowsDifferences) {
  EXPECT_EQ(run("config diff /new"), 0);
  EXPECT_EQ(out(),
            "+ nodes.node-2\n+ firewall.rules[3]\n~ ports.uplink\n"
            "    gateway: not set -> \"192.0.2.1\"\n    mtu: 1500 -> 9000\n"
            "! needs a restart: ports.uplink\n");
  EXPECT_EQ(run("config diff /same"), 0);
  EXPECT_EQ(out(), "no differences\n");
}

TEST_F(RunnerTest, TellsWhatAChangeDid) {
  EXPECT_EQ(run("config rollback --revalidate"), 0);
  EXPECT_EQ(out(), "~ nodes.node-2\ngeneration 8, in force after 512 us\nended 3 sessions\n");
  EXPECT_EQ(run("config confirm"), 0);
  EXPECT_EQ(out(), "generation 8 stays\n");
}

TEST_F(RunnerTest, PrintsTheConfigurationAsAFile) {
  EXPECT_EQ(run("config show"), 0);
  EXPECT_EQ(out(), "version = 1;\n\ngateway : { name = \"a\\x1b\"; };\n");
  EXPECT_EQ(run("-j config show"), 0);
  EXPECT_EQ(json::parse(out())["generation"], 7);
}

TEST_F(RunnerTest, CallsAnyMethod) {
  EXPECT_EQ(run("rpc status"), 0);
  EXPECT_EQ(json::parse(out())["sessions"]["active"], 3);
  EXPECT_GT(std::count(out_.view().begin(), out_.view().end(), '\n'), 3) << "for people";
  EXPECT_EQ(run("rpc no.such"), 1);
  EXPECT_EQ(err(), "posternctl: no method \"no.such\": rpc.discover lists them\n");
  EXPECT_EQ(run(R"(rpc sessions.list '{"limit": "many"}')"), 1);
  EXPECT_EQ(err(), "posternctl: sessions.list: limit: must be an integer of at least 0\n");
}

TEST_F(RunnerTest, ShowsWhoTakesMost) {
  EXPECT_EQ(run("top -n 1"), 0);
  EXPECT_EQ(out(),
            "POD       NAMESPACE  SESSIONS  PACKETS      BYTES\n"
            "10.0.0.1  web              17      1/2  1.5M/3.0k\n");
  EXPECT_EQ(run("top namespaces"), 0);
  EXPECT_EQ(out(),
            "NAMESPACE  SESSIONS  PACKETS      BYTES\n"
            "(nodes)          17      1/2  1.5M/3.0k\n");
}

TEST_F(RunnerTest, ExplainsPackets) {
  EXPECT_EQ(run("explain 10.0.0.1 203.0.113.5 tcp 443 --sport 5 --node n1"), 0);
  EXPECT_NE(out_.str().find("\"sport\":5"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("\"node\":\"n1\""), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("firewall  /p.cfg:7  why"), std::string::npos) << out_.str();
  EXPECT_TRUE(
      out_.str().ends_with("\nforward: by port uplink as 192.0.2.50 to 203.0.113.5:443, DSCP 46\n"))
      << out_.str();
  EXPECT_EQ(run("explain 10.0.0.1 203.0.113.5 gre"), 0);
  EXPECT_TRUE(
      out_.str().ends_with("\nforward: by port uplink as 192.0.2.50 to 203.0.113.5, DSCP 46\n"))
      << "without a port: " << out_.str();
  EXPECT_EQ(run("explain 10.0.0.1 203.0.113.5 tcp 25"), 3);
  EXPECT_TRUE(out_.str().ends_with("\ndrop: firewall-denied\n")) << out_.str();
  EXPECT_EQ(run("-j explain 10.0.0.1 203.0.113.5 tcp 25"), 3);
  EXPECT_EQ(json::parse(out_.str()).value("reason", ""), "firewall-denied");
  EXPECT_EQ(run("explain 10.0.0.1 203.0.113.5"), 2);
  EXPECT_EQ(run("explain 10.0.0.1 203.0.113.5 tcp https"), 2);
  EXPECT_EQ(err_.str(), "posternctl: DPORT is a number, as 443\n");
}

TEST_F(RunnerTest, WhatIsNotSupportedYetIsAFailure) {
  EXPECT_EQ(run("bugreport -o /tmp/x"), 1);
  EXPECT_EQ(err(), "posternctl: bugreport is not supported yet\n");
}

TEST_F(RunnerTest, SaysWhatToDoWithoutAGateway) {
  EXPECT_EQ(run("-s " + directory_.path("nobody") + " status"), 4);
  EXPECT_EQ(out(), "");
  EXPECT_NE(err().find("no gateway at " + directory_.path("nobody")), std::string::npos) << err();
  EXPECT_NE(err().find("Is postern running?"), std::string::npos) << err();
  EXPECT_EQ(run("sttus"), 2);
}

TEST_F(RunnerTest, ConnectsAgainAfterTheGatewayWasAway) {
  EXPECT_EQ(run("status"), 0);
  stop();
  EXPECT_EQ(run("status"), 4);
  loop_ = std::make_unique<LoopThread>();
  absl::StatusOr<std::unique_ptr<RpcServer>> server =
      RpcServer::start(loop_->base(), &methods_, options_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  loop_->run();
  EXPECT_EQ(run("status"), 0);
}

TEST_F(RunnerTest, ExplainsCommands) {
  EXPECT_EQ(run("help"), 0);
  EXPECT_NE(out().find("namespace add NAME POD..."), std::string::npos);
  EXPECT_EQ(run("help config"), 0);
  EXPECT_NE(out().find("config apply [FILE]"), std::string::npos);
  EXPECT_EQ(out().find("sessions count"), std::string::npos);
  const std::string of_config = out();
  EXPECT_EQ(run("config -h"), 0);
  EXPECT_EQ(out(), of_config);
  EXPECT_EQ(run("sessions --help"), 0);
  EXPECT_TRUE(out().starts_with("usage: posternctl sessions [FILTER...] [-n N]\n")) << out();
  EXPECT_EQ(run("help nothing"), 2);
  EXPECT_EQ(err(), "posternctl: no command \"nothing\"; help lists them\n");
  EXPECT_EQ(run("help sesions"), 2);
  EXPECT_EQ(err(), "posternctl: no command \"sesions\"; did you mean sessions?\n");
  EXPECT_EQ(run("completion bash"), 0);
  EXPECT_NE(out().find("complete -o filenames -F _posternctl posternctl"), std::string::npos);
}

TEST_F(RunnerTest, RepeatsUntilItFails) { EXPECT_EQ(run("-i 0.1 rpc no.such"), 1); }

}  // namespace
}  // namespace postern
