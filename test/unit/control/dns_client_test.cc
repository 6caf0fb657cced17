// Questions to a DNS server of the test's own on loopback.
#include "control/serve/dns_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/serve/event_loop.h"
#include "test/unit/control/dns_server.h"

namespace postern {
namespace {

using std::chrono::milliseconds;

Ipv4Address address(std::string_view text) { return *Ipv4Address::parse(text); }

class DnsClientTest : public ::testing::Test {
 protected:
  // Asks and waits for the answer.
  NameAnswer ask(DnsClient& client, const std::string& name) {
    NameAnswer answer;
    bool answered = false;
    client.ask(name, [&](NameAnswer given) {
      answer = std::move(given);
      answered = true;
      loop_.stop();
    });
    if (!answered) loop_.run();
    EXPECT_TRUE(answered);
    return answer;
  }
  [[nodiscard]] DnsSettings settings(int timeout_ms = 5000, int tries = 1) const {
    return {.servers = server_.place(), .timeout_ms = timeout_ms, .tries = tries};
  }

  EventLoop loop_;
  DnsServer server_{loop_.base()};
};

TEST_F(DnsClientTest, AnswersHaveAddressesAndTheTtl) {
  server_.records["db.example.com"] = {
      .addresses = {address("203.0.113.9"), address("203.0.113.2")}, .ttl_s = 17};
  DnsClient client(loop_.base(), settings());
  const NameAnswer answer = ask(client, "db.example.com");
  EXPECT_EQ(answer.addresses,
            (std::vector<Ipv4Address>{address("203.0.113.9"), address("203.0.113.2")}));
  EXPECT_EQ(answer.ttl_s, 17u);
  EXPECT_EQ(answer.why, "");
}

// The alias may end before what it leads to, and the other way round.
TEST_F(DnsClientTest, AnAliasIsFollowedAndItsTtlCounts) {
  server_.records["www.example.com"] = {.addresses = {address("203.0.113.7")},
                                        .ttl_s = 300,
                                        .alias = "pool.example.net",
                                        .alias_ttl_s = 20};
  server_.records["old.example.com"] = {.addresses = {address("203.0.113.7")},
                                        .ttl_s = 5,
                                        .alias = "pool.example.net",
                                        .alias_ttl_s = 600};
  DnsClient client(loop_.base(), settings());
  NameAnswer answer = ask(client, "www.example.com");
  EXPECT_EQ(answer.addresses, std::vector<Ipv4Address>{address("203.0.113.7")});
  EXPECT_EQ(answer.ttl_s, 20u);
  answer = ask(client, "old.example.com");
  EXPECT_EQ(answer.ttl_s, 5u);
}

TEST_F(DnsClientTest, RefusalsAreSaidInWords) {
  server_.records["empty.example.com"] = {};
  server_.records["broken.example.com"] = {.addresses = {}, .rcode = 2};
  server_.records["secret.example.com"] = {.addresses = {}, .rcode = 5};
  DnsClient client(loop_.base(), settings());
  EXPECT_EQ(ask(client, "nowhere.example.com").why, "the name does not exist");
  EXPECT_EQ(ask(client, "empty.example.com").why, "the name has no IPv4 address");
  const char* unwilling = "the DNS servers are not there, or fail or refuse to answer";
  EXPECT_EQ(ask(client, "broken.example.com").why, unwilling);
  EXPECT_EQ(ask(client, "secret.example.com").why, unwilling);
}

TEST_F(DnsClientTest, ASilentServerIsAskedAgainAndThenGivenUp) {
  server_.silent = true;
  DnsClient client(loop_.base(), settings(50, 3));
  const NameAnswer answer = ask(client, "db.example.com");
  EXPECT_TRUE(answer.addresses.empty());
  EXPECT_EQ(answer.why, "no DNS server answered");
  EXPECT_EQ(server_.udp_questions, 3);
}

TEST_F(DnsClientTest, AServerThatIsNotThereIsSaid) {
  std::string place;
  {
    const DnsServer gone(loop_.base());
    place = gone.place();
  }
  DnsClient client(loop_.base(), {.servers = place, .timeout_ms = 5000, .tries = 2});
  EXPECT_EQ(ask(client, "db.example.com").why,
            "the DNS servers are not there, or fail or refuse to answer");
}

TEST_F(DnsClientTest, TheNextServerIsAskedWhenOneFails) {
  DnsServer broken(loop_.base());
  broken.records["db.example.com"] = {.addresses = {}, .rcode = 2};
  server_.records["db.example.com"] = {.addresses = {address("203.0.113.9")}};
  DnsClient client(
      loop_.base(),
      {.servers = broken.place() + "," + server_.place(), .timeout_ms = 5000, .tries = 1});
  EXPECT_EQ(ask(client, "db.example.com").addresses,
            std::vector<Ipv4Address>{address("203.0.113.9")});
  EXPECT_EQ(broken.udp_questions, 1);
}

TEST_F(DnsClientTest, ALongAnswerComesOverTcpAndIsBounded) {
  auto& record = server_.records["many.example.com"];
  for (uint32_t i = 0; i < 200; ++i) record.addresses.push_back({0xcb007100 + i});
  server_.truncate = true;
  DnsClient client(loop_.base(), settings());
  const NameAnswer answer = ask(client, "many.example.com");
  ASSERT_EQ(answer.addresses.size(), kMaxNameAddresses);
  EXPECT_EQ(answer.addresses.front(), address("203.0.113.0"));
  EXPECT_EQ(answer.addresses.back(), address("203.0.113.63"));
  EXPECT_EQ(server_.udp_questions, 1);
  EXPECT_EQ(server_.tcp_questions, 1);
}

TEST_F(DnsClientTest, AnswersWithAnotherIdentifierAreIgnored) {
  server_.records["db.example.com"] = {.addresses = {address("203.0.113.9")}};
  server_.spoof = DnsServer::Spoof::kOtherId;
  server_.spoofed = address("198.51.100.66");
  DnsClient client(loop_.base(), settings());
  EXPECT_EQ(ask(client, "db.example.com").addresses,
            std::vector<Ipv4Address>{address("203.0.113.9")});
}

TEST_F(DnsClientTest, AnswersToAnotherQuestionAreIgnored) {
  server_.records["db.example.com"] = {.addresses = {address("203.0.113.9")}};
  server_.spoof = DnsServer::Spoof::kOtherQuestion;
  server_.spoofed = address("198.51.100.66");
  DnsClient client(loop_.base(), settings());
  EXPECT_EQ(ask(client, "db.example.com").addresses,
            std::vector<Ipv4Address>{address("203.0.113.9")});
}

// A name whose only dot is its own is not tried with the host's search domains.
TEST_F(DnsClientTest, NamesAreAskedForAsTheyAre) {
  DnsClient client(loop_.base(), settings());
  EXPECT_EQ(ask(client, "nowhere.example").why, "the name does not exist");
  EXPECT_EQ(server_.udp_questions, 1);
}

TEST_F(DnsClientTest, ManyQuestionsAreOnTheirWayAtOnce) {
  DnsClient client(loop_.base(), settings());
  size_t right = 0;
  for (uint32_t i = 0; i < 50; ++i) {
    const std::string name = "n" + std::to_string(i) + ".example.com";
    server_.records[name] = {.addresses = {{0xcb007100 + i}}};
    client.ask(name, [&, i](const NameAnswer& answer) {
      right += answer.addresses == std::vector<Ipv4Address>{{0xcb007100 + i}};
      if (right == 50) loop_.stop();
    });
  }
  loop_.run();
  EXPECT_EQ(right, 50u);
}

// What was on its way when the servers were read again is asked again, and answered once.
TEST_F(DnsClientTest, ReadingTheServersAgainLosesNoQuestion) {
  server_.silent = true;
  server_.records["db.example.com"] = {.addresses = {address("203.0.113.9")}};
  DnsClient client(loop_.base(), settings());
  std::vector<NameAnswer> answers;
  client.ask("db.example.com", [&](NameAnswer answer) {
    answers.push_back(std::move(answer));
    loop_.stop();
  });
  loop_.after(milliseconds(20), [&] {
    server_.silent = false;
    client.reread();
  });
  loop_.run();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].addresses, std::vector<Ipv4Address>{address("203.0.113.9")});
  EXPECT_EQ(server_.udp_questions, 2);
}

TEST_F(DnsClientTest, QuestionsOfAClientThatGoesAreNotAnswered) {
  server_.silent = true;
  auto client = std::make_unique<DnsClient>(loop_.base(), settings());
  client->ask("db.example.com", [](const NameAnswer&) { ADD_FAILURE() << "answered"; });
  client.reset();
  loop_.after(milliseconds(10), [&] { loop_.stop(); });
  loop_.run();
}

}  // namespace
}  // namespace postern
