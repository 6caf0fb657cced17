#include "control/ctl/display.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "control/ctl/answers.h"
#include "control/ctl/faults.h"

namespace postern {
namespace {

using nlohmann::json;

const std::vector<Column> kColumns = {{.title = "NAME"},
                                      {.title = "COUNT", .to_the_right = true, .rank = 1},
                                      {.title = "NOTE", .rank = 2}};

TEST(Table, AlignsItsColumns) {
  std::ostringstream out;
  Display(out).table(kColumns, {{"a", "7", "x"}, {"longer", "123456", ""}});
  EXPECT_EQ(out.str(),
            "NAME     COUNT  NOTE\n"
            "a            7  x\n"
            "longer  123456\n");
}

TEST(Table, TheLeastImportantColumnsGiveWay) {
  const std::vector<Row> rows = {{"a", "7", "a long note"}};
  std::ostringstream wide, narrow, tiny;
  Display(wide, 24).table(kColumns, rows);
  EXPECT_EQ(wide.str(), "NAME  COUNT  NOTE\na         7  a long note\n");
  Display(narrow, 23).table(kColumns, rows);
  EXPECT_EQ(narrow.str(), "NAME  COUNT\na         7\n");
  Display(tiny, 3).table(kColumns, rows);
  EXPECT_EQ(tiny.str(), "NAME\na\n");  // a column of rank 0 stays
}

TEST(Table, PagesGoOnUnderOneHead) {
  std::ostringstream out;
  Display display(out);
  display.table(kColumns, {{"abcdef", "1", ""}});
  display.table(kColumns, {{"b", "2", ""}});
  display.line("--");
  display.table(kColumns, {{"c", "3", ""}});
  EXPECT_EQ(out.str(),
            "NAME    COUNT  NOTE\n"
            "abcdef      1\n"
            "b           2\n"
            "--\n"
            "NAME  COUNT  NOTE\n"
            "c         3\n");
}

TEST(Table, CountsCharactersAndNotBytes) {
  std::ostringstream out;
  Display(out).table(kColumns, {{"é", "1", "x"}, {"ab", "2", "y"}});
  EXPECT_EQ(out.str(), "NAME  COUNT  NOTE\né         1  x\nab        2  y\n");
}

TEST(Table, SaysHowManyColumnsGaveWay) {
  std::ostringstream narrow, tiny, none;
  Display display(narrow, 23);
  EXPECT_EQ(display.table(kColumns, {{"a", "7", "a long note"}}), 1u);
  EXPECT_EQ(display.table(kColumns, {{"b", "8", "a long note"}}), 1u);  // another page
  display.end();
  EXPECT_EQ(narrow.str(),
            "NAME  COUNT\na         7\nb         8\n"
            "1 column hidden: widen the terminal, or -j\n");
  Display small(tiny, 3);
  small.table(kColumns, {{"a", "7", "x"}});
  small.line("");
  small.table(kColumns, {{"a", "7", "x"}});
  small.end();
  small.end();
  EXPECT_EQ(tiny.str(), "NAME\na\n\nNAME\na\n4 columns hidden: widen the terminal, or -j\n");
  Display all(none);
  EXPECT_EQ(all.table(kColumns, {{"a", "7", std::string(500, 'x')}}), 0u);
  all.end();
  EXPECT_EQ(none.str().find("hidden"), std::string::npos);
}

TEST(Printable, LetsNothingSteerTheTerminal) {
  EXPECT_EQ(printable("plain é 漢 😀"), "plain é 漢 😀");
  EXPECT_EQ(printable("\033[31mred\n\t\x7f"), "\\x1b[31mred\\x0a\\x09\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");  // C1: CSI
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "abc"),
            "\\xe2\\x80\\xaeabc");                 // right-to-left override
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");  // no UTF-8
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(TextOf, SaysWhatPeopleSay) {
  EXPECT_EQ(text_of(nullptr), "-");
  EXPECT_EQ(text_of(true), "yes");
  EXPECT_EQ(text_of(12.5), "12.5");
  EXPECT_EQ(text_of("a\nb"), "a\\x0ab");
  EXPECT_EQ(text_of(json::parse(R"(["a", 1])")), "a, 1");
  EXPECT_EQ(text_of(json::parse(R"({"tcp": 3, "udp": 4})")), "tcp=3 udp=4");
  EXPECT_EQ(text_of(json::array()), "-");
}

TEST(TextAt, WalksThePath) {
  const json row = json::parse(R"({"original": {"src": "10.0.0.1", "sport": 7}})");
  EXPECT_EQ(text_at(row, "original.src"), "10.0.0.1");
  EXPECT_EQ(text_at(row, "original.dst"), "-");
  EXPECT_EQ(text_at(row, "translated.src"), "-");
  EXPECT_EQ(text_at(row, "original.src.more"), "-");
  EXPECT_EQ(text_at(json::array(), "a"), "-");
}

TEST(DurationText, ShowsTwoUnits) {
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(59.9), "59s");
  EXPECT_EQ(duration_text(60), "1m");
  EXPECT_EQ(duration_text(75), "1m15s");
  EXPECT_EQ(duration_text(7265), "2h1m");
  EXPECT_EQ(duration_text(90000), "1d1h");
  EXPECT_EQ(duration_text(-1), "-1");
  EXPECT_EQ(duration_text(nullptr), "-");
}

