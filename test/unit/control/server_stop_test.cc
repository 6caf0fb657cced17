// A server that is stopped by one of its own methods, on the test's own thread.
#include <event2/event.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "control/rpc/fd.h"
#include "control/rpc/server.h"
#include "test/unit/control/temporary_directory.h"

namespace postern {
namespace {

struct BaseFree {
  void operator()(event_base* base) const { event_base_free(base); }
};

class ServerStopTest : public testing::Test {
 protected:
  ServerStopTest() {
    options_.socket_path = directory_.path("s");
    options_.access.control_group = getegid();
    add("ping", [this](const nlohmann::json&, Responder r) {
      ++pings_;
      r.result("pong");
    });
    add("end", [this](const nlohmann::json&, Responder r) {
      server_->stop();
      r.result("nobody hears it");
    });
    auto server = RpcServer::start(base_.get(), &methods_, options_);
    EXPECT_TRUE(server.ok()) << server.status();
    if (server.ok()) server_ = *std::move(server);
  }
  void add(std::string_view name, Handler handler) {
    methods_.add(
        {.name = name, .access = Access::kRead, .help = "", .handler = std::move(handler)});
  }
  Fd connect_and_ask(const std::vector<std::string>& methods) {
    Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, options_.socket_path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    std::string lines;
    for (const std::string& method : methods) {
      lines += R"({"jsonrpc":"2.0","id":1,"method":")" + method + "\"}\n";
    }
    EXPECT_EQ(::send(client.get(), lines.data(), lines.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(lines.size()));
    return client;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<event_base, BaseFree> base_{event_base_new()};
  MethodTable methods_{"0.1.0"};
  RpcServerOptions options_;
  int pings_ = 0;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(ServerStopTest, NothingIsExecutedBehindTheMethodThatStopsIt) {
  ASSERT_NE(server_, nullptr);
  const Fd first = connect_and_ask({"ping", "end", "ping"});
  const Fd second = connect_and_ask({"end", "ping"});
  for (int i = 0; i < 100 && server_->client_count() == 0; ++i) {
    event_base_loop(base_.get(), EVLOOP_ONCE);
  }
  EXPECT_EQ(server_->client_count(), 2u);
  event_base_dispatch(base_.get());  // comes back: no event of the server's is left
  EXPECT_EQ(server_->client_count(), 0u);
  EXPECT_LE(pings_, 1) << "only what came before";
  char byte = 0;
  while (::recv(first.get(), &byte, 1, 0) > 0) {
  }
  EXPECT_EQ(::recv(first.get(), &byte, 1, 0), 0) << "disconnected";
}

}  // namespace
}  // namespace postern
