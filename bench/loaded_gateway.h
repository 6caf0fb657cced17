// A gateway with established sessions under a load that is offered rather than taken: trials for
// searches, with latencies. What finds the ring full is lost, and so is what the gateway drops.
//
// Made and used on the worker's lcore.
#ifndef POSTERN_BENCH_LOADED_GATEWAY_H_
#define POSTERN_BENCH_LOADED_GATEWAY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bench/established_traffic.h"
#include "bench/paced_service.h"
#include "bench/rate_search.h"

namespace postern::bench {

enum class LoadCase : uint8_t {
  kIo,      // frames are freed unseen: what the ring and this loop can do, the tester's own limit
  kNatOut,  // packets from the pods
  kNatIn,   // replies
};
[[nodiscard]] std::string_view name_of(LoadCase which);
[[nodiscard]] std::optional<LoadCase> load_case_of(std::string_view text);

struct LoadTrial {
  Trial trial;
  Served served;
};

class LoadedGateway {
 public:
  LoadedGateway(rte_mempool* pool, LoadCase which, uint32_t sessions)
      : which_(which),
        traffic_(pool, which == LoadCase::kNatIn ? Direction::kInbound : Direction::kOutbound,
                 sessions) {}

  // Opens the sessions. "" or what went wrong; the rest needs it.
  std::string prepare(bool huge_pages, uint32_t frame_bytes);

  // One trial. Latencies are there until the next one. Packets a second of the device's line are
  // nobody's here, so any load can be offered.
  LoadTrial offer(double per_second, double duration_s);

  // Not empty once buffers ran out: then nothing that was measured counts.
  [[nodiscard]] const std::string& failure() const { return service_->failure(); }
  [[nodiscard]] const LatencyHistogram& latency() const { return service_->latency(); }
  [[nodiscard]] const PortlessGateway& gateway() const { return traffic_.gateway(); }

 private:
  LoadCase which_;
  EstablishedTraffic traffic_;
  std::unique_ptr<PacedRing> ring_;
  std::unique_ptr<PacedService> service_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_LOADED_GATEWAY_H_
