#include "control/rpc/access.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace postern {
namespace {

constexpr AccessPolicy kPolicy{.control_group = 100, .control_readers = 200};

TEST(Access, RootMayChange) {
  EXPECT_EQ(rights_of({.uid = 0, .gid = 5}, {}), Rights::kChange);
  EXPECT_EQ(rights_of({.uid = 0, .gid = 5}, kPolicy), Rights::kChange);
}

TEST(Access, MembersOfTheControlGroupMayChange) {
  EXPECT_EQ(rights_of({.uid = 9, .gid = 100}, kPolicy), Rights::kChange);
  EXPECT_EQ(rights_of({.uid = 9, .gid = 5, .groups = {4, 100}}, kPolicy), Rights::kChange);
}

TEST(Access, ReadersMayReadUnlessTheyMayChange) {
  EXPECT_EQ(rights_of({.uid = 9, .gid = 200}, kPolicy), Rights::kRead);
  EXPECT_EQ(rights_of({.uid = 9, .gid = 5, .groups = {200}}, kPolicy), Rights::kRead);
  EXPECT_EQ(rights_of({.uid = 9, .gid = 200, .groups = {100}}, kPolicy), Rights::kChange);
}

TEST(Access, AllOthersMayNothing) {
  EXPECT_EQ(rights_of({.uid = 9, .gid = 5, .groups = {6, 7}}, kPolicy), Rights::kNone);
  EXPECT_EQ(rights_of({.uid = 9, .gid = 0, .groups = {0}}, kPolicy), Rights::kNone);
  // Without groups in the configuration, membership in group 0 is nothing either.
  EXPECT_EQ(rights_of({.uid = 9, .gid = 0, .groups = {0}}, {}), Rights::kNone);
}

TEST(Access, ResolvesGroupNames) {
  absl::StatusOr<AccessPolicy> policy = resolve_access("root", "");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->control_group, gid_t{0});
  EXPECT_EQ(policy->control_readers, std::nullopt);
}

TEST(Access, SaysHowToMakeAMissingGroup) {
  absl::StatusOr<AccessPolicy> policy = resolve_access("", "no-such-group-here");
  ASSERT_FALSE(policy.ok());
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kNotFound);
  const std::string text(policy.status().message());
  EXPECT_NE(text.find("gateway.control_readers"), std::string::npos) << text;
  EXPECT_NE(text.find("groupadd --system no-such-group-here"), std::string::npos) << text;
}

TEST(Access, ReadsThePeersCredentials) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  absl::StatusOr<Peer> peer = peer_of(ends[0]);
  close(ends[0]);
  close(ends[1]);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(peer->uid, geteuid());
  EXPECT_EQ(peer->gid, getegid());
  EXPECT_EQ(peer->pid, getpid());
  std::vector<gid_t> own(1 << 16);
  own.resize(static_cast<size_t>(getgroups(1 << 16, own.data())));
  EXPECT_EQ(peer->groups, own);
}

TEST(Access, FailsOnWhatIsNoSocket) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_FALSE(peer_of(ends[0]).ok());
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace postern