TEST(SizeText, ShowsFourDigits) {
  EXPECT_EQ(size_text(999), "999");
  EXPECT_EQ(size_text(12345), "12.3k");
  EXPECT_EQ(size_text(999960), "1.0M");
  EXPECT_EQ(size_text(18446744073709551615u), "18.4E");
  EXPECT_EQ(size_text("x"), "x");
}

TEST(JsonText, IsAsciiAndValid) {
  const json value = {{"a", "\033[31mé\x7f"}};
  EXPECT_EQ(json_text(value, Format::kJson), R"({"a":"\u001b[31m\u00e9\u007f"})");
  EXPECT_EQ(json::parse(json_text(value, Format::kPretty)), value);
  EXPECT_NO_THROW(json_text("\xff", Format::kJson));
}

TEST(FaultText, ReadsLikeACompiler) {
  EXPECT_EQ(fault_text({{"file", "a.cfg"},
                        {"line", 3},
                        {"path", "egress_ips.x"},
                        {"text", "unknown namespace"},
                        {"hint", "did you mean web?"}},
                       "error"),
            "a.cfg:3: error: egress_ips.x: unknown namespace\n    did you mean web?");
  EXPECT_EQ(
      fault_text({{"file", "a.cfg"}, {"line", 0}, {"path", ""}, {"text", "unreadable"}}, "error"),
      "a.cfg: error: unreadable");
  EXPECT_EQ(fault_text({{"path", "level"}, {"text", "must be a string"}}, "warning"),
            "warning: level: must be a string");
  EXPECT_EQ(fault_text("nonsense", "error"), "error: ");
}

TEST(FaultText, WhatIsTheSameIsSaidOnce) {
  const json fault = {{"file", "a.cfg"}, {"line", 3}, {"path", "p"}, {"text", "t"}};
  EXPECT_EQ(fault_lines({fault, fault, {{"text", "u"}}}, "error"),
            "a.cfg:3: error: p: t\nerror: u\n");
}

TEST(Faults, WhatTheMessageSaysIsSaidOnce) {
  const auto told = [](const char* error) { return refusal_text(json::parse(error)); };
  EXPECT_EQ(told(R"({"code": 1005, "message": "no port \"x\""})"), "posternctl: no port \"x\"\n");
  EXPECT_EQ(told(R"({"message": "add.web[0]: it is taken; nothing was changed",
                     "data": {"errors": [{"file": "", "path": "add.web[0]", "text": "it is taken",
                                          "hint": "remove it"}]}})"),
            "posternctl: add.web[0]: it is taken; nothing was changed\n    remove it\n");
  EXPECT_EQ(told(R"({"message": "`filter`: it is empty",
                     "data": {"errors": [{"path": "filter", "text": "it is empty",
                                          "hint": "say one"}]}})"),
            "posternctl: `filter`: it is empty\n    say one\n");
  EXPECT_EQ(told(R"({"message": "m: a: unknown parameter; b: unknown parameter",
                     "data": {"errors": [
                       {"path": "a", "text": "unknown parameter", "hint": "it takes: c"},
                       {"path": "b", "text": "unknown parameter", "hint": "it takes: c"}]}})"),
            "posternctl: m: a: unknown parameter; b: unknown parameter\n    it takes: c\n");
  // Only the first of several is in the message.
  EXPECT_EQ(told(R"({"message": "add.web[0]: it is taken, and more; nothing was changed",
                     "data": {"errors": [
                       {"path": "add.web[0]", "text": "it is taken", "hint": "remove it"},
                       {"path": "add.web[1]", "text": "it is bad"}]}})"),
            "error: add.web[0]: it is taken\n    remove it\nerror: add.web[1]: it is bad\n"
            "posternctl: nothing was changed\n");
  // Places in files are always told.
  EXPECT_EQ(told(R"({"message": "the configuration has 1 error; nothing was changed",
                     "data": {"errors": [{"file": "f", "line": 3, "path": "nodes",
                                          "text": "missing setting"}]}})"),
            "f:3: error: nodes: missing setting\n"
            "posternctl: the configuration has 1 error; nothing was changed\n");
  for (const char* shape : {"null", "7", "[]", "{\"data\": 7}", "{\"data\": {\"errors\": 7}}",
                            "{\"data\": {\"errors\": [7, null, {}]}}"}) {
    EXPECT_NO_THROW(told(shape)) << shape;
  }
}

