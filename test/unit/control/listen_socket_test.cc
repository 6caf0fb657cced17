#include "control/rpc/listen_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "test/unit/control/temporary_directory.h"

namespace postern {
namespace {

namespace fs = std::filesystem;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

// The error of connecting to the path, 0 where somebody listens.
int connect_error(const std::string& path) {
  const Fd client(socket(AF_UNIX, SOCK_STREAM, 0));
  const sockaddr_un address = address_of(path);
  return connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0
             ? 0
             : errno;
}

// Leaves a socket file behind that nobody listens on.
void leave_stale_socket(const std::string& path, int type = SOCK_STREAM) {
  const Fd dead(socket(AF_UNIX, type, 0));
  const sockaddr_un address = address_of(path);
  ASSERT_EQ(bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ListenSocket, MakesItsDirectoryAndCanBeOpenedByAll) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("run/postern/postern.sock");
  absl::StatusOr<ListenSocket> socket = ListenSocket::open(path);
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(connect_error(path), 0);
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0666u);
  ASSERT_EQ(stat(directory.path("run/postern").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07022u, 0u);
}

TEST(ListenSocket, RemovesItsFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  {
    absl::StatusOr<ListenSocket> socket = ListenSocket::open(path);
    ASSERT_TRUE(socket.ok()) << socket.status();
    ASSERT_TRUE(fs::exists(path));
    socket->close();
    EXPECT_FALSE(fs::exists(path));
    leave_stale_socket(path);  // somebody else's by now
  }
  EXPECT_TRUE(fs::exists(path));
}

TEST(ListenSocket, LeavesAFileThatIsNoLongerItsOwn) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  absl::StatusOr<ListenSocket> socket = ListenSocket::open(path);
  ASSERT_TRUE(socket.ok()) << socket.status();
  fs::rename(path, directory.path("moved"));
  std::ofstream(path) << "another's";
  socket->close();
  EXPECT_EQ(content_of(path), "another's");
}

TEST(ListenSocket, ReplacesTheSocketOfACrashedGateway) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  leave_stale_socket(path);
  ASSERT_EQ(connect_error(path), ECONNREFUSED);
  absl::StatusOr<ListenSocket> socket = ListenSocket::open(path);
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ(connect_error(path), 0);
}

TEST(ListenSocket, RefusesToReplaceALiveGateway) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  absl::StatusOr<ListenSocket> first = ListenSocket::open(path);
  ASSERT_TRUE(first.ok()) << first.status();
  absl::StatusOr<ListenSocket> second = ListenSocket::open(path);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists) << second.status();
  EXPECT_EQ(connect_error(path), 0);
}

TEST(ListenSocket, FollowsNoSymbolicLink) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  std::ofstream(directory.path("victim")) << "precious";
  fs::create_symlink(directory.path("victim"), path);
  absl::StatusOr<ListenSocket> socket = ListenSocket::open(path);
  ASSERT_FALSE(socket.ok());
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kFailedPrecondition) << socket.status();
  EXPECT_NE(socket.status().message().find("symbolic link"), std::string::npos);
  EXPECT_TRUE(fs::is_symlink(path));
  EXPECT_EQ(content_of(directory.path("victim")), "precious");
}

TEST(ListenSocket, FollowsNoLinkToAStaleSocketOrToNothing) {
  const TemporaryDirectory directory;
  leave_stale_socket(directory.path("stale"));
  for (const char* target : {"stale", "missing"}) {
    fs::create_symlink(directory.path(target), directory.path("s"));
    EXPECT_FALSE(ListenSocket::open(directory.path("s")).ok()) << target;
    EXPECT_TRUE(fs::is_symlink(directory.path("s")));
    fs::remove(directory.path("s"));
  }
  EXPECT_TRUE(fs::exists(directory.path("stale")));
  EXPECT_FALSE(fs::exists(directory.path("missing")));
}

TEST(ListenSocket, LeavesWhatIsNoSocketAlone) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  std::ofstream(path) << "precious";
  absl::StatusOr<ListenSocket> socket = ListenSocket::open(path);
  ASSERT_FALSE(socket.ok());
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kFailedPrecondition) << socket.status();
  EXPECT_EQ(content_of(path), "precious");
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_FALSE(ListenSocket::open(path).ok());
  EXPECT_TRUE(fs::is_directory(path));
}

TEST(ListenSocket, LeavesALiveSocketOfAnotherKindAlone) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("s");
  const Fd other(socket(AF_UNIX, SOCK_DGRAM, 0));
  const sockaddr_un address = address_of(path);
  ASSERT_EQ(bind(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_FALSE(ListenSocket::open(path).ok());
  EXPECT_TRUE(fs::exists(path));
}

TEST(ListenSocket, RefusesADirectoryThatEverybodyMayWrite) {
  const TemporaryDirectory directory;
  fs::create_directory(directory.path("open"));
  ASSERT_EQ(chmod(directory.path("open").c_str(), 0777), 0);
  absl::StatusOr<ListenSocket> socket = ListenSocket::open(directory.path("open/s"));
  ASSERT_FALSE(socket.ok());
  EXPECT_NE(socket.status().message().find("chmod o-w"), std::string::npos) << socket.status();
  ASSERT_EQ(chmod(directory.path("open").c_str(), 01777), 0);  // as /tmp
  EXPECT_TRUE(ListenSocket::open(directory.path("open/s")).ok());
}

TEST(ListenSocket, RefusesPathsThatNoSocketCanHave) {
  const TemporaryDirectory directory;
  EXPECT_EQ(ListenSocket::open("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ListenSocket::open(directory.path(std::string(120, 'x'))).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ListenSocket::open(directory.path("")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace postern
