#include "config/whole_file.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace postern::config {
namespace {

std::error_code last_error() { return {errno, std::generic_category()}; }

class Descriptor {
 public:
  // Not waiting: a named pipe opens before anybody writes to it.
  explicit Descriptor(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

std::error_code read_whole(const std::string& path, size_t most_bytes, std::string& out,
                           int patience_ms) {
  const Descriptor file(path);
  if (file.get() < 0) return last_error();
  std::string chunk(1 << 16, '\0');
  const size_t begin = out.size();
  while (true) {
    pollfd waiting{.fd = file.get(), .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, patience_ms);
    if (ready == 0) return std::make_error_code(std::errc::stream_timeout);
    const ssize_t got = ready < 0 ? -1 : read(file.get(), chunk.data(), chunk.size());
    if (got == 0) return {};
    if (got < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return last_error();
    }
    out.append(chunk, 0, static_cast<size_t>(got));
    if (out.size() - begin > most_bytes) return std::make_error_code(std::errc::file_too_large);
  }
}

}  // namespace postern::config
