#include "control/rpc/dispatch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace postern {
namespace {

using nlohmann::json;

class Dispatch : public testing::Test {
 protected:
  Dispatch() {
    methods_.add({.name = "echo",
                  .access = Access::kRead,
                  .help = "Says it again.",
                  .params = {{.name = "text"}},
                  .handler = [](const json& params, Responder r) { r.result(params); }});
    methods_.add({.name = "set",
                  .access = Access::kChange,
                  .help = "Changes something.",
                  .handler = [this](const json&, Responder r) {
                    ++changes_;
                    r.result(true);
                  }});
    methods_.add({.name = "broken",
                  .access = Access::kRead,
                  .help = "Throws.",
                  .handler = [](const json&, Responder) { throw std::runtime_error("no"); }});
  }

  // The answer to the line as JSON; null where there is none.
  json answer(const std::string& line, Rights rights = Rights::kChange) {
    int times = 0;
    std::string text;
    done_ = dispatch_line(methods_, Peer{}, rights, 32, line, [&](std::string out, bool) {
      ++times;
      text = std::move(out);
    });
    EXPECT_EQ(times, 1) << line;
    return text.empty() ? json() : json::parse(text);
  }
  int error_code(const std::string& line, Rights rights = Rights::kChange) {
    const json got = answer(line, rights);
    return got.contains("error") ? got["error"]["code"].get<int>() : 0;
  }

  MethodTable methods_{"0.1.0"};
  int changes_ = 0;
  Dispatched done_;
};

TEST_F(Dispatch, CallsTheMethod) {
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":7,"method":"echo","params":{"text":"a"}})"),
            json::parse(R"({"jsonrpc":"2.0","id":7,"result":{"text":"a"}})"));
  EXPECT_EQ(answer(R"( {"params":[],"method":"echo","id":"x","jsonrpc":"2.0"} )"
                   "\r"),
            json::parse(R"({"jsonrpc":"2.0","id":"x","result":{}})"));
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":null,"method":"echo"})")["result"], json::object());
  EXPECT_FALSE(done_.malformed);
}

TEST_F(Dispatch, ExecutesNotificationsWithoutAnswer) {
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0","method":"set"})"), json());
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0","method":"no.such"})"), json());
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0","method":"set","params":{"x":1}})"), json());
  EXPECT_EQ(changes_, 1);
}

TEST_F(Dispatch, RefusesWhatIsNoJson) {
  for (const char* line : {"hello there", "", "{", R"({"jsonrpc":"2.0","id":1,"method":)", "nul",
                           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}",
                           R"({"jsonrpc":"2.0","id":1,"method":"echo"} x)", "\x01"}) {
    EXPECT_EQ(error_code(line), kRpcParseError) << line;
    EXPECT_TRUE(done_.malformed) << line;
  }
  EXPECT_EQ(error_code(std::string(4096, '\0')), kRpcParseError);
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1e999,"method":"echo"})"), kRpcParseError);
}

TEST_F(Dispatch, RefusesWhatIsNoRequest) {
  for (const char* line :
       {"[]", "7", "\"x\"", "null", R"([{"jsonrpc":"2.0","id":1,"method":"echo"}])",
        R"({"jsonrpc":"2.0","id":5})", R"({"jsonrpc":"1.0","id":5,"method":"echo"})",
        R"({"id":5,"method":"echo"})", R"({"jsonrpc":2.0,"id":5,"method":"echo"})",
        R"({"jsonrpc":"2.0","id":[1],"method":"echo"})",
        R"({"jsonrpc":"2.0","id":true,"method":"echo"})", R"({"jsonrpc":"2.0","id":5,"method":17})",
        R"({"jsonrpc":"2.0","id":5,"method":"echo","parms":{}})",
        R"({"jsonrpc":"2.0","method":"set","parms":{}})"}) {
    EXPECT_EQ(error_code(line), kRpcInvalidRequest) << line;
    EXPECT_TRUE(done_.malformed) << line;
  }
  EXPECT_EQ(changes_, 0);
}

TEST_F(Dispatch, AnswersABrokenRequestUnderItsId) {
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":5})")["id"], 5);
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0"})")["id"], nullptr);
  EXPECT_EQ(answer("[]")["id"], nullptr);
}

TEST_F(Dispatch, RefusesAMemberThatIsThereTwice) {
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":5,"method":"set","method":"echo"})"),
            kRpcInvalidRequest);
  const json got =
      answer(R"({"jsonrpc":"2.0","id":5,"method":"echo","params":{"text":"a","text":"b"}})");
  EXPECT_EQ(got["error"]["message"], "the member \"text\" is there twice");
  // One name in two objects is no duplicate.
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":5,"method":"echo","params":{"id":1}})"),
            kRpcInvalidParams);
}

