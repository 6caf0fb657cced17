#include "dataplane/run/kernel_interface.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace postern {
namespace {

// One ioctl(2) of netdevice(7): `request` goes in and comes back. 0, or an errno.
int control_interface(const std::string& name, unsigned long code, ifreq& request) {
  if (name.empty() || name.size() >= IFNAMSIZ) return ENODEV;
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  const int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return errno;
  const int error = ioctl(socket_fd, code, &request) == 0 ? 0 : errno;
  close(socket_fd);
  return error;
}

}  // namespace

std::optional<uint32_t> interface_mtu(const std::string& name) {
  ifreq request{};
  if (control_interface(name, SIOCGIFMTU, request) != 0) return std::nullopt;
  return static_cast<uint32_t>(request.ifr_mtu);
}

std::optional<bool> interface_running(const std::string& name) {
  ifreq request{};
  if (control_interface(name, SIOCGIFFLAGS, request) != 0) return std::nullopt;
  return (request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0;
}

int set_interface_mtu(const std::string& name, uint32_t mtu_bytes) {
  ifreq request{};
  request.ifr_mtu = static_cast<int>(mtu_bytes);
  return control_interface(name, SIOCSIFMTU, request);
}

int set_interface_up(const std::string& name) {
  ifreq request{};
  if (const int error = control_interface(name, SIOCGIFFLAGS, request); error != 0) return error;
  if ((request.ifr_flags & IFF_UP) != 0) return 0;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  return control_interface(name, SIOCSIFFLAGS, request);
}

}  // namespace postern
