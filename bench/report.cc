#include "bench/report.h"

#include <algorithm>
#include <cinttypes>
#include <nlohmann/json.hpp>

#include "bench/environment_json.h"
#include "bench/printed.h"

namespace postern::bench {
namespace {

std::string median_line(const char* what, const Median& median) {
  return printed("  %-22s %8.1f   (95 %%: %.1f to %.1f)\n", what, median.value, median.low,
                 median.high);
}

// Mean share of time with packets.
double busy_of(const std::vector<Sample>& samples) {
  double sum = 0;
  for (const Sample& sample : samples) sum += sample.busy;
  return sum / static_cast<double>(samples.size());
}

nlohmann::ordered_json interval(const Median& median) {
  return {two_decimals(median.low), two_decimals(median.high)};
}

nlohmann::ordered_json rows_of(const std::vector<Sample>& samples) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Sample& sample : samples) {
    rows.push_back({{"net", two_decimals(sample.net())},
                    {"total", two_decimals(sample.total)},
                    {"io", two_decimals(sample.io)}});
  }
  return rows;
}

}  // namespace

Figures figures_of(const std::vector<Sample>& samples, uint64_t tsc_hz) {
  std::vector<double> net;
  std::vector<double> total;
  std::vector<double> io;
  for (const Sample& sample : samples) {
    net.push_back(sample.net());
    total.push_back(sample.total);
    io.push_back(sample.io);
  }
  Figures figures{.net = median_of(std::move(net)),
                  .total = median_of(std::move(total)),
                  .io = median_of(std::move(io))};
  figures.packets_per_second = static_cast<double>(tsc_hz) / figures.total.value;
  return figures;
}

double two_decimals(double value) { return rounded_to(value, 2); }

std::string line_of(const Second& second) {
  std::string text = printed("%6.1f s  %6.2f M%s  drops %" PRIu64 "  cycles a packet: %.1f",
                             second.at_s, second.packets_per_second / 1e6,
                             std::string(second.packets).c_str(), second.lost, second.cycles);
  if (second.io_cycles) {
    text += printed(" = %.1f net + %.1f io", second.cycles - *second.io_cycles, *second.io_cycles);
  }
  text += printed("  busy %.0f %%  sessions %u", 100 * second.busy, second.sessions);
  if (second.latency.packets != 0) {
    text += printed("  latency us: %.2f p50, %.2f p99, %.2f p99.9", second.latency.p50_ns / 1e3,
                    second.latency.p99_ns / 1e3, second.latency.p999_ns / 1e3);
  }
  return text + (second.what.empty() ? "" : "  ") + second.what + '\n';
}

Second second_of(const std::vector<Sample>& samples, uint64_t tsc_hz) {
  const Figures figures = figures_of(samples, tsc_hz);
  const auto disturbed = std::count_if(samples.begin(), samples.end(),
                                       [](const Sample& sample) { return sample.disturbed; });
  return {.packets_per_second = figures.packets_per_second,
          .cycles = figures.total.value,
          .io_cycles = figures.io.value,
          .busy = busy_of(samples),
          .what = printed("groups %zu, %td disturbed", samples.size(), disturbed)};
}

