// What a run says: a line a second, a closing block, a JSON file. Main or worker thread, one at a
// time.
#ifndef POSTERN_BENCH_REPORT_H_
#define POSTERN_BENCH_REPORT_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/alternation.h"
#include "bench/environment.h"
#include "bench/latency_histogram.h"
#include "bench/options.h"
#include "bench/run/stage_profile.h"
#include "bench/statistics.h"

namespace postern::bench {

// What the run was made in, known once everything is set up.
struct RunSetting {
  uint32_t pods = 0;
  uint32_t nodes = 0;
  uint32_t cpu = 0;           // of the worker
  std::string memory;         // "in-memory", "no-huge": of packet buffers
  std::string session_pages;  // "huge", "transparent", "small"
  uint64_t session_table_bytes = 0;
};

// What each stage costs, one way.
struct StageFigures {
  bool outbound = true;
  StageCycles cycles{};
};

struct RunResult {
  std::vector<Sample> samples;    // those that count
  std::vector<Sample> disturbed;  // and those that do not
  bool on_disturbed = false;      // too few counted, so these were taken in as well
  uint64_t walked = 0;            // packets
  uint64_t lost = 0;              // of them; only where somebody else sends them
  LatencyHistogram latency;       // from receiving a packet to having sent it
  double seconds = 0;             // of measuring
  double stolen_percent = 0;
  bool interrupted = false;
  std::vector<StageFigures> stages;
};

// Figures of a run; samples must not be empty.
struct Figures {
  Median net;
  Median total;
  Median io;
  double packets_per_second = 0;  // with the walk
};
[[nodiscard]] Figures figures_of(const std::vector<Sample>& samples, uint64_t tsc_hz);

// What a second brought.
struct Second {
  double at_s = 0;
  double packets_per_second = 0;
  uint64_t lost = 0;
  double cycles = 0;                     // a packet
  std::optional<double> io_cycles = {};  // of them, where they are known
  double busy = 1;                       // share of the time
  uint32_t sessions = 0;
  LatencySummary latency = {};       // without packets: not known
  std::string_view packets = "pps";  // what is counted, behind "M"
  std::string what = {};             // behind it all
};
[[nodiscard]] std::string line_of(const Second& second);
// Of samples, at least one; the rest of the line is the caller's.
[[nodiscard]] Second second_of(const std::vector<Sample>& samples, uint64_t tsc_hz);
// Two decimals: the third says nothing here.
[[nodiscard]] double two_decimals(double value);
[[nodiscard]] std::string closing_block(const Options& options, const RunSetting& setting,
                                        const RunResult& result, const Environment& environment);
// What every result of a run says of where it was taken, and of latencies.
[[nodiscard]] nlohmann::ordered_json environment_json(const Environment& environment,
                                                      const RunSetting& setting,
                                                      double stolen_percent);
[[nodiscard]] nlohmann::ordered_json latency_json(const LatencySummary& latency);
// Keys are a public interface: net_cycles_per_packet, cycles_per_packet, io_cycles_per_packet,
// packets_per_second, case, sessions, samples (those that count), samples_disturbed (the others),
// environment, and what stands beside them.
[[nodiscard]] nlohmann::ordered_json to_json(const Options& options, const RunSetting& setting,
                                             const RunResult& result,
                                             const Environment& environment);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_REPORT_H_
