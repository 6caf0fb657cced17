// The control thread's loop: timers, the helper thread, signals.
#include "control/serve/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

namespace postern {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(EventLoop, TimersComeInTheirOrderAndNotEarly) {
  EventLoop loop;
  std::vector<int> order;
  const uint64_t start_us = loop.now_us();
  uint64_t second_us = 0;
  loop.after(milliseconds(20), [&] {
    order.push_back(2);
    second_us = loop.now_us();
    loop.stop();
  });
  loop.after(microseconds(300), [&] { order.push_back(1); });
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_GE(second_us - start_us, 20'000u);
}

TEST(EventLoop, ATimerMaySetTimers) {
  EventLoop loop;
  int left = 100;
  std::function<void()> again = [&] {
    if (--left == 0) return loop.stop();
    loop.after(microseconds(50), again);
  };
  loop.after(microseconds(0), again);
  loop.run();
  EXPECT_EQ(left, 0);
}

TEST(EventLoop, EveryComesAgainAndAgain) {
  EventLoop loop;
  int times = 0;
  loop.every(milliseconds(1), [&] {
    if (++times == 5) loop.stop();
  });
  loop.run();
  EXPECT_EQ(times, 5);
}

TEST(EventLoop, WorkIsDoneBesideAndItsResultsComeBackInOrder) {
  EventLoop loop;
  const std::thread::id control = std::this_thread::get_id();
  std::vector<int> order;
  bool served_meanwhile = false;
  std::atomic<bool> go_on{false};
  loop.beside(
      [&] {
        EXPECT_NE(std::this_thread::get_id(), control);
        while (!go_on) std::this_thread::yield();
      },
      [&] {
        EXPECT_EQ(std::this_thread::get_id(), control);
        order.push_back(1);
      });
  loop.beside([] {},
              [&] {
                order.push_back(2);
                loop.stop();
              });
  loop.after(milliseconds(1), [&] {
    served_meanwhile = order.empty();
    go_on = true;
  });
  loop.run();
  EXPECT_TRUE(served_meanwhile);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(EventLoop, WhoOnlyAsksHoldsUpNoChange) {
  EventLoop loop;
  std::atomic<bool> changed{false};
  std::vector<int> order;
  loop.read_beside(
      [&] {
        while (!changed) std::this_thread::yield();
      },
      [&] {
        order.push_back(2);
        loop.stop();
      });
  loop.beside([] {},
              [&] {
                order.push_back(1);
                changed = true;
              });
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(EventLoop, WhatWaitsForTheHelperIsDroppedAtTheEnd) {
  bool first = false;
  bool second = false;
  {
    EventLoop loop;
    std::atomic<bool> began{false};
    loop.beside(
        [&] {
          began = true;
          // Long enough for a busy machine to reach stop_helpers() meanwhile.
          std::this_thread::sleep_for(milliseconds(500));
          first = true;
        },
        [] { FAIL() << "the loop does not run any more"; });
    loop.beside([&] { second = true; }, [] {});
    while (!began) std::this_thread::yield();
    loop.stop_helpers();
    EXPECT_TRUE(first) << "what it was doing is finished";
    loop.beside([&] { second = true; }, [] {});
  }
  EXPECT_FALSE(second);
}

TEST(EventLoop, SignalsAreEventsAlsoWhenTheyCameEarly) {
  EventLoop loop;
  int caught = 0;
  loop.on_signal(SIGUSR1, [&] {
    ++caught;
    loop.stop();
  });
  kill(getpid(), SIGUSR1);
  loop.run();
  EXPECT_EQ(caught, 1);
}

}  // namespace
}  // namespace postern
