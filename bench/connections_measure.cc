#include <algorithm>
#include <cstdio>

#include "bench/connections_command.h"
#include "bench/printed.h"

namespace postern::bench {
namespace {

constexpr double kFirstRate = 1e6;
constexpr double kLeastRate = 1e3;
// Tables are filled at this share of the rate at which they just can be.
constexpr double kFillShare = 0.5;
// Capacity is searched to this fraction.
constexpr uint32_t kGrain = 1024;
// Phase 2 cannot carry more than this many times what a first packet costs.
constexpr double kFastestPhase2 = 20;

class Measurement {
 public:
  Measurement(const ConnectionsOptions& options, StatefulDevice& device, ConnectionsResult& result)
      : options_(options), device_(device), result_(result) {}

  void carry_out() {
    const uint32_t connections = options_.measuring.sessions;
    std::puts("maximum connection establishment rate");
    result_.establishment =
        search_rate(kFirstRate, kLeastRate, options_.max_rate, options_.width,
                    [&](double rate) { return establishes(connections, rate); });
    if (!result_.establishment.load) return;
    const double fill = kFillShare * *result_.establishment.load;
    std::puts("throughput over the full table");
    if (establishes(connections, fill)) measure_throughput();
    std::puts("connection tear-down rate");
    for (uint32_t i = 0; i < options_.tear_downs; ++i) {
      if (!establishes(connections, fill)) continue;
      result_.tear_downs.push_back(device_.tear_down());
      const TearDown& last = result_.tear_downs.back();
      std::printf("  %u in %.6f s\n", last.connections, last.seconds);
    }
    std::puts("connection tracking table capacity");
    result_.capacity = search_capacity(std::max(1u, connections / 16), most_connections(), kGrain,
                                       [&](uint32_t count) { return establishes(count, fill); });
  }

 private:
  [[nodiscard]] uint32_t most_connections() const {
    return std::min(2 * options_.measuring.sessions, kMaxSessions);
  }

  bool establishes(uint32_t connections, double rate) {
    for (uint32_t attempt = 0;; ++attempt) {
      const Establishment made = device_.establish(connections, rate, options_.check_share);
      const bool valid = made.valid(connections);
      std::printf("  %8u at %9.3f k/s  %s: %u live, %llu lost, %llu of %llu replies%s\n",
                  connections, rate / 1e3, valid ? "all there" : "not all", made.live,
                  static_cast<unsigned long long>(made.served.lost()),
                  static_cast<unsigned long long>(made.answered),
                  static_cast<unsigned long long>(made.replies),
                  made.disturbed ? "  disturbed" : "");
      std::fflush(stdout);
      if (valid || !made.disturbed) return valid;
      if (attempt == options_.retries) {
        ++result_.disturbed;
        return false;
      }
      ++result_.repeated;
    }
  }

  void measure_throughput() {
    const double most = kFastestPhase2 * *result_.establishment.load;
    const SearchRange range{.min_load = most / 1e4, .max_load = most, .width = options_.width};
    result_.throughput =
        search_throughput(range, 0, options_.trial_ms / 1e3, [&](double load, double duration_s) {
          return Trial{
              .load = load, .duration_s = duration_s, .loss_ratio = loss(load, duration_s)};
        });
  }

  double loss(double load, double duration_s) {
    for (uint32_t attempt = 0;; ++attempt) {
      const Served served = device_.carry(load, duration_s);
      std::printf("  %9.3f Mpps  lost %llu%s\n", load / 1e6,
                  static_cast<unsigned long long>(served.lost()),
                  served.disturbed ? "  disturbed" : "");
      std::fflush(stdout);
      if (served.lost() == 0 || !served.disturbed) return served.loss_ratio();
      if (attempt == options_.retries) {
        ++result_.disturbed;
        return served.loss_ratio();
      }
      ++result_.repeated;
    }
  }

  const ConnectionsOptions& options_;
  StatefulDevice& device_;
  ConnectionsResult& result_;
};

}  // namespace

std::string measure_connections(const ConnectionsOptions& options, StatefulDevice& device,
                                ConnectionsResult& result) {
  Measurement(options, device, result).carry_out();
  if (!device.failure().empty()) return device.failure();
  if (!result.establishment.load) {
    return printed("not even %.0f connections a second could be established: %s", kLeastRate,
                   device.gateway().lost().c_str());
  }
  return "";
}

}  // namespace postern::bench
