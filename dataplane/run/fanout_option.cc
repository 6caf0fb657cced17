// net_af_packet and fragments: the driver puts its sockets into a fanout group whose packets the
// kernel reassembles first (PACKET_FANOUT_FLAG_DEFRAG, packet(7)), and no argument of the driver
// switches that off. A whole datagram does not fit a frame of its ring: it would come cut short, or
// as a packet that nobody had sent. So this program has its own setsockopt(), which every library
// in it finds before the C library's, and which takes that one flag out of that one option.
//
// Linked by a flag of this library (CMakeLists.txt). Any thread; no state.
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

extern "C" int setsockopt(int fd, int level, int name, const void* value,
                          socklen_t bytes) noexcept {
  uint32_t fanout = 0;
  if (level == SOL_PACKET && name == PACKET_FANOUT && bytes == sizeof fanout) {
    std::memcpy(&fanout, value, sizeof fanout);
    fanout &= ~(uint32_t{PACKET_FANOUT_FLAG_DEFRAG} << 16);
    value = &fanout;
  }
  return static_cast<int>(::syscall(SYS_setsockopt, fd, level, name, value, bytes));
}
