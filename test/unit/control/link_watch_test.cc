// Links that go down and come up, and MTUs that fit and do not: each change is told once.
#include "control/serve/link_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace postern {
namespace {

class LinkWatchTest : public testing::Test {
 protected:
  ~LinkWatchTest() override {
    close(pipe_[0]);
    close(pipe_[1]);
  }

  LinkWatch::Link link(size_t port, const char* name) {
    return {.port = name,
            .is_up = [this, port] { return up_[port]; },
            .check_mtu = [this, port] { return mtu_[port]; }};
  }
  // What was logged since the last call.
  std::string log() {
    log_.error("end");  // so that there is something to read
    std::string text(4096, '\0');
    const ssize_t bytes = read(pipe_[0], text.data(), text.size());
    text.resize(static_cast<size_t>(bytes));
    EXPECT_TRUE(text.ends_with("error: end\n")) << text;
    return text.substr(0, text.size() - std::string("error: end\n").size());
  }

  static std::array<int, 2> new_pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    return ends;
  }

  std::array<int, 2> pipe_ = new_pipe();
  Log log_{pipe_[1]};
  std::array<bool, 2> up_ = {true, false};
  std::array<std::optional<Complaint>, 2> mtu_;
  std::vector<uint64_t> down_;
  std::vector<uint16_t> came_up_;
  LinkWatch watch_{{link(0, "underlay"), link(1, "uplink")},
                   {.log = &log_,
                    .down = [this](uint64_t down) { down_.push_back(down); },
                    .came_up = [this](uint16_t port) { came_up_.push_back(port); }}};
};

TEST_F(LinkWatchTest, LinksAreToldAtOnceAndWhenTheyChange) {
  EXPECT_EQ(down_, std::vector<uint64_t>{2});
  EXPECT_TRUE(watch_.is_up(0));
  EXPECT_FALSE(watch_.is_up(1));
  watch_.look();
  EXPECT_EQ(log(), "");
  EXPECT_EQ(down_.size(), 1u);
  up_ = {false, true};
  watch_.look();
  watch_.look();
  EXPECT_EQ(down_.back(), 1u);
  EXPECT_EQ(came_up_, std::vector<uint16_t>{1});
  EXPECT_FALSE(watch_.is_up(0));
  EXPECT_EQ(log(), "warn: port underlay: link down\nwarn: port uplink: link up\n");
}

TEST_F(LinkWatchTest, AnMtuIsComplainedOfUntilItFitsAgain) {
  watch_.look();
  EXPECT_TRUE(watch_.complaints().empty());
  mtu_[1] = Complaint{"port \"uplink\": too small", "make it larger"};
  watch_.look();
  watch_.look();
  EXPECT_EQ(log(), "error: port \"uplink\": too small; make it larger\n");
  EXPECT_EQ(watch_.complaints(),
            std::vector<std::string>{"port \"uplink\": too small; make it larger"});
  mtu_[1] = Complaint{"port \"uplink\": too large", "make it smaller"};
  watch_.look();
  EXPECT_EQ(log(), "error: port \"uplink\": too large; make it smaller\n");
  mtu_[1].reset();
  watch_.look();
  EXPECT_EQ(log(), "info: port uplink: the MTU of its link fits again\n");
  EXPECT_TRUE(watch_.complaints().empty());
}

}  // namespace
}  // namespace postern
