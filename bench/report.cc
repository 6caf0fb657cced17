#include "bench/report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace postern::bench {
namespace {

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  char text[384];
  va_list arguments;
  va_start(arguments, pattern);
  vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

std::string median_line(const char* what, const Median& median) {
  return format("  %-22s %8.1f   (95 %%: %.1f to %.1f)\n", what, median.value, median.low,
                median.high);
}

// Mean share of time with packets.
double busy_of(const std::vector<Sample>& samples) {
  double sum = 0;
  for (const Sample& sample : samples) sum += sample.busy;
  return sum / static_cast<double>(samples.size());
}

// Two decimals: the third says nothing here.
double rounded(double value) {
  return static_cast<double>(static_cast<int64_t>(value * 100)) / 100;
}

nlohmann::ordered_json interval(const Median& median) {
  return {rounded(median.low), rounded(median.high)};
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

std::string progress_line(const Second& second, uint64_t tsc_hz) {
  const std::vector<Sample>& samples = second.samples;
  const Figures figures = figures_of(samples, tsc_hz);
  const auto disturbed = std::count_if(samples.begin(), samples.end(),
                                       [](const Sample& sample) { return sample.disturbed; });
  return format("%6.1f s  %6.2f Mpps  drops %" PRIu64
                "  cycles a packet: %.1f = %.1f net + %.1f io  busy %.0f %%  sessions %u  "
                "latency us: %.2f p50, %.2f p99, %.2f p99.9  groups %zu, %zu disturbed\n",
                second.at_s, figures.packets_per_second / 1e6, second.lost, figures.total.value,
                figures.net.value, figures.io.value, 100 * busy_of(samples), second.sessions,
                second.latency.p50_ns / 1e3, second.latency.p99_ns / 1e3,
                second.latency.p999_ns / 1e3, samples.size(), static_cast<size_t>(disturbed));
}

std::string closing_block(const Options& options, const RunSetting& setting,
                          const RunResult& result, const Environment& environment) {
  const Figures figures = figures_of(result.samples, environment.tsc_hz);
  std::string text = format(
      "\n%s by %s: %u sessions of %u pods on %u nodes, frames of %u bytes%s\n",
      std::string(name_of(options.which)).c_str(), text_of(options.port).c_str(), options.sessions,
      setting.pods, setting.nodes, options.frame_bytes, result.interrupted ? ", interrupted" : "");
  text += median_line("net cycles a packet", figures.net);
  text += median_line("cycles a packet", figures.total);
  text += median_line("io cycles a packet", figures.io);
  text += format("  %-22s %8.2f   million\n", "packets a second", figures.packets_per_second / 1e6);
  text += format("  %-22s %8zu   (%s)\n", "groups A B B A", result.samples.size(),
                 result.on_disturbed
                     ? "most of them disturbed: give the worker a CPU of its own"
                     : (std::to_string(result.disturbed.size()) + " disturbed, left out").c_str());
  text += format("  %-22s %8.1f   million, %" PRIu64 " lost\n", "packets walked",
                 static_cast<double>(result.walked) / 1e6, result.lost);
  const LatencySummary latency = result.latency.summary(environment.tsc_hz);
  text += format("  %-22s %8.2f   us, %.2f p99, %.2f p99.9\n", "received to sent",
                 latency.p50_ns / 1e3, latency.p99_ns / 1e3, latency.p999_ns / 1e3);
  text += format("  %-22s %8.0f   %%\n", "busy", 100 * busy_of(result.samples));
  text += format("  %-22s %8.1f   MiB in %s pages\n", "session table",
                 static_cast<double>(setting.session_table_bytes) / (1 << 20),
                 setting.session_pages.c_str());
  for (const StageFigures& way : result.stages) {
    text += format("  %-22s", way.outbound ? "stages outbound" : "stages inbound");
    for (size_t i = 0; i < kStageNames.size(); ++i) {
      text += format("  %s %.1f", std::string(kStageNames[i]).c_str(), way.cycles[i]);
    }
    text += '\n';
  }
  text += format("  %-22s %8.2f   %% while measuring\n", "stolen by others", result.stolen_percent);
  return text + "  " + environment.cpu + ", CPU " + std::to_string(setting.cpu) + ", buffers " +
         setting.memory + ", " + environment.dpdk + ", " + environment.commit + "\n";
}

nlohmann::ordered_json environment_json(const Environment& environment, const RunSetting& setting,
                                        double stolen_percent) {
  return {{"cpu", environment.cpu},
          {"cpus", environment.cpus},
          {"instruction_set", environment.instruction_set},
          {"flags", environment.flags},
          {"tsc_hz", environment.tsc_hz},
          {"hugepages",
           {{"total", environment.huge_pages},
            {"free", environment.huge_pages_free},
            {"page_kb", environment.huge_page_kb}}},
          {"kernel", environment.kernel},
          {"dpdk", environment.dpdk},
          {"compiler", environment.compiler},
          {"build", environment.build},
          {"commit", environment.commit},
          {"cpu_of_worker", setting.cpu},
          {"memory", setting.memory},
          {"session_pages", setting.session_pages},
          {"session_table_bytes", setting.session_table_bytes},
          {"steal_percent", rounded(stolen_percent)}};
}

nlohmann::ordered_json latency_json(const LatencySummary& latency) {
  return {{"packets", latency.packets}, {"p50_ns", latency.p50_ns},   {"p90_ns", latency.p90_ns},
          {"p99_ns", latency.p99_ns},   {"p999_ns", latency.p999_ns}, {"max_ns", latency.max_ns}};
}

std::string to_json(const Options& options, const RunSetting& setting, const RunResult& result,
                    const Environment& environment) {
  const Figures figures = figures_of(result.samples, environment.tsc_hz);
  nlohmann::ordered_json samples = nlohmann::ordered_json::array();
  for (const Sample& sample : result.samples) {
    samples.push_back({{"net", rounded(sample.net())},
                       {"total", rounded(sample.total)},
                       {"io", rounded(sample.io)}});
  }
  nlohmann::ordered_json json = {{"case", name_of(options.which)},
                                 {"sessions", options.sessions},
                                 {"size", options.frame_bytes},
                                 {"workers", options.workers},
                                 {"port", text_of(options.port)},
                                 {"seed", options.seed},
                                 {"draw", name_of(options.draw)},
                                 {"net_cycles_per_packet", rounded(figures.net.value)},
                                 {"cycles_per_packet", rounded(figures.total.value)},
                                 {"io_cycles_per_packet", rounded(figures.io.value)},
                                 {"packets_per_second", rounded(figures.packets_per_second)},
                                 {"net_cycles_per_packet_interval", interval(figures.net)},
                                 {"cycles_per_packet_interval", interval(figures.total)},
                                 {"io_cycles_per_packet_interval", interval(figures.io)},
                                 {"packets", result.walked},
                                 {"dropped", result.lost},
                                 {"busy_percent", rounded(100 * busy_of(result.samples))},
                                 {"seconds", rounded(result.seconds)},
                                 {"interrupted", result.interrupted},
                                 {"samples_left_out", result.disturbed.size()},
                                 {"disturbed", result.on_disturbed},
                                 {"samples", samples}};
  for (const StageFigures& way : result.stages) {
    nlohmann::ordered_json stages;
    for (size_t i = 0; i < kStageNames.size(); ++i) {
      stages[std::string(kStageNames[i])] = rounded(way.cycles[i]);
    }
    const bool second = json.contains("stage_cycles");
    json[second ? "stage_cycles_inbound" : "stage_cycles"] = stages;
  }
  json["latency"] = latency_json(result.latency.summary(environment.tsc_hz));
  json["environment"] = environment_json(environment, setting, result.stolen_percent);
  return json.dump(2) + '\n';
}

}  // namespace postern::bench
