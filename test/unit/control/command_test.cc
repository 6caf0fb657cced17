#include "control/ctl/command.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "control/ctl/help.h"
#include "control/ctl/meant.h"

namespace postern {
namespace {

using nlohmann::json;

class CommandTest : public testing::Test {
 protected:
  CommandLine parsed(std::string_view text) {
    absl::StatusOr<std::vector<std::string>> words = split_words(text);
    EXPECT_TRUE(words.ok()) << text;
    absl::StatusOr<CommandLine> line = parse_line(commands_, *words);
    EXPECT_TRUE(line.ok()) << text << ": " << line.status();
    return line.ok() ? *std::move(line) : CommandLine{};
  }
  std::string usage_error(std::string_view text) {
    absl::StatusOr<CommandLine> line = parse_line(commands_, *split_words(text));
    EXPECT_EQ(line.status().code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(line.status().message());
  }
  // The request that the line makes, as METHOD PARAMS.
  std::string request(std::string_view text) {
    const CommandLine line = parsed(text);
    if (line.command == nullptr) return "";
    absl::StatusOr<json> params = json::object();
    if (line.command->params != nullptr) params = line.command->params(line);
    EXPECT_TRUE(params.ok()) << params.status();
    return std::string(line.command->method) + " " + (params.ok() ? params->dump() : "");
  }

  const std::vector<Command> commands_ = all_commands();
};

TEST_F(CommandTest, EachLineMakesItsRequest) {
  EXPECT_EQ(request("status"), "status {}");
  EXPECT_EQ(request("health"), "status {}");
  EXPECT_EQ(request("sessions"), "sessions.list {}");
  EXPECT_EQ(request("sessions count"), "sessions.count {}");
  EXPECT_EQ(request("sessions src 10.0.0.1 and dst port 443 -n 3"),
            R"(sessions.list {"filter":"src 10.0.0.1 and dst port 443"})");
  EXPECT_EQ(request("sessions count namespace web"),
            R"(sessions.count {"filter":"namespace web"})");
  EXPECT_EQ(request("sessions delete 'not src 10.0.0.1'"),
            R"(sessions.delete {"filter":"not src 10.0.0.1"})");
  EXPECT_EQ(request("show ports"), "ports.list {}");
  EXPECT_EQ(request("show egress-ips payments-out"), R"(egress_ips.list {"name":"payments-out"})");
  EXPECT_EQ(request("drops"), "drops.list {}");
  EXPECT_EQ(request("counters"), "counters.get {}");
  EXPECT_EQ(request("counters drop."), R"(counters.get {"prefix":"drop."})");
  EXPECT_EQ(request("config check /a/../b.cfg"), R"(config.check {"path":"/b.cfg"})");
  EXPECT_EQ(request("config apply --dry-run /b.cfg"),
            R"(config.apply {"dry_run":true,"path":"/b.cfg"})");
  EXPECT_EQ(request("config apply"), "config.apply {}");
  EXPECT_EQ(request("config apply /b.cfg --confirm-timeout 5m --revalidate"),
            R"(config.apply {"confirm_timeout":"5m","path":"/b.cfg","revalidate":true})");
  EXPECT_EQ(request("config confirm"), "config.confirm {}");
  EXPECT_EQ(request("config rollback"), "config.rollback {}");
  EXPECT_EQ(request("config rollback --dry-run --revalidate"),
            R"(config.rollback {"dry_run":true,"revalidate":true})");
  EXPECT_EQ(request("config diff /b.cfg"), R"(config.diff {"path":"/b.cfg"})");
  EXPECT_EQ(request("config diff"), "config.diff {}");
  EXPECT_EQ(request("config show"), "config.get {}");
  EXPECT_EQ(request("namespace add web 10.0.0.1 10.0.1.0/26"),
            R"(namespaces.patch {"add":{"web":["10.0.0.1","10.0.1.0/26"]}})");
  EXPECT_EQ(request("namespace remove web 10.0.0.1"),
            R"(namespaces.patch {"remove":{"web":["10.0.0.1"]}})");
  EXPECT_EQ(request("top"), "sessions.top {}");
  EXPECT_EQ(request("top egress-ips -n 3"), R"(sessions.top {"by":"egress-ips","limit":3})");
  EXPECT_EQ(request("log debug"), R"(log.set {"level":"debug"})");
  EXPECT_EQ(request("shutdown"), "shutdown {}");
  EXPECT_EQ(request(R"(rpc counters.get '{"prefix": "drop."}')"), R"( {"prefix":"drop."})");
}

TEST_F(CommandTest, RelativePathsAreSentAbsolute) {
  const std::string text = request("config check postern.cfg");
  EXPECT_TRUE(text.starts_with(R"(config.check {"path":"/)")) << text;
  EXPECT_TRUE(text.ends_with("/postern.cfg\"}")) << text;
}

TEST_F(CommandTest, GeneralOptionsMayStandAnywhere) {
  for (const char* text : {"-s /x -j -i 2.5 sessions -n 7", "sessions -n 7 -i 2.5 -j -s /x"}) {
    const CommandLine line = parsed(text);
    ASSERT_NE(line.command, nullptr);
    EXPECT_EQ(line.command->words, "sessions");
    EXPECT_EQ(line.socket, "/x");
    EXPECT_EQ(line.format, Format::kJson);
    EXPECT_EQ(line.interval_s, 2.5);
    EXPECT_EQ(line.options.at("-n"), "7");
  }
  EXPECT_EQ(parsed("-p status").format, Format::kPretty);
  EXPECT_TRUE(parsed("--version").wants_version);
  EXPECT_TRUE(parsed("namespace add --help").wants_help);  // before its arguments are there
  EXPECT_EQ(parsed("").command, nullptr);
  EXPECT_EQ(parsed("counters -- -j").arguments, std::vector<std::string>{"-j"});
}

TEST_F(CommandTest, UsageErrorsSayWhatWouldBeRight) {
  EXPECT_EQ(usage_error("sttus"), "no command \"sttus\"; did you mean status?");
  EXPECT_EQ(usage_error("confg check"), "no command \"confg\"; did you mean config check?");
  EXPECT_EQ(usage_error("show prots"), "no command \"show prots\"; did you mean show ports?");
  EXPECT_EQ(usage_error("show xyzzy").substr(0, 47),
            "no command \"show xyzzy\"; say one of: show ports");
  EXPECT_EQ(usage_error("nodes"), "no command \"nodes\"; did you mean show nodes?");
  EXPECT_EQ(usage_error("egress-ip"), "no command \"egress-ip\"; did you mean show egress-ips?");
  EXPECT_EQ(usage_error("aply x.cfg"), "no command \"aply\"; did you mean config apply?");
  EXPECT_EQ(usage_error("sesions count"), "no command \"sesions\"; did you mean sessions count?");
  EXPECT_EQ(usage_error("nmespace add a 10.0.0.1"),
            "no command \"nmespace\"; did you mean namespace add?");
  EXPECT_EQ(usage_error("xyzzy"), "no command \"xyzzy\"; help lists them");
  EXPECT_EQ(usage_error("config"),
            "say one of: config check, config diff, config show, config apply, "
            "config confirm, config rollback");
  EXPECT_EQ(usage_error("namespace add"),
            "usage: posternctl namespace add NAME POD... [--dry-run]");
  EXPECT_EQ(usage_error("namespace add web"),
            "usage: posternctl namespace add NAME POD... [--dry-run]");
  EXPECT_EQ(usage_error("sessions delete"), "usage: posternctl sessions delete FILTER...");
  EXPECT_EQ(usage_error("status twice"), "usage: posternctl status");
  EXPECT_EQ(usage_error("status --no-such"), "no option --no-such; usage: posternctl status");
  EXPECT_EQ(usage_error("status -n 3"), "no option -n; usage: posternctl status");
  EXPECT_EQ(usage_error("sessions -n"), "-n takes a value");
  EXPECT_EQ(usage_error("sessions -n many"), "-n takes a number of at least 1");
  EXPECT_EQ(usage_error("sessions -n 0"), "-n takes a number of at least 1");
  EXPECT_EQ(usage_error("-i 0 status"), "-i takes seconds from 0.1 to 86400");
  EXPECT_EQ(usage_error("-i nan status"), "-i takes seconds from 0.1 to 86400");
  EXPECT_EQ(usage_error("config apply --dry-run=yes x"), "--dry-run takes no value");
  EXPECT_EQ(usage_error("log loud"), "LEVEL is one of: error, warn, info, debug");
  EXPECT_EQ(usage_error("\033[31m"), "no command \"\\x1b[31m\"; help lists them");
}

// What begins so comes before what is spelled nearly so; nothing near is nothing.
TEST_F(CommandTest, SuggestsWhatBeginsSo) {
  EXPECT_EQ(usage_error("foo"), "no command \"foo\"; help lists them");
  EXPECT_EQ(usage_error("p drain"), "no command \"p\"; help lists them");
  EXPECT_EQ(usage_error("stat"), "no command \"stat\"; did you mean status?");
  EXPECT_EQ(usage_error("show po"), "no command \"show po\"; did you mean show ports?");
  EXPECT_EQ(usage_error("show n"),
            "no command \"show n\"; say one of: show nodes, show namespaces");
  EXPECT_EQ(usage_error("co"),
            "no command \"co\"; say one of: counters, config check, config diff, config show, "
            "config apply, config confirm, config rollback, completion");
  EXPECT_EQ(usage_error("drian"), "no command \"drian\"; did you mean drain?");
}

TEST_F(CommandTest, HelpIsForTheFirstWordOfSeveralToo) {
  const CommandLine line = parsed("config -h");
  EXPECT_TRUE(line.wants_help);
  EXPECT_EQ(line.arguments, std::vector<std::string>{"config"});
  EXPECT_EQ(usage_error("xyzzy -h"), "no command \"xyzzy\"; help lists them");
}

// Whatever of the interface is not there yet says so, with its options and whatever follows.
TEST_F(CommandTest, WhatIsNotSupportedYetIsNoUsageError) {
  for (const char* text : {"events sessions", "explain 10.0.0.1 1.1.1.1 tcp 443 --node a",
                           "trace src 10.0.0.1 -n 3 --drops", "capture uplink -w /tmp/x --drops",
                           "drain 192.0.2.50 --deadline 60s", "bugreport -o /tmp/x"}) {
    const absl::StatusOr<CommandLine> line = parse_line(commands_, *split_words(text));
    if (line.ok()) {  // there by now
      EXPECT_FALSE(line->command->help.empty()) << text;
      continue;
    }
    EXPECT_EQ(line.status().code(), absl::StatusCode::kUnimplemented) << text;
    EXPECT_NE(line.status().message().find("is not supported yet"), std::string::npos);
    for (const Command& command : commands_) {
      EXPECT_FALSE(std::string_view(text).starts_with(std::string(command.words) + " ")) << text;
    }
  }
  EXPECT_EQ(usage_error("evnts"), "no command \"evnts\"; help lists them");
}

TEST_F(CommandTest, EveryCommandOfTheInterfaceIsKnown) {
  for (const char* text : {"status",
                           "health",
                           "show ports",
                           "show workers",
                           "show tunnels",
                           "show nodes",
                           "show namespaces",
                           "show egress-ips",
                           "show egress-routers",
                           "show firewall",
                           "show firewall web",
                           "sessions",
                           "sessions count",
                           "sessions delete tcp",
                           "drops",
                           "counters nat.",
                           "explain 10.0.0.1 1.1.1.1 icmp",
                           "top pods",
                           "top namespaces",
                           "top destinations",
                           "top egress-ips",
                           "config check",
                           "config diff",
                           "config show",
                           "config confirm",
                           "config rollback",
                           "config apply /x",
                           "namespace add web 10.0.0.1",
                           "namespace remove web 10.0.0.1",
                           "log info",
                           "rpc status {}",
                           "completion zsh"}) {
    EXPECT_NE(parsed(text).command, nullptr) << text;
  }
  EXPECT_EQ(usage_error("top routers"),
            "no \"routers\"; say one of: pods, namespaces, destinations, egress-ips");
}

TEST_F(CommandTest, RpcTakesAnObject) {
  const CommandLine line = parsed("rpc status [1]");
  EXPECT_EQ(line.command->params(line).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CommandTest, TheTableIsWhole) {
  std::set<std::string_view> words;
  for (const Command& command : commands_) {
    EXPECT_TRUE(words.insert(command.words).second) << command.words << " is there twice";
    EXPECT_TRUE(command.help.ends_with('.')) << command.words << ": help is a sentence";
    EXPECT_TRUE(command.print == nullptr || !command.method.empty()) << command.words;
    for (size_t i = 0; i + 1 < command.arguments.size(); ++i) {
      EXPECT_FALSE(command.arguments[i].repeated) << command.words;
      EXPECT_LE(command.arguments[i].optional, command.arguments[i + 1].optional);
    }
  }
}

TEST_F(CommandTest, HelpNamesEveryCommandAndOption) {
  const std::string all = help_text(commands_);
  for (const Command& command : commands_) {
    EXPECT_NE(all.find("  " + synopsis(command) + " "), std::string::npos) << command.words;
    const std::string one = help_text(command);
    EXPECT_NE(one.find(command.help), std::string::npos);
    for (const Option& option : command.options) {
      EXPECT_NE(one.find(option.help), std::string::npos) << option.name;
    }
  }
  EXPECT_NE(all.find("-s SOCKET"), std::string::npos);
  EXPECT_NE(all.find("4 no gateway"), std::string::npos);
}

TEST(SplitWords, KeepsTogetherWhatIsQuoted) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(*split_words("  a  b\tc\r"), (Words{"a", "b", "c"}));
  EXPECT_EQ(*split_words(R"(rpc m '{"a": "b c"}')"), (Words{"rpc", "m", R"({"a": "b c"})"}));
  EXPECT_EQ(*split_words(R"("a \" b" c\ d '' "e"f)"), (Words{"a \" b", "c d", "", "ef"}));
  EXPECT_EQ(*split_words(""), Words{});
  EXPECT_FALSE(split_words("a 'b").ok());
  EXPECT_FALSE(split_words("\"").ok());
}

TEST(Nearest, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("stauts", {"status", "sessions"}), "status");
  EXPECT_EQ(nearest("session", {"status", "sessions"}), "sessions");
  EXPECT_EQ(nearest("zzz", {"status", "sessions"}), "");
  EXPECT_EQ(nearest(std::string(100000, 'x'), {"status"}), "");
}

}  // namespace
}  // namespace postern
