#include "control/rpc/method.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace postern {
namespace {

using nlohmann::json;

Method sample() {
  return {.name = "pods.move",
          .access = Access::kChange,
          .help = "Moves pods.",
          .params = {{.name = "to", .required = true, .help = "the node"},
                     {.name = "level", .choices = {"low", "high"}, .help = "how much"},
                     {.name = "limit", .kind = ParamKind::kInteger, .min = 1, .max = 1000},
                     {.name = "dry_run", .kind = ParamKind::kBoolean},
                     {.name = "add", .kind = ParamKind::kTextLists}},
          .handler = nullptr};
}

std::string complaint(const char* params) {
  std::optional<RpcError> error = check_params(sample(), json::parse(params));
  if (!error) return "";
  EXPECT_EQ(error->code, kRpcInvalidParams);
  return error->message;
}

TEST(CheckParams, TakesWhatFits) {
  EXPECT_EQ(complaint(R"({"to": "a"})"), "");
  EXPECT_EQ(complaint(R"({"to": "a", "level": "high", "limit": 1000, "dry_run": true,
                          "add": {"n": ["1.2.3.4"], "m": []}})"),
            "");
}

TEST(CheckParams, NamesWhatDoesNotFit) {
  EXPECT_EQ(complaint("{}"), "pods.move: to: missing parameter");
  EXPECT_EQ(complaint(R"({"to": 17})"), "pods.move: to: must be a string");
  EXPECT_EQ(complaint(R"({"to": "a", "level": "x"})"),
            "pods.move: level: must be one of: low, high");
  EXPECT_EQ(complaint(R"({"to": "a", "limit": 0})"),
            "pods.move: limit: must be an integer from 1 to 1000");
  EXPECT_EQ(complaint(R"({"to": "a", "limit": 18446744073709551615})"),
            "pods.move: limit: must be an integer from 1 to 1000");
  EXPECT_EQ(complaint(R"({"to": "a", "limit": 1.5})"),
            "pods.move: limit: must be an integer from 1 to 1000");
  EXPECT_EQ(complaint(R"({"to": "a", "dry_run": 1})"), "pods.move: dry_run: must be true or false");
  EXPECT_NE(complaint(R"({"to": "a", "add": {"n": "1.2.3.4"}})"), "");
  EXPECT_NE(complaint(R"({"to": "a", "add": {"n": [1]}})"), "");
  EXPECT_NE(complaint(R"({"to": "a", "add": ["n"]})"), "");
}

TEST(CheckParams, RefusesUnknownNamesAndSaysWhatIsKnown) {
  std::optional<RpcError> error = check_params(sample(), json::parse(R"({"to":"a","tp":"b"})"));
  ASSERT_TRUE(error);
  ASSERT_EQ(error->errors.size(), 1u);
  EXPECT_EQ(error->errors[0].path, "tp");
  EXPECT_EQ(error->errors[0].text, "unknown parameter");
  EXPECT_EQ(error->errors[0].hint, "it takes: to, level, limit, dry_run, add");
}

TEST(CheckParams, NamesABoundedNumberOfFaults) {
  json params = {{"to", "a"}};
  for (int i = 0; i < 10000; ++i) params["x" + std::to_string(i)] = i;
  std::optional<RpcError> error = check_params(sample(), params);
  ASSERT_TRUE(error);
  EXPECT_LE(error->errors.size(), 20u);
  EXPECT_LT(error->message.size(), 1000u);
}

TEST(MethodTable, DescribesItself) {
  MethodTable table("0.1.0");
  table.add(sample());
  ASSERT_NE(table.find("pods.move"), nullptr);
  ASSERT_NE(table.find("rpc.discover"), nullptr);
  EXPECT_EQ(table.find("pods"), nullptr);
  const json document = table.discover();
  EXPECT_EQ(document["info"]["version"], "0.1.0");
  ASSERT_EQ(document["methods"].size(), 2u);
  const json& method = document["methods"][1];
  EXPECT_EQ(method["name"], "pods.move");
  EXPECT_EQ(method["x-access"], "change");
  EXPECT_EQ(method["params"][0]["required"], true);
  EXPECT_EQ(method["params"][1]["schema"]["enum"], json({"low", "high"}));
  EXPECT_EQ(method["params"][2]["schema"]["maximum"], 1000);
}

TEST(MethodTable, RefusesASecondMethodOfOneName) {
  MethodTable table("0.1.0");
  table.add(sample());
  EXPECT_DEATH(table.add(sample()), "pods.move is defined twice");
}

// What a responder delivered.
struct Delivered {
  int times = 0;
  std::string line;
  bool is_error = false;

  Responder responder(std::string id) {
    return Responder(std::move(id), Peer{}, [this](std::string text, bool error) {
      ++times;
      line = std::move(text);
      is_error = error;
    });
  }
};

TEST(Responder, AnswersOnce) {
  Delivered delivered;
  {
    Responder responder = delivered.responder("\"seven\"");
    responder.result({{"count", 3}});
    responder.result(4);
  }
  EXPECT_EQ(delivered.times, 1);
  EXPECT_EQ(delivered.line, R"({"jsonrpc":"2.0","id":"seven","result":{"count":3}})");
  EXPECT_FALSE(delivered.is_error);
}

TEST(Responder, SaysThatAnAnswerIsTooLarge) {
  Delivered delivered;
  Responder responder = delivered.responder("7");
  responder.result(std::string(kMaxAnswerBytes, 'x'));
  EXPECT_EQ(delivered.times, 1);
  const nlohmann::json answer = nlohmann::json::parse(delivered.line);
  EXPECT_EQ(answer["id"], 7);
  EXPECT_EQ(answer["error"]["code"], 1008);
  EXPECT_NE(answer["error"]["message"].get<std::string>().find("ask for less"), std::string::npos);
}

TEST(Responder, AnswersWithAnErrorWhenForgotten) {
  Delivered delivered;
  {
    Responder first = delivered.responder("1");
    Responder moved = std::move(first);
    EXPECT_EQ(delivered.times, 0);
  }
  EXPECT_EQ(delivered.times, 1);
  EXPECT_TRUE(delivered.is_error);
  EXPECT_EQ(json::parse(delivered.line)["error"]["code"], kRpcInternalError);
}

TEST(Responder, TellsAStatusAndItsFaults) {
  Delivered delivered;
  delivered.responder("1").error(rpc_error(
      absl::FailedPreconditionError("needs a restart"),
      {{.file = "a.cfg", .line = 3, .path = "workers", .text = "changed", .hint = "restart"}}));
  const json error = json::parse(delivered.line)["error"];
  EXPECT_EQ(error["code"], 1009);
  EXPECT_EQ(error["message"], "needs a restart");
  EXPECT_EQ(error["data"]["errors"],
            json::parse(R"([{"file":"a.cfg","line":3,"path":"workers","text":"changed",
                            "hint":"restart"}])"));
}

TEST(Responder, DoesNotAnswerANotification) {
  Delivered delivered;
  delivered.responder("").result(1);
  EXPECT_EQ(delivered.times, 1);
  EXPECT_EQ(delivered.line, "");
}

TEST(Responder, ReplacesInvalidUtf8) {
  Delivered delivered;
  delivered.responder("1").result("a\xff");
  EXPECT_EQ(json::parse(delivered.line)["result"], "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace postern