TEST(Answers, ListsShowWhatNamesStandFor) {
  const json router =
      json::parse(R"({"name": "db", "listen": "10.131.255.10", "source": "192.0.2.70",
    "names": [
      {"name": "a.example", "state": "resolved", "addresses": ["203.0.113.8", "203.0.113.9"]},
      {"name": "b.example", "state": "unresolved", "addresses": []},
      {"name": "c.example", "state": "resolved", "addresses": ["203.0.113.7"]}]})");
  std::ostringstream out;
  Display display(out);
  print_list({{"rows", {router, {{"name", "legacy"}}}}}, {}, display);
  EXPECT_EQ(
      out.str(),
      "NAME    LISTEN         NAMES                                               SOURCE\n"
      "db      10.131.255.10  a.example=203.0.113.8+1, b.example unresolved, ...  192.0.2.70\n"
      "legacy  -              -                                                   -\n");
}

TEST(Answers, RulesAreATableHoweverManyThereAre) {
  const json rule = {{"rule", 1}, {"action", "allow"}, {"namespace", "web"},
                     {"hits", 7}, {"log", true},       {"refuse", "drop"}};
  CommandLine line;
  line.arguments = {"web"};
  std::ostringstream out;
  Display display(out);
  print_list({{"rows", {rule}}, {"default", "deny"}}, line, display);
  EXPECT_EQ(out.str(),
            "RULE  ACTION  HITS  LOG  NAMESPACE\n"
            "   1  allow      7  yes  web\n"
            "\n"
            "otherwise deny\n");
}

TEST(Answers, DropsTellTheLastPacketOnNarrowTerminalsToo) {
  const json row = {{"reason", "source-unknown"},
                    {"count", 1},
                    {"per_second", 0.5},
                    {"text", "T."},
                    {"advice", "A."},
                    {"last", {{"ethertype", "0x86dd"}, {"port", "up"}, {"age_s", 3}}}};
  const auto shown = [&row](size_t columns) {
    std::ostringstream out;
    Display display(out, columns);
    print_drops({{"rows", {row}}}, {}, display);
    return out.str();
  };
  const std::string packet = "IPv6 (0x86dd) on up, 3s ago";
  EXPECT_NE(shown(52).find("REASON          COUNT  LAST PACKET\n"), std::string::npos);
  EXPECT_EQ(shown(52).find("last packet:"), std::string::npos);
  EXPECT_NE(shown(40).find("source-unknown\n  last packet: " + packet + "\n  T.\n  A.\n"),
            std::string::npos);
}

