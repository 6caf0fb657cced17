// A router's destinations as texts with line breaks: each line is complained about where it stands
// in the file.
#include <string>

#include "config/load.h"
#include "gtest/gtest.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

// What is wrong with a router of those destinations; "destinations" is on line 24.
std::string complaints(const std::string& destinations) {
  const std::string router =
      "egress_routers = ( { name = \"r\"; namespaces = [ \"lab\" ]; listen = \"10.131.255.10\"; "
      "source = \"192.0.2.70\"; destinations = " +
      destinations + "; } );\nfirewall :";
  return all_text(load_text(edited({{"firewall :", router.c_str()}}), "f").errors);
}

// The complaint about a line that says just "bad".
std::string bad(int line, int index) {
  return "f:" + std::to_string(line) + ": error: egress_routers.r.destinations[" +
         std::to_string(index) + "]: EGRESS_DESTINATION value 'bad' is invalid\n";
}

TEST(RouterText, LinesOfOneText) {
  EXPECT_EQ(complaints("\"80 tcp 203.0.113.9\n# web\n\nbad\n203.0.113.7\""), bad(27, 3));
  EXPECT_EQ(complaints("\"bad\n81 tcp 203.0.113.9\nbad\r\nbad\n\""),
            bad(24, 0) + bad(26, 2) + bad(27, 3));
  EXPECT_EQ(complaints("\"\n  80 tcp 203.0.113.9\n  bad\n\""), bad(26, 2));
}

TEST(RouterText, OneThatBeginsBelowItsSetting) {
  EXPECT_EQ(complaints("\n# here\n\"bad\n80 tcp 203.0.113.9\n  bad\""), bad(26, 0) + bad(28, 2));
  EXPECT_EQ(complaints("\n\"bad\""), bad(25, 0));
}

TEST(RouterText, EscapesAreNoLinesOfTheFile) {
  EXPECT_EQ(complaints("\"80 tcp 203.0.113.9\\nbad\""), bad(24, 1));
  EXPECT_EQ(complaints("\"80 tcp 203.0.113.9\\x0abad\nbad\\nbad\""),
            bad(24, 1) + bad(25, 2) + bad(25, 3));
  // No break, but a backslash before an n.
  EXPECT_EQ(complaints("\"80 tcp 203.0.113.9\n\\\\nbad\""),
            "f:25: error: egress_routers.r.destinations[1]: EGRESS_DESTINATION value '\\nbad' is "
            "invalid\n");
}

TEST(RouterText, JoinedTexts) {
  EXPECT_EQ(complaints("\"80 tcp 203.0.113.9\\n\"\n \"bad\\n\"\n # more\n \"81 tcp \" "
                       "\"203.0.113.9\\nbad\""),
            bad(25, 1) + bad(27, 3));
}

TEST(RouterText, ListsOfTexts) {
  EXPECT_EQ(complaints("[ \"bad\nbad\", \"81 tcp 203.0.113.9\\nbad\",\n \"bad\", \"# a\n\nbad\" ]"),
            bad(24, 0) + bad(25, 1) + bad(25, 3) + bad(26, 4) + bad(28, 7));
  EXPECT_EQ(complaints("( \"bad\\n\"\n\"bad\", \"bad\" )"), bad(24, 0) + bad(25, 1) + bad(25, 2));
}

// Two routers on one line of the file keep to their own texts.
TEST(RouterText, NeighboursOnALine) {
  EXPECT_EQ(complaints("\"80 tcp 203.0.113.9\\nbad\"; }, { name = \"s\"; namespaces = [ ]; listen "
                       "= \"10.131.255.11\"; source = \"192.0.2.71\"; destinations = "
                       "\"80 tcp 203.0.113.9\n81 tcp 203.0.113.9\""),
            bad(24, 1));
}

// What comes after a text of many lines is still found.
TEST(RouterText, LinesAfterIt) {
  EXPECT_EQ(complaints("\"80 tcp 203.0.113.9\n# web\"; mode = \"redirect\"; listne = 1"),
            "f:25: error: egress_routers.r.listne: unknown setting; did you mean \"listen\"?\n");
}

TEST(Text, ABackslashBeforeALineBreakStays) {
  const LoadResult loaded = load_text(
      edited({{"firewall :",
               "egress_routers = ( { name = \"r\"; namespaces = [ ]; listen = \"10.131.255.10\"; "
               "source = \"192.0.2.70\"; destinations = \"# \\\n# \\\"\n203.0.113.9\"; } );\n"
               "firewall :"}}),
      "f");
  ASSERT_EQ(all_text(loaded.errors), "");
  const auto& lines = loaded.model->egress_routers[0].destinations;
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].value, "# \\");
  EXPECT_EQ(lines[1].value, "# \"");
  EXPECT_EQ(lines[2].value, "203.0.113.9");
  EXPECT_EQ(lines[2].line.line, 26u);
}

}  // namespace
}  // namespace postern::config
