// Which names a configuration needs resolved.
#include "control/apply/name_addresses.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace postern {
namespace {

config::EgressRouter router(config::RouterMode mode, std::vector<std::string> lines) {
  config::EgressRouter router;
  router.mode = mode;
  for (std::string& line : lines) router.destinations.push_back({std::move(line), {}});
  return router;
}

TEST(NamesOf, AreThoseOfDnsProxyLinesAndFirewallRulesOnce) {
  config::Model model;
  model.egress_routers = {router(config::RouterMode::kDnsProxy,
                                 {"# none.example.com", "80 DB.example.com 5432", "81 203.0.113.9",
                                  "82 db.example.com", "83 www.example.com"}),
                          router(config::RouterMode::kRedirect, {"80 tcp 203.0.113.9"}),
                          router(config::RouterMode::kHttpProxy, {"proxied.example.com", "*"})};
  model.firewall.rules.resize(2);
  model.firewall.rules[1].to_names = {{"api.example.com", {}}, {"WWW.example.com", {}}};
  EXPECT_EQ(names_of(model),
            (std::set<std::string>{"api.example.com", "db.example.com", "www.example.com"}));
}

TEST(HostKey, LettersOfEitherCaseAreTheSame) {
  EXPECT_EQ(host_key("API.Example.COM"), "api.example.com");
  EXPECT_EQ(host_key("a-1_b.example"), "a-1_b.example");
}

}  // namespace
}  // namespace postern
