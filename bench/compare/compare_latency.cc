// compare-latency NEAR FAR CPU RATE MILLISECONDS SESSIONS: how long frames take through a program
// that listens at two memif sockets; packets of pods arrive at NEAR. Prints one line of JSON.
// Exit status: 0 measured, 1 could not be measured, 2 usage.
#include <rte_cycles.h>

#include <charconv>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/bench_eal.h"
#include "bench/compare/latency_probe.h"
#include "bench/compare/probe_ports.h"
#include "bench/conversation.h"
#include "bench/nat_traffic.h"
#include "bench/run/worker_thread.h"

namespace postern::bench {
namespace {

constexpr uint32_t kFrameBytes = 64;
constexpr uint32_t kBuffers = 16383;
constexpr double kPatience_s = 20;

struct Request {
  std::string near;
  std::string far;
  uint32_t cpu = 0;
  uint32_t rate = 0;
  uint32_t milliseconds = 0;
  uint32_t sessions = 0;
};

bool number(const char* text, uint32_t& value) {
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc{} && stop == end;
}

std::optional<Request> parse(int argc, char** argv) {
  Request request;
  if (argc != 7 || !number(argv[3], request.cpu) || !number(argv[4], request.rate) ||
      !number(argv[5], request.milliseconds) || !number(argv[6], request.sessions) ||
      request.milliseconds == 0 || request.sessions == 0) {
    return std::nullopt;
  }
  request.near = argv[1];
  request.far = argv[2];
  return request;
}

bool linked(const ProbePort& near, const ProbePort& far) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(kPatience_s);
  while (!near.is_linked() || !far.is_linked()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

void print(const LatencyProbe::Result& result, uint64_t hz) {
  const LatencySummary latency = result.latency.summary(hz);
  std::printf("{\"sent\": %" PRIu64 ", \"received\": %" PRIu64
              ", \"packets_per_second\": %.0f, \"p50_ns\": %.0f, \"p99_ns\": %.0f, "
              "\"p999_ns\": %.0f, \"max_ns\": %.0f}\n",
              result.sent, result.received, static_cast<double>(result.received) / result.seconds,
              latency.p50_ns, latency.p99_ns, latency.p999_ns, latency.max_ns);
}

std::string measure(const Request& request) {
  auto started = start_bench_eal(
      {.cpu = request.cpu, .buffer_bytes = bytes_of_buffers(kBuffers, kBenchFrameRoomBytes)});
  if (!started) return started.complaint().text();
  auto pool = make_bench_pool(kBuffers);
  if (!pool) return pool.complaint().text();
  ProbePort near;
  ProbePort far;
  std::string failure = near.open(0, request.near, pool.value().get());
  if (failure.empty()) failure = far.open(1, request.far, pool.value().get());
  if (!failure.empty()) return failure;
  if (!linked(near, far)) return "nobody answers at " + request.near + " and " + request.far;

  const Scenario scenario = nat_scenario(request.sessions);
  const Frames frames(scenario, Direction::kOutbound, kFrameBytes);
  std::vector<FrameRecord> records;
  for (uint32_t i = 0; i < request.sessions; ++i) {
    records.push_back(frames.outbound_record(Conversation::at(scenario, i)));
  }
  const uint64_t hz = rte_get_tsc_hz();
  return on_worker(started.value().eal, 0, [&]() -> std::string {
    LatencyProbe probe(near, far, pool.value().get(), frames, records, hz);
    if (!probe.settle(kPatience_s)) return "frames do not come back";
    print(probe.measure(request.rate, request.milliseconds / 1000.0), hz);
    return "";
  });
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  const auto request = postern::bench::parse(argc, argv);
  if (!request) {
    std::fprintf(stderr, "usage: compare-latency NEAR FAR CPU RATE MILLISECONDS SESSIONS\n");
    return 2;
  }
  const std::string failure = postern::bench::measure(*request);
  if (failure.empty()) return 0;
  std::fprintf(stderr, "compare-latency: %s\n", failure.c_str());
  return 1;
}
