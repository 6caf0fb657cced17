// compare-send INTERFACE FILE CPU: sends the frames of a pcap file again and again, as fast as a
// packet socket takes them, until it is ended. The load for a gateway that is the kernel itself.
// Exit status: 1 could not begin or go on, 2 usage.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

constexpr size_t kFileHeaderBytes = 24;
constexpr size_t kRecordHeaderBytes = 16;
constexpr size_t kLengthAt = 8;  // in a record's header: bytes that are stored
constexpr size_t kBatch = 64;
constexpr int kSendBufferBytes = 1 << 28;

int fail(const char* what) {
  std::fprintf(stderr, "compare-send: %s: %s\n", what, std::strerror(errno));
  return 1;
}

std::vector<char> content(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Where the frames lie in the file. Empty when it is none of this machine's byte order.
std::vector<iovec> frames_in(std::vector<char>& file) {
  constexpr uint32_t kMagic = 0xa1b2c3d4;
  std::vector<iovec> frames;
  if (file.size() < kFileHeaderBytes || std::memcmp(file.data(), &kMagic, sizeof kMagic) != 0) {
    return frames;
  }
  size_t at = kFileHeaderBytes;
  while (at + kRecordHeaderBytes <= file.size()) {
    uint32_t length = 0;
    std::memcpy(&length, file.data() + at + kLengthAt, sizeof length);
    at += kRecordHeaderBytes;
    if (length > file.size() - at) break;
    frames.push_back({file.data() + at, length});
    at += length;
  }
  return frames;
}

bool move_to(uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

int send_forever(int socket, std::vector<iovec>& frames) {
  std::array<mmsghdr, kBatch> batch{};
  for (size_t at = 0;;) {
    for (mmsghdr& message : batch) {
      message.msg_hdr.msg_iov = &frames[at];
      message.msg_hdr.msg_iovlen = 1;
      at = at + 1 == frames.size() ? 0 : at + 1;
    }
    for (size_t sent = 0; sent < kBatch;) {
      const int count =
          sendmmsg(socket, batch.data() + sent, static_cast<unsigned>(kBatch - sent), 0);
      if (count < 0 && errno != ENOBUFS && errno != EINTR && errno != EAGAIN) return fail("send");
      // What the kernel has no room for is lost, as on a wire.
      sent += count > 0 ? static_cast<size_t>(count) : 1;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  uint32_t cpu = 0;
  if (argc != 4 ||
      std::from_chars(argv[3], argv[3] + std::strlen(argv[3]), cpu).ec != std::errc{} ||
      cpu >= CPU_SETSIZE) {
    std::fprintf(stderr, "usage: compare-send INTERFACE FILE.pcap CPU\n");
    return 2;
  }
  if (!move_to(cpu)) return fail("CPU");
  std::vector<char> file = content(argv[2]);
  std::vector<iovec> frames = frames_in(file);
  if (frames.empty()) {
    std::fprintf(stderr, "compare-send: %s holds no frames in this machine's order\n", argv[2]);
    return 1;
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(argv[1]));
  if (address.sll_ifindex == 0) return fail(argv[1]);
  const int socket = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (socket < 0) return fail("packet socket");
  const int yes = 1;
  setsockopt(socket, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
  // More than all queues hold together: a sender that waits is woken by the receiver, frame by
  // frame, and the receiver is what is measured.
  setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBufferBytes, sizeof kSendBufferBytes);
  if (bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return fail("bind");
  const int status = send_forever(socket, frames);
  close(socket);
  return status;
}
