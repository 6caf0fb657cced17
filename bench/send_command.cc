#include "bench/send_command.h"

#include <rte_cycles.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "bench/bench_eal.h"
#include "bench/command_line.h"
#include "bench/run/console.h"
#include "bench/run/eth_device.h"
#include "bench/run/frame_file.h"
#include "bench/run/worker_thread.h"
#include "dataplane/packet/burst.h"
#include "dataplane/run/device.h"

namespace postern::bench {
namespace {

constexpr const char* kAbout =
    "Sends the frames of FILE (pcap, as run --frames writes it) round and round, as fast as the\n"
    "port takes them, and counts what comes back: the generator behind a port under test.\n"
    "DEVICE is a PCI address or a DPDK software device. Ctrl-C ends it.\n"
    "Exit status: 0 sent, 1 could not send, 2 usage.\n";

struct SendOptions {
  std::string device;
  MemoryMode memory = MemoryMode::kAuto;
  std::optional<uint32_t> cpu;
  uint32_t duration_ms = 0;  // 0: until it is ended
  pid_t parent = 0;          // ends with that process
};

Grammar grammar_for(SendOptions& options) {
  return {.usage = "send FILE --port DEVICE [OPTION VALUE]...",
          .about = kAbout,
          .flags = {{"--port", "DEVICE", "where to: 0000:3b:00.0, net_memif0,role=client,...",
                     [&](std::string_view text) {
                       options.device = text;
                       return Device::parse(text).ok();
                     }},
                    {"--cpu", "N", "the sender's CPU; default the last one allowed",
                     [&](std::string_view text) {
                       return put(options.cpu.emplace(), number_of(text, 0, 1023));
                     }},
                    {"--memory", "MODE", "auto, in-memory or no-huge; default auto",
                     [&](std::string_view text) {
                       if (text == "no-huge") options.memory = MemoryMode::kNoHuge;
                       if (text == "in-memory") options.memory = MemoryMode::kInMemory;
                       return text == "auto" || options.memory != MemoryMode::kAuto;
                     }},
                    {"--duration", "TIME", "how long, as 5s or 500ms; default until Ctrl-C",
                     [&](std::string_view text) {
                       return put(options.duration_ms, milliseconds_of(text));
                     }},
                    {"--parent", "PID", "end when that process ends",
                     [&](std::string_view text) {
                       return put(options.parent, number_of(text, 1, INT32_MAX));
                     }}},
          .least_words = 1,
          .most_words = 1,
          .words_are = "one file of frames"};
}

class Sender {
 public:
  Sender(EthDevice& device, rte_mempool* pool, const std::vector<std::vector<uint8_t>>& frames)
      : device_(device), pool_(pool), frames_(frames) {}

  std::string run(uint32_t duration_ms) {
    const uint64_t hz = rte_get_tsc_hz();
    const uint64_t begun = rte_rdtsc();
    const uint64_t end =
        duration_ms == 0 ? UINT64_MAX : begun + uint64_t{duration_ms} * (hz / 1000);
    uint64_t next_look = begun;
    while (true) {
      const uint64_t now = rte_rdtsc();
      if (now >= end) break;
      if (now >= next_look) {
        if (was_interrupted()) break;
        next_look = now + hz / 100;
      }
      if (!send()) return "no packet buffer is free";
      receive();
    }
    char text[128];
    snprintf(text, sizeof text, "%.2f million frames sent, %.2f million came back\n",
             static_cast<double>(sent_) / 1e6, static_cast<double>(received_) / 1e6);
    print(text);
    return "";
  }

 private:
  bool send() {
    rte_mbuf* burst[kBurst];
    if (rte_pktmbuf_alloc_bulk(pool_, burst, kBurst) != 0) return false;
    for (rte_mbuf* frame : burst) {
      const std::vector<uint8_t>& bytes = frames_[next_];
      next_ = next_ + 1 == frames_.size() ? 0 : next_ + 1;
      frame->data_len = static_cast<uint16_t>(bytes.size());
      frame->pkt_len = static_cast<uint32_t>(bytes.size());
      std::copy(bytes.begin(), bytes.end(), rte_pktmbuf_mtod(frame, uint8_t*));
    }
    const uint16_t taken = device_.transmit(burst, kBurst);
    sent_ += taken;
    if (taken < kBurst) {
      rte_pktmbuf_free_bulk(burst + taken, kBurst - taken);
      // What was not taken comes first the next time.
      const size_t back = kBurst - taken;
      next_ = (next_ + frames_.size() - back % frames_.size()) % frames_.size();
    }
    return true;
  }

  void receive() {
    rte_mbuf* burst[kBurst];
    const uint16_t count = device_.receive(burst, kBurst);
    if (count == 0) return;
    received_ += count;
    rte_pktmbuf_free_bulk(burst, count);
  }

  EthDevice& device_;
  rte_mempool* pool_;
  const std::vector<std::vector<uint8_t>>& frames_;
  size_t next_ = 0;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
};

std::string send_frames(const std::string& file, const SendOptions& options) {
  const std::vector<std::vector<uint8_t>> frames = read_frame_file(file);
  if (frames.empty()) return file + " has no frames: make it with postern-bench run --frames FILE";
  constexpr uint32_t kBuffers = 2 * kBenchBuffers;
  uint32_t room = kBenchFrameRoomBytes;
  for (const std::vector<uint8_t>& frame : frames) {
    room = std::max(room, static_cast<uint32_t>(frame.size()));
  }
  auto started =
      start_bench_eal({.memory = options.memory,
                       .cpu = options.cpu,
                       .buffer_bytes = bytes_of_buffers(kBuffers, room),
                       .ports = {PortSettings{.name = "generator", .device = options.device}}});
  if (!started) return started.complaint().text();
  auto pool = make_bench_pool(kBuffers, room);
  if (!pool) return pool.complaint().text();
  Eal& eal = started.value().eal;
  auto device = EthDevice::open(options.device, pool.value().get(), eal.log());
  if (!device) return device.complaint().text();
  Sender sender(device.value(), pool.value().get(), frames);
  return on_worker(eal, 0, [&] { return sender.run(options.duration_ms); });
}

}  // namespace

int send_command(std::span<const char* const> arguments) {
  SendOptions options;
  const Grammar grammar = grammar_for(options);
  CommandLine line = read_command_line(arguments, grammar);
  if (line.error.empty() && !line.help_wanted && options.device.empty()) {
    line.error = "say where to send: --port DEVICE";
  }
  if (const std::optional<int> status = settle(line, grammar)) return *status;
  block_interrupts();
  if (options.parent != 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != options.parent) return 0;  // it has ended already
  }
  const std::string failure = send_frames(line.words.front(), options);
  if (failure.empty()) return 0;
  std::fprintf(stderr, "postern-bench: %s\n", failure.c_str());
  return 1;
}

}  // namespace postern::bench
