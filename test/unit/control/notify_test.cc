// What a service manager reads on its socket while a daemon starts, reloads and stops.
#include "control/serve/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "test/unit/control/temporary_directory.h"

namespace postern {
namespace {

class NotifierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const std::string path = directory_.path("notify");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  void TearDown() override {
    close(socket_);
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }
  // The next datagram, "" where there is none.
  std::string heard() {
    std::array<char, 4096> buffer;
    const ssize_t bytes = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return bytes < 0 ? "" : std::string(buffer.data(), static_cast<size_t>(bytes));
  }

  TemporaryDirectory directory_;
  int socket_ = -1;
  Notifier notifier_;
};

TEST_F(NotifierTest, SaysWhenTheStartIsOver) {
  notifier_.status("starting");
  EXPECT_EQ(heard(), "STATUS=starting");
  notifier_.ready("gw-a: generation 1");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=gw-a: generation 1");
  EXPECT_EQ(heard(), "");
}

TEST_F(NotifierTest, AReloadThatIsTakenBeginsAndEnds) {
  notifier_.ready("gw-a: generation 1");
  heard();
  notifier_.reloading(123456789, "reloading");
  EXPECT_EQ(heard(), "RELOADING=1\nMONOTONIC_USEC=123456789\nSTATUS=reloading");
  notifier_.ready("gw-a: generation 2");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=gw-a: generation 2");
}

TEST_F(NotifierTest, AReloadThatIsRefusedEndsTooAndSaysSo) {
  notifier_.reloading(1, "reloading");
  heard();
  notifier_.ready("gw-a: generation 1; refused:\na.cfg:3: error\nSTOPPING=1");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=gw-a: generation 1; refused: a.cfg:3: error STOPPING=1")
      << "a message made assignments of its own";
}

TEST_F(NotifierTest, SaysThatItStops) {
  notifier_.stopping("stopping");
  EXPECT_EQ(heard(), "STOPPING=1\nSTATUS=stopping");
}

TEST_F(NotifierTest, RepeatsNoStatus) {
  notifier_.status("one");
  notifier_.status("one");
  notifier_.status("two");
  EXPECT_EQ(heard(), "STATUS=one");
  EXPECT_EQ(heard(), "STATUS=two");
  EXPECT_EQ(heard(), "");
}

TEST_F(NotifierTest, FeedsTheWatchdogOfItsOwnProcess) {
  EXPECT_FALSE(Notifier::watchdog());
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(Notifier::watchdog(), std::chrono::seconds(30));
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(Notifier::watchdog()) << "the watchdog of another process";
  notifier_.alive();
  EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(NotifierTest, IsSilentWhereNobodyListens) {
  unsetenv("NOTIFY_SOCKET");
  notifier_.ready("gw-a: generation 1");
  EXPECT_EQ(heard(), "");
}

}  // namespace
}  // namespace postern
