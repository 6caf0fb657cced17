#include "control/rpc/listen_socket.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

namespace postern {
namespace {

constexpr int kBacklog = 128;
constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kSocketMode = 0666;  // peer credentials decide, not the mode

absl::Status failed(const std::string& path, const char* what) {
  return absl::ErrnoToStatus(errno, absl::StrCat("control socket ", path, ": ", what));
}

absl::Status taken(const std::string& path, const char* by, const std::string& advice) {
  return absl::FailedPreconditionError(
      absl::StrCat("control socket ", path, ": ", by, "; ", advice));
}

absl::StatusOr<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path) ||
      path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("control socket ", path, ": a socket's path has 1 to ",
                     sizeof(address.sun_path) - 1, " characters; choose a shorter one"));
  }
  std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
  return address;
}

absl::StatusOr<Fd> open_directory(const std::string& path, const std::string& directory) {
  // Those that are there are left as they are.
  std::filesystem::path so_far;
  for (const std::filesystem::path& part : std::filesystem::path(directory)) {
    so_far /= part;
    if (mkdir(so_far.c_str(), kDirectoryMode) != 0 && errno != EEXIST && errno != EROFS) {
      return absl::ErrnoToStatus(
          errno, absl::StrCat("control socket ", path, ": cannot make its directory ",
                              so_far.string(), "; run as root, or set gateway.control_socket"));
    }
  }
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return failed(path, "cannot open its directory");
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return failed(path, "cannot look at its directory");
  if ((info.st_mode & S_IWOTH) != 0 && (info.st_mode & S_ISVTX) == 0) {
    return taken(path, "its directory can be written by everybody, who could replace the socket",
                 "chmod o-w " + directory);
  }
  return fd;
}

// Waits a while for another starting gateway. Everybody who may read the directory can hold its
// lock, so that it must not keep this one from starting: in the end it goes on without.
Fd lock_directory(const std::string& directory) {
  Fd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; lock.is_open() && i < 20; ++i) {
    if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return lock;
}

// Ok where nobody listens behind the file.
absl::Status check_stale(const std::string& path, const sockaddr_un& address) {
  Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.is_open()) return failed(path, "cannot make a socket");
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN) {  // its queue of connections is full
    return absl::AlreadyExistsError(
        absl::StrCat("control socket ", path,
                     ": another gateway answers there; stop it, or set gateway.control_socket"));
  }
  if (errno == ECONNREFUSED) return absl::OkStatus();
  if (errno == EPROTOTYPE) {
    return taken(path, "a socket of another kind is in its place",
                 "remove it, or set gateway.control_socket");
  }
  return failed(path, "cannot tell whether a gateway answers there");
}

// Makes the name free, or says why it cannot be.
absl::Status clear_name(const std::string& path, const sockaddr_un& address, int directory,
                        const std::string& name) {
  struct stat info {};
  if (fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? absl::OkStatus() : failed(path, "cannot look at what is there");
  }
  if (S_ISLNK(info.st_mode)) {
    return taken(path, "a symbolic link is in its place and is not followed",
                 "find out who made it and remove it");
  }
  if (!S_ISSOCK(info.st_mode)) {
    return taken(path, "something that is no socket is in its place",
                 "remove it, or set gateway.control_socket");
  }
  absl::Status stale = check_stale(path, address);
  if (!stale.ok()) return stale;
  if (unlinkat(directory, name.c_str(), 0) != 0) {
    return failed(path, "cannot remove the socket that a crashed gateway left");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ListenSocket> ListenSocket::open(const std::string& path) {
  absl::StatusOr<sockaddr_un> address = address_of(path);
  if (!address.ok()) return address.status();
  const std::filesystem::path whole(path);
  const std::string name = whole.filename().string();
  const std::string parent = whole.has_parent_path() ? whole.parent_path().string() : ".";
  if (name.empty() || name == "." || name == "..") {
    return absl::InvalidArgumentError(
        absl::StrCat("control socket ", path, ": names a directory; add the file's name"));
  }
  absl::StatusOr<Fd> directory = open_directory(path, parent);
  if (!directory.ok()) return directory.status();
  // Kept to the end of the function: from then on another one's probe finds this one listening.
  const Fd lock = lock_directory(parent);
  absl::Status free = clear_name(path, *address, directory->get(), name);
  if (!free.ok()) return free;
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return failed(path, "cannot make a socket");
  // bind() makes the file and follows no link: it fails where anything is there again.
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return failed(path, "cannot bind (is its directory writable for this user?)");
  }
  ListenSocket made(std::move(*directory), name, std::move(socket));
  if (fchmodat(made.directory_.get(), name.c_str(), kSocketMode, 0) != 0) {
    return failed(path, "cannot open it to all users");
  }
  if (listen(made.fd(), kBacklog) != 0) return failed(path, "cannot listen");
  return made;
}

ListenSocket::ListenSocket(Fd directory, std::string name, Fd socket)
    : directory_(std::move(directory)), name_(std::move(name)), socket_(std::move(socket)) {
  struct stat info {};
  if (fstatat(directory_.get(), name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
  device_ = info.st_dev;
  inode_ = info.st_ino;
}

void ListenSocket::close() {
  if (!socket_.is_open()) return;
  // The file first: whoever finds it finds a listener.
  struct stat info {};
  if (fstatat(directory_.get(), name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      info.st_dev == device_ && info.st_ino == inode_ && S_ISSOCK(info.st_mode)) {
    unlinkat(directory_.get(), name_.c_str(), 0);
  }
  socket_.reset();
  directory_.reset();
}

}  // namespace postern
