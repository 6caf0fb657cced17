// A value of a wrong type, at any setting of the schema: one complaint, about that setting, and
// nothing that only follows from it.
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/schema.h"
#include "gtest/gtest.h"
#include "test/unit/config/every_key.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

// One of every type that libconfig has, and lists of them.
constexpr const char* kValues[] = {
    "-7",     "7.5",           "true",       "\"\\x01\"",   "{ }",     "( )",
    "[ ]",    "( ( ) )",       "( { } )",    "[ -7 ]",      "[ 7.5 ]", "[ true ]",
    "( -7 )", "[ \"\\x01\" ]", "{ a = 1; }", "[ \"no \" ]",
};

// Whether the complaint is about the setting, an element or a member of it, or a name that the
// setting gives to its entry.
bool is_about(const std::string& said, const std::string& path) {
  if (said.starts_with(path)) return true;
  const bool is_name = path.ends_with(".name");
  const std::string list = path.substr(0, path.find('.'));
  return is_name && said.starts_with(list + "[") && said.ends_with(".name");
}

// The complaints that a text may give: none when the value is one that the setting takes.
void expect_one(const std::string& text, const std::string& path, const std::string& value) {
  SCOPED_TRACE(path + " = " + value);
  const LoadResult loaded = load_text(text, "f.cfg");
  if (loaded.errors.empty()) return;
  // An empty list where a list belongs is of the right type, whatever it leads to.
  const bool is_list = value == "( )" || value == "[ ]";
  if (is_list && !loaded.errors[0].message.starts_with("must be")) return;
  const bool one = loaded.errors.size() == 1;
  EXPECT_TRUE(one) << all_text(loaded.errors);
  EXPECT_EQ(all_text(loaded.warnings, "warning"), "") << all_text(loaded.errors);
  EXPECT_TRUE(!one || is_about(loaded.errors[0].path, path)) << all_text(loaded.errors);
}

TEST(WrongType, OneComplaintForEverySetting) {
  size_t refused = 0;
  for (const std::string& path : every_key_places()) {
    for (const char* value : kValues) {
      const KeyEdit edit = with_key({path.c_str(), value});
      expect_one(edit.text, path, value);
      refused += load_text(edit.text, "f.cfg").errors.empty() ? 0 : 1;
    }
  }
  EXPECT_GE(refused, 1000u);
}

// The configuration with `name` set to the value in place of the group or list that it is.
std::string replaced(const std::string& name, const std::string& value) {
  const std::string all(every_key());
  const std::string key = name.substr(name.rfind('.') + 1);
  const std::string indent(name.find('.') == std::string::npos ? 0 : 2, ' ');
  size_t begin = all.find("\n" + indent + key + " : {");
  if (begin == std::string::npos) begin = all.find("\n" + indent + key + " = (");
  if (begin == std::string::npos) {
    ADD_FAILURE() << "no " << name;
    return all;
  }
  // It ends with the first line at its own depth that closes something.
  size_t end = begin + 1;
  do {
    end = all.find("\n" + indent, end) + 1;
  } while (all[end + indent.size()] != '}' &&
           all.compare(end, 5 + indent.size(), indent + "  } )") != 0);
  end = all.find('\n', end);
  return all.substr(0, begin + 1) + key + " = " + value + ";" + all.substr(end);
}

TEST(WrongType, OneComplaintForEveryGroup) {
  // A group or list of groups that is needed may be said to be wrong, but not what it lacks, too.
  for (const char* name : {"gateway",
                           "eal",
                           "workers",
                           "ports",
                           "routes",
                           "tunnels",
                           "nodes",
                           "cluster",
                           "namespaces",
                           "node_ip",
                           "egress_ips",
                           "egress_routers",
                           "firewall",
                           "qos",
                           "sessions",
                           "log_sessions",
                           "namespaces.limits",
                           "firewall.rules",
                           "sessions.fragments",
                           "sessions.timeouts"}) {
    for (const char* value : {"-7", "true", "\"text\"", "[ 7 ]", "( 7 )", "7.5"}) {
      SCOPED_TRACE(std::string(name) + " = " + value);
      const LoadResult loaded = load_text(replaced(name, value), "f.cfg");
      EXPECT_EQ(loaded.errors.size(), 1u) << all_text(loaded.errors);
      EXPECT_EQ(all_text(loaded.warnings, "warning"), "");
    }
  }
}

// What is refused as not supported yet is not held against other settings, too.
TEST(WrongType, NothingFollowsFromWhatIsNotSupportedYet) {
  const KeyEdit edit = with_key({"egress_routers.db.mode", "\"http-proxy\""});
  EXPECT_EQ(all_text(load_text(edit.text, "f.cfg").errors),
            "f.cfg:" + std::to_string(edit.line) +
                ": error: egress_routers.db.mode: not supported yet: \"http-proxy\"\n");
}

// The case by which it was found.
TEST(WrongType, NoEmptinessBehindAWrongType) {
  const LoadResult loaded = load_text(
      edited({{"addresses = [ \"192.0.2.60\" ]", "addresses = \"192.0.2.60\""}}), "f.cfg");
  EXPECT_EQ(all_text(loaded.errors),
            "f.cfg:22: error: egress_ips.lab-out.addresses: must be a list [ ... ], is a single "
            "value; write [ \"192.0.2.60\" ]\n");
  EXPECT_EQ(all_text(loaded.warnings, "warning"), "");
}

TEST(WrongType, LinesOfARouterAreNotJudgedInAnotherMode) {
  const KeyEdit edit = with_key({"egress_routers.db.mode", "\"dns_proxy\""});
  std::string text = edit.text;
  text.replace(text.find("= \"203.0.113.9\""), 15, "= \"80 db.example.com\"");
  EXPECT_EQ(
      all_text(load_text(text, "f.cfg").errors),
      "f.cfg:" + std::to_string(edit.line) +
          ": error: egress_routers.db.mode: Unrecognized EGRESS_ROUTER_MODE 'dns_proxy': must "
          "be \"redirect\", \"dns-proxy\" or \"http-proxy\", is \"dns_proxy\"\n");
}

}  // namespace
}  // namespace postern::config