std::string closing_block(const Options& options, const RunSetting& setting,
                          const RunResult& result, const Environment& environment) {
  const Figures figures = figures_of(result.samples, environment.tsc_hz);
  std::string text =
      printed("\n%s by %s, %s: %u sessions of %u pods on %u nodes, frames of %u bytes%s\n",
              std::string(name_of(options.which)).c_str(), text_of(options.port).c_str(),
              std::string(name_of(options.overlay)).c_str(), options.sessions, setting.pods,
              setting.nodes, options.frame_bytes, result.interrupted ? ", interrupted" : "");
  text += median_line("net cycles a packet", figures.net);
  text += median_line("cycles a packet", figures.total);
  text += median_line("io cycles a packet", figures.io);
  text +=
      printed("  %-22s %8.2f   million\n", "packets a second", figures.packets_per_second / 1e6);
  text += printed("  %-22s %8zu   (%s)\n", "groups A B B A", result.samples.size(),
                  result.on_disturbed
                      ? "most of them disturbed: give the worker a CPU of its own"
                      : (std::to_string(result.disturbed.size()) + " disturbed, left out").c_str());
  text += printed("  %-22s %8.1f   million, %" PRIu64 " lost\n", "packets walked",
                  static_cast<double>(result.walked) / 1e6, result.lost);
  const LatencySummary latency = result.latency.summary(environment.tsc_hz);
  text += printed("  %-22s %8.2f   us, %.2f p99, %.2f p99.9\n", "received to sent",
                  latency.p50_ns / 1e3, latency.p99_ns / 1e3, latency.p999_ns / 1e3);
  text += printed("  %-22s %8.0f   %%\n", "busy", 100 * busy_of(result.samples));
  text += printed("  %-22s %8.1f   MiB in %s pages\n", "session table",
                  static_cast<double>(setting.session_table_bytes) / (1 << 20),
                  setting.session_pages.c_str());
  for (const StageFigures& way : result.stages) {
    text += printed("  %-22s", way.outbound ? "stages outbound" : "stages inbound");
    for (size_t i = 0; i < kStageNames.size(); ++i) {
      text += printed("  %s %.1f", std::string(kStageNames[i]).c_str(), way.cycles[i]);
    }
    text += '\n';
  }
  text +=
      printed("  %-22s %8.2f   %% while measuring\n", "stolen by others", result.stolen_percent);
  return text + "  " + environment.cpu + ", CPU " + std::to_string(setting.cpu) + ", buffers " +
         setting.memory + ", " + environment.dpdk + ", " + environment.commit + "\n";
}

nlohmann::ordered_json environment_json(const Environment& environment, const RunSetting& setting,
                                        double stolen_percent) {
  nlohmann::ordered_json json = environment_json(environment);
  json["cpu_of_worker"] = setting.cpu;
  json["memory"] = setting.memory;
  json["session_pages"] = setting.session_pages;
  json["session_table_bytes"] = setting.session_table_bytes;
  json["steal_percent"] = two_decimals(stolen_percent);
  return json;
}

nlohmann::ordered_json latency_json(const LatencySummary& latency) {
  return {{"packets", latency.packets}, {"p50_ns", latency.p50_ns},   {"p90_ns", latency.p90_ns},
          {"p99_ns", latency.p99_ns},   {"p999_ns", latency.p999_ns}, {"max_ns", latency.max_ns}};
}

nlohmann::ordered_json to_json(const Options& options, const RunSetting& setting,
                               const RunResult& result, const Environment& environment) {
  const Figures figures = figures_of(result.samples, environment.tsc_hz);
  nlohmann::ordered_json json = {{"case", name_of(options.which)},
                                 {"sessions", options.sessions},
                                 {"size", options.frame_bytes},
                                 {"workers", options.workers},
                                 {"port", text_of(options.port)},
                                 {"tunnel", name_of(options.overlay)},
                                 {"seed", options.seed},
                                 {"draw", name_of(options.draw)},
                                 {"net_cycles_per_packet", two_decimals(figures.net.value)},
                                 {"cycles_per_packet", two_decimals(figures.total.value)},
                                 {"io_cycles_per_packet", two_decimals(figures.io.value)},
                                 {"packets_per_second", two_decimals(figures.packets_per_second)},
                                 {"net_cycles_per_packet_interval", interval(figures.net)},
                                 {"cycles_per_packet_interval", interval(figures.total)},
                                 {"io_cycles_per_packet_interval", interval(figures.io)},
                                 {"packets", result.walked},
                                 {"dropped", result.lost},
                                 {"busy_percent", two_decimals(100 * busy_of(result.samples))},
                                 {"seconds", two_decimals(result.seconds)},
                                 {"interrupted", result.interrupted},
                                 {"samples_left_out", result.disturbed.size()},
                                 {"disturbed", result.on_disturbed},
                                 {"samples", rows_of(result.samples)},
                                 {"samples_disturbed", rows_of(result.disturbed)}};
  for (const StageFigures& way : result.stages) {
    nlohmann::ordered_json stages;
    for (size_t i = 0; i < kStageNames.size(); ++i) {
      stages[std::string(kStageNames[i])] = two_decimals(way.cycles[i]);
    }
    const bool second = json.contains("stage_cycles");
    json[second ? "stage_cycles_inbound" : "stage_cycles"] = stages;
  }
  json["latency"] = latency_json(result.latency.summary(environment.tsc_hz));
  json["environment"] = environment_json(environment, setting, result.stolen_percent);
  return json;
}

}  // namespace postern::bench