TEST_F(Dispatch, RefusesWrongParams) {
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":5,"method":"echo","params":{"text":17}})"),
            kRpcInvalidParams);
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":5,"method":"echo","params":{"txt":"a"}})"),
            kRpcInvalidParams);
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":5,"method":"echo","params":["a"]})"),
            kRpcInvalidParams);
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":5,"method":"echo","params":null})"),
            kRpcInvalidParams);
  EXPECT_FALSE(done_.malformed);
}

TEST_F(Dispatch, SaysWhereMethodsAreListed) {
  const json error = answer(R"({"jsonrpc":"2.0","id":6,"method":"no.such"})")["error"];
  EXPECT_EQ(error["code"], kRpcMethodNotFound);
  EXPECT_EQ(error["message"], "no method \"no.such\": rpc.discover lists them");
  EXPECT_LT(answer(R"({"jsonrpc":"2.0","id":6,"method":")" + std::string(100000, 'x') +
                   "\"}")["error"]["message"]
                .get<std::string>()
                .size(),
            300u);
}

TEST_F(Dispatch, WhatIsAnnouncedIsNotSupportedYet) {
  methods_.announce("trace.start");
  methods_.announce("echo");
  const json error = answer(R"({"jsonrpc":"2.0","id":6,"method":"trace.start"})")["error"];
  EXPECT_EQ(error["code"], 1012);
  EXPECT_EQ(error["message"], "trace.start is not supported yet");
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":6,"method":"echo"})"), 0) << "there by now";
  const json discovered = methods_.discover();
  for (const json& method : discovered["methods"]) EXPECT_NE(method["name"], "trace.start");
}

TEST_F(Dispatch, ReadersDoNotChange) {
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":6,"method":"set"})", Rights::kRead), 1007);
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":6,"method":"echo"})", Rights::kNone), 1007);
  EXPECT_EQ(changes_, 0);
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":6,"method":"echo"})", Rights::kRead), 0);
}

TEST_F(Dispatch, SurvivesAHandlerThatThrows) {
  EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":6,"method":"broken"})"), kRpcInternalError);
}

TEST_F(Dispatch, BoundsNesting) {
  const auto nested = [](int levels) {
    // The request and its params are two of them.
    return R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":)" +
           std::string(static_cast<size_t>(levels - 2), '[') +
           std::string(static_cast<size_t>(levels - 2), ']') + "}}";
  };
  EXPECT_EQ(error_code(nested(32)), kRpcInvalidParams);  // deep, but a list is no text
  EXPECT_EQ(error_code(nested(33)), kRpcInvalidRequest);
  EXPECT_EQ(error_code(std::string(5000, '[') + std::string(5000, ']')), kRpcInvalidRequest);
  EXPECT_EQ(error_code(std::string(1 << 20, '[')), kRpcInvalidRequest);
}

TEST_F(Dispatch, TellsWhichMethodWasCalled) {
  answer(R"({"jsonrpc":"2.0","id":6,"method":"echo"})");
  EXPECT_EQ(done_.called, methods_.find("echo"));
  answer(R"({"jsonrpc":"2.0","id":6,"method":"echo","params":{"x":1}})");
  EXPECT_EQ(done_.called, nullptr);
}

TEST(ProbableMethod, LooksAtTheBeginning) {
  EXPECT_EQ(probable_method(R"({"jsonrpc":"2.0","id":6,"method":"echo"})"), "echo");
  EXPECT_EQ(probable_method(R"({"method" : "a.b","id":6})"), "a.b");
  EXPECT_EQ(probable_method(R"({"method":7})"), "");
  EXPECT_EQ(probable_method(R"({"method")"), "");
  EXPECT_EQ(probable_method(R"({"method":"cut)"), "cut");
  EXPECT_EQ(probable_method(std::string(1000, ' ') + R"({"method":"far"})"), "");
}

TEST(IsNestedDeeper, SkipsStrings) {
  EXPECT_FALSE(is_nested_deeper(R"({"a":"[[[[\"[[[["})", 1));
  EXPECT_TRUE(is_nested_deeper(R"({"a\\":[]})", 1));
  EXPECT_FALSE(is_nested_deeper("[[]][[]]", 2));
  EXPECT_FALSE(is_nested_deeper("\"\\", 0));
}

}  // namespace
}  // namespace postern
