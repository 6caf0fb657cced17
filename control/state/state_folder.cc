#include "control/state/state_folder.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "control/state/state_file.h"

namespace postern {
namespace {

constexpr char kFile[] = "pods.state";
constexpr char kTemporary[] = "pods.state.new";

std::string why(int error) { return std::strerror(error); }

absl::Status write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::UnavailableError(why(errno));
    text.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> read_all(int fd, size_t size) {
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(fd, text.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::UnavailableError(why(errno));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  text.resize(done);
  return text;
}

Complaint cannot_open(const std::string& path, int error) {
  const std::string name = "gateway.state_dir: " + path;
  if (error == ENOENT) return {name + " is not there", "make it: mkdir -m 0700 -p " + path};
  if (error == ENOTDIR) return {name + " is no directory", "name a directory of the gateway's own"};
  return {name + " cannot be opened: " + why(error), "let the gateway's user read and write it"};
}

}  // namespace

StateFolder::StateFolder(std::string path, Fd folder)
    : path_(std::move(path)), folder_(std::move(folder)) {}

std::string StateFolder::file() const { return path_ + "/" + kFile; }

Outcome<StateFolder> StateFolder::open(const std::string& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return cannot_open(path, errno);
  if (flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EWOULDBLOCK) {
      return Complaint{"gateway.state_dir: " + path + " is in use by another gateway",
                       "give each gateway a directory of its own"};
    }
    return Complaint{"gateway.state_dir: " + path + " cannot be locked: " + why(error),
                     "name a directory on a local file system"};
  }
  StateFolder opened(path, std::move(folder));
  Fd trial;
  if (const absl::Status status = opened.make_temporary(trial); !status.ok()) {
    return Complaint{absl::StrCat("gateway.state_dir: ", status.message()),
                     "let the gateway's user write there, or name another directory"};
  }
  unlinkat(opened.folder_.get(), kTemporary, 0);
  return opened;
}

absl::StatusOr<std::optional<std::string>> StateFolder::read() const {
  const Fd file(openat(folder_.get(), kFile, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.is_open()) {
    if (errno == ENOENT) return std::nullopt;
    return absl::FailedPreconditionError("it cannot be opened: " + why(errno));
  }
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return absl::UnavailableError(why(errno));
  if (!S_ISREG(facts.st_mode)) return absl::FailedPreconditionError("it is no file");
  const bool is_ours = facts.st_uid == 0 || facts.st_uid == geteuid();
  if (!is_ours || (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::FailedPreconditionError("others than the gateway's user may have written it");
  }
  if (static_cast<uint64_t>(facts.st_size) > kMaxStateBytes) {
    return absl::FailedPreconditionError(
        absl::StrCat("it has ", facts.st_size, " bytes: larger than any state"));
  }
  absl::StatusOr<std::string> text = read_all(file.get(), static_cast<size_t>(facts.st_size));
  if (!text.ok()) return text.status();
  return *std::move(text);
}

absl::Status StateFolder::write(std::string_view text) const {
  Fd file;
  if (absl::Status status = make_temporary(file); !status.ok()) return status;
  absl::Status written = write_all(file.get(), text);
  if (written.ok() && fsync(file.get()) != 0) written = absl::UnavailableError(why(errno));
  file.reset();
  if (written.ok() && renameat(folder_.get(), kTemporary, folder_.get(), kFile) != 0) {
    written = absl::UnavailableError(why(errno));
  }
  if (!written.ok()) {
    unlinkat(folder_.get(), kTemporary, 0);
    return absl::UnavailableError(
        absl::StrCat("cannot write ", this->file(), ": ", written.message()));
  }
  if (fsync(folder_.get()) != 0) return fault("flush");
  return absl::OkStatus();
}

// What a process that ended in the middle left behind goes first; the lock says that it has ended.
absl::Status StateFolder::make_temporary(Fd& file) const {
  unlinkat(folder_.get(), kTemporary, 0);
  file = Fd(openat(folder_.get(), kTemporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                   0600));
  return file.is_open() ? absl::OkStatus() : fault("write in");
}

absl::Status StateFolder::fault(const char* what) const {
  return absl::UnavailableError(absl::StrCat("cannot ", what, " ", path_, ": ", why(errno)));
}

}  // namespace postern
