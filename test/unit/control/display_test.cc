#include "control/ctl/display.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "control/ctl/answers.h"

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
    for (const PrintFor print :
         {print_status, print_health, print_sessions, print_count, print_drops, print_counters,
          print_check, print_apply, print_patch, print_level, print_shutdown}) {
      EXPECT_NO_THROW(print(shape, line, display)) << shape;
    }
    EXPECT_NO_THROW(print_any(shape, display)) << shape;
    EXPECT_EQ(out.str().find('\033'), std::string::npos);
  }
}

}  // namespace
}  // namespace postern
