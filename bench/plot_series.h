// Result files as series of numbers for plots. What a file does not say is told, and nothing is
// made up for it. Values; any thread.
#ifndef POSTERN_BENCH_PLOT_SERIES_H_
#define POSTERN_BENCH_PLOT_SERIES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::bench {

enum class PlotKind : uint8_t {
  kCyclesBySessions,  // rows: sessions, cycles, low, high
  kStages,            // rows: cycles; row_names: stages
  kNewSessions,       // rows: live sessions, new sessions a second
  kRefusals,          // rows: percent of ports in use, percent refused, cycles a new session
  kReloadLoss,   // rows: seconds, packets lost, lost as the CPU stood still or was others', packets
                 // a second
  kLatencyTail,  // rows: share of packets, microseconds
};
inline constexpr PlotKind kPlotKinds[] = {PlotKind::kCyclesBySessions, PlotKind::kStages,
                                          PlotKind::kNewSessions,      PlotKind::kRefusals,
                                          PlotKind::kReloadLoss,       PlotKind::kLatencyTail};
// The name of a plot's files, without what follows the point.
[[nodiscard]] std::string_view name_of(PlotKind kind);
// Where what it shows comes from, for those who lack it.
[[nodiscard]] std::string_view source_of(PlotKind kind);

struct Series {
  PlotKind kind = PlotKind::kCyclesBySessions;
  std::string label = {};
  std::string commit = {};   // what it was measured with; empty: a peer, or unknown
  std::string machine = {};  // the CPU
  bool peer = false;         // somebody else's program
  bool disturbed = false;    // a point of it was measured while others were at work
  std::vector<std::vector<double>> rows = {};
  std::vector<std::string> row_names = {};
};

struct PlotInput {
  std::vector<Series> series;
  std::vector<std::string> complaints;  // "FILE: what is missing of it"
};

// Adds what `text`, the content of `path`, has to show. A file with nothing to show is a complaint.
void read_plot_file(const std::string& path, const std::string& text, PlotInput& input);

// Series of one kind and label become one, sorted; where their commits differ they stay apart and
// bear them.
void join_series(std::vector<Series>& series);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_PLOT_SERIES_H_