TEST(Answers, CountsReadAsPeopleSay) {
  const auto drained = [](int left) {
    CommandLine line;
    line.arguments = {"192.0.2.1"};
    std::ostringstream out;
    Display display(out);
    print_drain({{"sessions_left", left}}, line, display);
    return out.str();
  };
  EXPECT_EQ(drained(1), "192.0.2.1 takes no new sessions, 1 session left\n");
  EXPECT_EQ(drained(0), "192.0.2.1 takes no new sessions, 0 sessions left\n");
  CommandLine line;
  line.arguments = {"nosuch."};
  std::ostringstream out;
  Display display(out);
  print_counters(json::object(), line, display);
  print_removed({{"count", 0}}, line, display);
  print_removed({{"count", 2}}, line, display);
  EXPECT_EQ(out.str(),
            "no counter's name begins with \"nosuch.\"\nended 0: no session fits\nended 2\n");
}

// What is empty says nothing of one that is named.
TEST(Answers, OneThatIsNamedHasNoEmptyLines) {
  CommandLine line;
  line.arguments = {"node-1"};
  std::ostringstream out;
  Display display(out);
  print_list({{"rows",
               {{{"name", "node-1"},
                 {"geneve_options", ""},
                 {"addresses", json::array()},
                 {"sessions", 0},
                 {"log", false}}}}},
             line, display);
  EXPECT_EQ(out.str(), "log       no\nname      node-1\nsessions  0\n");
}

TEST(Answers, DropsNameWhatIsNoIpPacket) {
  const auto packet = [](const json& last) {
    std::ostringstream out;
    Display display(out);
    print_drops({{"rows", {{{"reason", "r"}, {"last", last}}}}}, {}, display);
    const std::string text = out.str();
    const size_t begin = text.find("-  ", text.find('\n')) + 3;
    const std::string line = text.substr(begin, text.find('\n', begin) - begin);
    return line.substr(line.find_first_not_of(" -"));
  };
  EXPECT_EQ(packet({{"ethertype", "0x86dd"}, {"port", "up"}, {"age_s", 3}}),
            "IPv6 (0x86dd) on up, 3s ago");
  EXPECT_EQ(packet({{"ethertype", "0x1234"}, {"port", "up"}, {"age_s", 3}}),
            "EtherType 0x1234 on up, 3s ago");
  EXPECT_EQ(packet({{"ethertype", "0x0806"},
                    {"src", "10.0.0.1"},
                    {"dst", "10.0.0.2"},
                    {"port", "up"},
                    {"age_s", 3}}),
            "ARP (0x0806) 10.0.0.1 to 10.0.0.2 on up, 3s ago");
  EXPECT_EQ(packet({{"port", "up"}, {"age_s", 3}}), "unreadable on up, 3s ago");
}

TEST(Answers, StatusTellsOfPatchedPods) {
  const auto shown = [](const json& status) {
    std::ostringstream out;
    Display display(out);
    print_status(status, {}, display);
    return out.str();
  };
  EXPECT_NE(shown({{"pods_added", 3}, {"pods_removed", 0}})
                .find("patched     pods: 3 added, 0 removed\n"),
            std::string::npos);
  EXPECT_EQ(shown({{"pods_added", 0}, {"pods_removed", 0}}).find("patched"), std::string::npos);
}

// Printers must not rest on the shape of what a gateway of another version says.
TEST(Answers, TakeAnyShape) {
  const std::vector<json> shapes = {nullptr,
                                    7,
                                    "text",
                                    json::array(),
                                    json::object(),
                                    json::parse(R"({"rows": 7, "ports": {}, "attention": 1,
                                                    "sessions": [], "diff": 3, "valid": "x"})"),
                                    json::parse(R"({"rows": [1, null, {"original": 4, "last": []}],
                                                    "ports": [{}], "diff": {"added": [1, {}]}})")};
  CommandLine line;
  line.arguments = {"x"};
  for (const json& shape : shapes) {
    std::ostringstream out;
    Display display(out, 80);
    for (const PrintFor print : {print_status, print_health, print_sessions, print_count,
                                 print_drops, print_counters, print_check, print_apply, print_diff,
                                 print_list, print_patch, print_level, print_shutdown}) {
      EXPECT_NO_THROW(print(shape, line, display)) << shape;
    }
    EXPECT_NO_THROW(print_any(shape, display)) << shape;
    EXPECT_EQ(out.str().find('\033'), std::string::npos);
  }
}

}  // namespace
}  // namespace postern
