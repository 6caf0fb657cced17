// Files that break the grammar: settings that are unknown, missing or written twice, and text that
// is no configuration at all. Every complaint with its exact words and line.
#include "gtest/gtest.h"
#include "test/unit/config/sample.h"

namespace postern::config {
namespace {

const BadSample kSamples[] = {
    {"unknown setting, near",
     {{"gateway = \"192.0.2.1\"", "gatway = \"192.0.2.1\""}},
     {{6, "ports.uplink.gatway: unknown setting; did you mean \"gateway\"?"}}},
    {"unknown setting, far",
     {{"max = 1000", "max = 1000; zzzzzz = 1"}},
     {{30,
       "sessions.zzzzzz: unknown setting; known here: max port_range port_hold fragments mss_clamp "
       "timeouts"}}},
    {"unknown setting at the root",
     {{"cluster : {", "clusters : {"}},
     {{13, "clusters: unknown setting; did you mean \"cluster\"?"}}},
    {"misspelt list: no complaints about its names",
     {{"tunnels = (", "tunels = ("}},
     {{1, "tunnels: missing setting"}, {8, "tunels: unknown setting; did you mean \"tunnels\"?"}}},
    {"setting of another group",
     {{"name = \"gw-a\";", "name = \"gw-a\"; mtu = 1500;"}},
     {{2,
       "gateway.mtu: unknown setting; known here: name control_socket control_group "
       "control_readers metrics log_level log_format state_dir"}}},
    {"duplicate setting",
     {{"vni = 100;", "vni = 100; vni = 100;"}},
     {{8, "tunnels.overlay.vni: duplicate setting, first on line 8"}}},
    {"duplicate setting on other lines",
     {{"max = 1000;", "max = 1000;\n  max = 1000;"}},
     {{31, "sessions.max: duplicate setting, first on line 30"}}},
    {"duplicate group",
     {{"sessions : { max = 1000; };",
       "sessions : { max = 1000; };\ngateway : { name = \"gw-b\"; };"}},
     {{31, "gateway: duplicate setting, first on line 2"}}},
    {"duplicate and something else",
     {{"name = \"gw-a\";", "name = \"gw-a\"; name = \"gw-b\"; log_level = \"loud\";"}},
     {{2, "gateway.name: duplicate setting, first on line 2"},
      {2, "gateway.log_level: must be \"error\", \"warn\", \"info\" or \"debug\", is \"loud\""}}},
    {"missing at the root", {{"version = 1;\n", ""}}, {{1, "version: missing setting"}}},
    {"missing gateway",
     {{"gateway : { name = \"gw-a\"; };\n", ""}},
     {{1, "gateway.name: missing setting"}}},
    {"missing gateway.name", {{"name = \"gw-a\";", ""}}, {{2, "gateway.name: missing setting"}}},
    {"missing in an entry",
     {{"role = \"external\";", ""}},
     {{5, "ports.uplink.role: missing setting"}}},
    {"missing name", {{"name = \"uplink\"; ", ""}}, {{5, "ports[1].name: missing setting"}}},
    {"several missing",
     {{"{ name = \"overlay\"; type = \"vxlan\"; local = \"10.0.0.254\"; vni = 100; }",
       "{ name = \"overlay\"; }"}},
     {{8, "tunnels.overlay.type: missing setting"},
      {8, "tunnels.overlay.local: missing setting"},
      {8, "tunnels.overlay.vni: missing setting"}}},
    {"syntax error",
     {{"version = 1;", "version = ;"}},
     {{1, "syntax error; a sign, a quote or a bracket is missing here or just before"}}},
    {"unclosed bracket",
     {{"cluster : { no_snat = [ \"10.128.0.0/14\" ]; };",
       "cluster : { no_snat = [ \"10.128.0.0/14\"; };"}},
     {{13, "'}' does not close '[' of line 13"}}},
    {"bracket never closed",
     {{"sessions : { max = 1000; };", "sessions : { max = 1000;"}},
     {{30, "'{' is never closed"}}},
    {"bracket closes nothing",
     {{"sessions : { max = 1000; };", "sessions : { max = 1000; }; }"}},
     {{30, "'}' closes nothing"}}},
    {"string without an end",
     {{"mode = \"gateway\"", "mode = \"gateway"}},
     {{18, "text goes on right behind a closing quote; is a quote missing?"}}},
    {"forgotten equals sign",
     {{"mode = \"gateway\"", "mode \"gateway\""}},
     {{18, "no text is possible here; is '=', a comma or a semicolon missing?"}}},
    {"text after a value",
     {{"max = 1000", "max = 1000 \"2000\""}},
     {{30, "no text is possible here; is '=', a comma or a semicolon missing?"}}},
    {"string that never ends",
     {{"max = 1000", "max = \"1000"}},
     {{30, "string without an end; close it with a double quote"}}},
    {"comment without an end",
     {{"sessions : {", "/* sessions : {"}},
     {{30, "comment without an end; close it with */"}}},
    {"unexpected character", {{"max = 1000", "max = $1000"}}, {{30, "unexpected character '$'"}}},
    {"unexpected byte",
     {{"max = 1000",
       "max = \xc2"
       "\xa0"
       "1000"}},
     {{30, "unexpected byte 194; outside of strings and comments only ASCII is possible"}}},
    {"mixed array",
     {{"\"10.128.0.11\", ", "\"10.128.0.11\", 5, "}},
     {{15, "mismatched element type in array; values of one kind only, or ( )"}}},
    {"include without a name",
     {{"version = 1;", "@include other\nversion = 1;"}},
     {{1, "@include needs a file name in double quotes"}}},
    {"NUL in a string", {{"\"gw-a\"", "\"gw\\x00a\""}}, {{2, "a string must not hold a NUL"}}},
};

TEST(BadGrammar, EveryComplaintInItsWordsAndLine) {
  for (const BadSample& sample : kSamples) expect_complaints(sample);
}

}  // namespace
}  // namespace postern::config
