// What `explain` says of protocols besides TCP, UDP and ICMP (nat.md O1), and that the data path
// then does the same.
#include <gtest/gtest.h>

#include "dataplane/wire/other_protocols.h"
#include "test/packet/explainer.h"
#include "test/packet/world.h"

namespace postern::test {
namespace {

using nlohmann::json;

class ExplainOthers : public ::testing::Test {
 protected:
  void expect_forward(const ExplainQuestion& question) {
    explainer_.check(question);
    EXPECT_EQ(explainer_.answer().value("verdict", ""), "forward") << explainer_.answer().dump(1);
  }
  void expect_drop(const ExplainQuestion& question, std::string_view reason,
                   std::string_view stage) {
    explainer_.check(question);
    EXPECT_EQ(explainer_.answer().value("reason", ""), reason) << explainer_.answer().dump(1);
    EXPECT_FALSE(explainer_.step(stage).is_null()) << explainer_.answer().dump(1);
  }
  [[nodiscard]] std::string text_of(std::string_view stage) const {
    return explainer_.step(stage).value("text", "");
  }
  [[nodiscard]] json translated(const char* name) const {
    return explainer_.answer().at("translated").value(name, json());
  }

  LiveGateway gateway_{world()};
  Explainer explainer_{gateway_};
};

TEST_F(ExplainOthers, O1_ProtocolsWithoutExternalPorts) {
  for (const uint8_t protocol : std::initializer_list<uint8_t>{47, 50, 58}) {
    expect_forward(question(kPod, kServer, protocol));
    EXPECT_FALSE(explainer_.answer().at("translated").contains("sport"));
    EXPECT_FALSE(explainer_.answer().at("translated").contains("dport"));
    EXPECT_EQ(text_of("port"),
              "it has no port: the address and that remote have one session of the protocol");
  }
  expect_forward(question(kPod, kServer, 47));
  EXPECT_NE(text_of("session").find("leaves as 192.0.2.50 to 203.0.113.5; no rule"),
            std::string::npos)
      << text_of("session");
  expect_drop(question("10.128.1.9", kServer, 47), "unsupported-protocol", "port");
  EXPECT_EQ(text_of("port"), "another pod has the only session of 192.0.2.50 to 203.0.113.5, 47");
  expect_forward(question("10.128.1.9", "203.0.113.6", 47));
  expect_forward(question(kServer, "192.0.2.50", 47));
  EXPECT_EQ(translated("dst"), kPod);
  expect_drop(question("203.0.113.7", "192.0.2.50", 47), "no-session", "session");
}

TEST_F(ExplainOthers, O1_ProtocolsThatKeepTheirPorts) {
  for (const uint8_t protocol : {kProtocolSctp, kProtocolUdpLite, kProtocolDccp}) {
    expect_forward(question(kPod, kServer, protocol, 9, 5000));
    EXPECT_EQ(translated("dport"), 9);
    EXPECT_EQ(text_of("port"),
              "it keeps its ports, of which the address and that remote have one session");
    expect_forward(question(kPod, kServer, protocol, 9, 5000));
    EXPECT_EQ(translated("sport"), 5000);
    expect_drop(question("10.128.1.9", kServer, protocol, 9, 5000), "unsupported-protocol", "port");
    expect_forward(question("10.128.1.9", kServer, protocol, 9));
  }
  expect_forward(question(kPod, kServer, kProtocolSctp));
}

}  // namespace
}  // namespace postern::test
