// SPDX-License-Identifier: Apache-2.0
// Both halves of a fork write into one list; nothing is written when there is no trace.
#include "bundle-spec/cli/trace.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using trace::Event;

class Trace : public testing::Test {
 protected:
  void SetUp() override { trace::start(); }
  void TearDown() override { trace::stop(); }
  static std::vector<Event> events() {
    std::size_t lost = 0;
    return trace::events(lost);
  }
};

TEST_F(Trace, StepsHoldCalls) {
  {
    const trace::Step step("outer ", 7);
    check(::getppid(), "getppid");
    EXPECT_THROW(check(::close(-1), "close"), Error);
    trace::call("plain");
  }
  const auto all = events();
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].kind, Event::Kind::kBegin);
  EXPECT_EQ(all[0].text, "outer 7");
  EXPECT_EQ(all[1].text, "getppid");
  EXPECT_EQ(all[2].text, "close: Bad file descriptor");
  EXPECT_EQ(all[3].text, "plain");
  EXPECT_EQ(all[4].kind, Event::Kind::kEnd);
  for (std::size_t i = 1; i < all.size(); ++i)
    EXPECT_GE(all[i].start, all[i - 1].start + all[i - 1].duration);
}

TEST_F(Trace, AChildAddsItsHalf) {
  const pid_t child = ::fork();
  if (child == 0) {
    trace::enter_half("child");
    const trace::Step unfinished("work");
    trace::call("in it");
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  trace::call("after it");
  const auto all = events();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].kind, Event::Kind::kName);
  EXPECT_EQ(all[0].half, 1u);
  EXPECT_EQ(all[2].text, "in it");
  EXPECT_EQ(all[3].half, 0u);
}

TEST_F(Trace, ErrnoAndLongTextsSurvive) {
  errno = ENOTTY;
  trace::add_call(std::string(1000, 'x'));
  EXPECT_EQ(errno, ENOTTY);
  EXPECT_EQ(events().front().text, std::string(105, 'x'));
}

TEST_F(Trace, WhatFindsNoRoomIsCounted) {
  for (int i = 0; i < 40000; ++i) trace::call("one");
  std::size_t lost = 0;
  EXPECT_EQ(trace::events(lost).size(), 32768u);
  EXPECT_EQ(lost, 40000u - 32768u);
}

TEST(TraceOff, NothingIsEvaluated) {
  ASSERT_FALSE(trace::on());
  bool called = false;
  const trace::Step step([&] {
    called = true;
    return std::string();
  });
  trace::call("nowhere");
  check(::getppid(), "getppid");
  std::size_t lost = 0;
  EXPECT_TRUE(trace::events(lost).empty());
  EXPECT_FALSE(called);
}

}  // namespace
