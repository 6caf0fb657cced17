#include "bench/plot_series.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace postern::bench {
namespace {

using json = nlohmann::ordered_json;  // stages and curves in the file's order

std::string text_at(const json& object, const char* key) {
  const bool there = object.is_object() && object.contains(key) && object[key].is_string();
  return there ? object[key].get<std::string>() : "";
}

std::optional<double> number_at(const json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_number()) {
    return std::nullopt;
  }
  return object[key].get<double>();
}

const json& at(const json& object, const char* key) {
  static const json kNothing;
  return object.is_object() && object.contains(key) ? object[key] : kNothing;
}

// Takes the series out of one file.
class Reader {
 public:
  Reader(std::string path, const json& file, PlotInput& input)
      : path_(std::move(path)),
        file_(file),
        input_(input),
        commit_(text_at(at(file, "environment"), "commit")),
        machine_(text_at(at(file, "environment"), "cpu")) {}

  void read() {
    const size_t before = input_.series.size() + input_.complaints.size();
    const std::string kind = text_at(file_, "kind");
    if (file_.contains("peers")) {
      peers();
    } else if (file_.contains("benchmarks")) {
      stage_benchmarks();
    } else if (kind == "sweep") {
      for (json point : at(file_, "points")) {
        // Bars of every step would hide one another: stages are for results of `run`.
        if (!point.is_object()) continue;
        for (const char* key : {"stage_cycles", "stage_cycles_inbound"}) point.erase(key);
        result(point, text_at(file_, "case"));
      }
    } else if (kind == "ndr") {
      loaded_latencies();
    } else if (kind == "rfc9693") {
      establishment();
    } else if (file_.contains("case")) {
      result(file_, text_at(file_, "case"));
    }
    if (input_.series.size() + input_.complaints.size() == before) {
      complain("nothing in it can be drawn");
    }
  }

 private:
  void complain(const std::string& what) { input_.complaints.push_back(path_ + ": " + what); }

  Series& begin(PlotKind kind, std::string label) {
    return input_.series.emplace_back(Series{.kind = kind,
                                             .label = std::move(label),
                                             .commit = commit_,
                                             .machine = machine_,
                                             .rows = {},
                                             .row_names = {}});
  }

  static bool is_disturbed(const json& point) {
    const json& flag = at(point, "disturbed");
    return flag.is_boolean() && flag.get<bool>();
  }

  // Every number of `keys`, or a complaint.
  std::optional<std::vector<double>> row(const json& object,
                                         std::initializer_list<const char*> keys,
                                         const std::string& what) {
    std::vector<double> numbers;
    for (const char* key : keys) {
      const std::optional<double> number = number_at(object, key);
      if (!number) {
        complain(what + " has no number \"" + key + '"');
        return std::nullopt;
      }
      numbers.push_back(*number);
    }
    return numbers;
  }

  // A result of `run`, or a point of a sweep.
  void result(const json& point, const std::string& name) {
    if (name == "new-sessions") return new_sessions(point);
    if (name == "ports-full") return refusals(point);
    if (name == "reload") return timeline(point);
    if (name == "expire") return latency_steps(point);
    if (name == "io" || name == "scale") return complain("a result of " + name + " has no plot");
    std::string label = name;
    if (const std::string draw = text_at(point, "draw"); !draw.empty()) label += ", " + draw;
    if (const std::string tunnel = text_at(point, "tunnel"); !tunnel.empty() && tunnel != "vxlan") {
      label += ", " + tunnel;
    }
    if (const std::string port = text_at(point, "port"); !port.empty() && port != "memory") {
      label += ", " + port;
    }
    auto numbers = row(point, {"sessions", "net_cycles_per_packet"}, name);
    if (!numbers) return;
    if (!add_interval(at(point, "net_cycles_per_packet_interval"), name, *numbers)) return;
    Series& series = begin(PlotKind::kCyclesBySessions, label);
    series.rows.push_back(*numbers);
    series.disturbed = is_disturbed(point);
    const bool has_two = point.contains("stage_cycles_inbound");
    stages(point, "stage_cycles", label + (has_two ? ", outbound" : ""));
    stages(point, "stage_cycles_inbound", label + ", inbound");
    stages(point, "stages", label);
  }

  // Appends both ends of the interval to sessions and cycles, which are on axes without zero.
  bool add_interval(const json& interval, const std::string& what, std::vector<double>& numbers) {
    const double cycles = numbers[1];
    if (!(numbers[0] > 0) || !(cycles > 0)) {
      complain(what + " has sessions or cycles that are not above zero");
      return false;
    }
    const bool both = interval.is_array() && interval.size() == 2 && interval[0].is_number() &&
                      interval[1].is_number();
    const double low = both ? interval[0].get<double>() : cycles;
    numbers.push_back(low > 0 ? low : cycles);
    numbers.push_back(both ? interval[1].get<double>() : cycles);
    return true;
  }

  // An object of numbers by stage, or a list of objects with "name" and "cycles_per_packet".
  void stages(const json& point, const char* where, const std::string& label) {
    const json& list = at(point, where);
    if (list.is_null()) return;
    const std::optional<double> sessions = number_at(point, "sessions");
    Series series = {.kind = PlotKind::kStages,
                     .label = label + ", " + std::to_string(std::llround(sessions.value_or(0))),
                     .commit = commit_,
                     .machine = machine_,
                     .rows = {},
                     .row_names = {}};
    for (const auto& [key, value] : list.items()) {
      const std::string stage = list.is_object() ? key : text_at(value, "name");
      const std::optional<double> cycles =
          value.is_number() ? value.get<double>() : number_at(value, "cycles_per_packet");
      if (stage.empty() || !cycles) return complain("its stages have no names or no numbers");
      series.row_names.push_back(stage);
      series.rows.push_back({*cycles});
    }
    if (!series.rows.empty()) input_.series.push_back(std::move(series));
  }

  // stage_bench's results: STAGE/DIRECTION/SESSIONS/burst:64, and only these bursts.
  void stage_benchmarks() {
    std::map<std::string, Series> by_label;
    for (const json& each : file_["benchmarks"]) {
      const std::string name = text_at(each, "name");
      const size_t first = name.find('/');
      const size_t burst = name.find("/burst:64");
      if (first == std::string::npos || burst == std::string::npos || burst <= first) continue;
      const std::optional<double> cycles = number_at(each, "cycles");
      if (!cycles) {
        complain(name + " has no number \"cycles\"");
        continue;
      }
      std::string label = name.substr(first + 1, burst - first - 1);
      std::replace(label.begin(), label.end(), '/', ' ');
      Series& series = by_label[label];
      series.kind = PlotKind::kStages;
      series.label = label + " sessions";
      series.row_names.push_back(name.substr(0, first));
      series.rows.push_back({*cycles});
    }
    for (auto& [label, series] : by_label) input_.series.push_back(std::move(series));
  }

  void new_sessions(const json& point) {
    const auto numbers = row(point, {"sessions", "new_sessions_per_second"}, "new-sessions");
    if (!numbers) return;
    Series& series = begin(PlotKind::kNewSessions, "new-sessions");
    series.rows.push_back(*numbers);
    series.disturbed = is_disturbed(point);
  }

  void establishment() {
    const std::optional<double> sessions = number_at(file_, "sessions");
    const std::optional<double> rate =
        number_at(at(file_, "maximum_connection_establishment_rate"), "per_second");
    if (!sessions || !rate) return complain("it has no maximum connection establishment rate");
    begin(PlotKind::kNewSessions, "RFC 9693, from an empty table to so many")
        .rows.push_back({*sessions, *rate});
  }

  void refusals(const json& point) {
    std::vector<std::vector<double>> rows;
    for (const json& level : at(point, "levels")) {
      const auto numbers =
          row(level, {"use_percent", "refused_while_free", "sessions", "cycles"}, "a level");
      if (!numbers) return;
      const double tried = (*numbers)[1] + (*numbers)[2];
      rows.push_back({(*numbers)[0], tried > 0 ? 100 * (*numbers)[1] / tried : 0, (*numbers)[3]});
    }
    if (rows.empty()) return complain("it has no \"levels\"");
    begin(PlotKind::kRefusals, "ports-full").rows = std::move(rows);
  }

  // Slices of time, but for what their thread waited for its CPU, in which no time passes for the
  // packets.
  void timeline(const json& point) {
    std::map<std::string, std::vector<std::vector<double>>> phases;
    for (const json& slice : at(point, "timeline")) {
      auto numbers = row(slice, {"at_ms", "lost", "sent"}, "a slice of the timeline");
      if (!numbers) return;
      numbers->push_back(number_at(slice, "waited_us").value_or(0) / 1e6);
      numbers->push_back(number_at(slice, "lost_own").value_or((*numbers)[1]));
      numbers->push_back(number_at(slice, "lasted_ms").value_or(0) / 1e3);
      phases[text_at(slice, "phase")].push_back(*numbers);
    }
    if (phases.empty()) return complain("it has no \"timeline\"");
    for (const auto& [phase, slices] : phases) {
      Series& series = begin(PlotKind::kReloadLoss, phase.empty() ? "reload" : phase);
      for (const std::vector<double>& slice : slices) {
        const double lasted_s = slice[5] - slice[3];
        const double rate =
            lasted_s > 0 ? slice[2] / lasted_s : std::numeric_limits<double>::quiet_NaN();
        // A thread that has to wait for its CPU loses packets whatever it is doing, and so does one
        // whose machine stands still.
        const double own = slice[3] > 0 ? 0 : slice[4];
        series.rows.push_back({slice[0] / 1e3, own, slice[1] - own, rate});
      }
    }
  }

  // Steps of a distribution: nanoseconds, and the share that took at most as long.
  void tail(const json& steps, const std::string& label) {
    std::vector<std::vector<double>> rows;
    for (const json& step : steps) {
      if (!step.is_array() || step.size() != 2 || !step[0].is_number() || !step[1].is_number()) {
        return complain("a step of latency is no pair of numbers");
      }
      rows.push_back({step[1].get<double>(), step[0].get<double>() / 1e3});
    }
    if (!rows.empty()) begin(PlotKind::kLatencyTail, label).rows = std::move(rows);
  }

  void latency_steps(const json& point) {
    const json& all = at(point, "latency_steps");
    if (!all.is_object()) return complain("it has no \"latency_steps\"");
    for (const auto& [name, steps] : all.items()) tail(steps, "expire, " + name);
  }

  void loaded_latencies() {
    const json& all = at(file_, "latency");
    if (!all.is_array() || all.empty()) return complain("it has no \"latency\"");
    for (const json& each : all) {
      const std::optional<double> share = number_at(each, "share_of_rate");
      if (!share) return complain("a latency does not say at which share of the rate it was taken");
      tail(at(each, "steps"), text_at(file_, "case") + " at " +
                                  std::to_string(std::lround(100 * *share)) + " % of its rate");
    }
  }

  void peers() {
    if (!file_["peers"].is_array()) return complain("its \"peers\" are no list");
    const std::string where = text_at(file_, "measured");  // empty: by bench/compare/run, here
    for (const json& peer : file_["peers"]) {
      const std::string name = text_at(peer, "name");
      // Others than these have no sessions that are established, or none at all.
      const std::string what = text_at(peer, "case");
      if (!what.empty() && what != "snat" && what != "nat-out" && what != "nat-in") continue;
      const bool net = number_at(peer, "net_cycles_per_packet").has_value();
      auto numbers = row(peer, {"sessions", net ? "net_cycles_per_packet" : "cycles_per_packet"},
                         "peer " + name);
      if (!numbers) continue;
      if (!add_interval(at(peer, net ? "interval" : "cycles_interval"), "peer " + name, *numbers)) {
        continue;
      }
      std::string label = name + (net ? "" : ", with port I/O");
      if (!where.empty()) label += " (" + where + ")";
      Series& series = begin(PlotKind::kCyclesBySessions, label);
      series.commit.clear();
      series.peer = true;
      series.disturbed = is_disturbed(peer);
      series.rows.push_back(*numbers);
    }
  }

  const std::string path_;
  const json& file_;
  PlotInput& input_;
  const std::string commit_;
  const std::string machine_;
};

}  // namespace

std::string_view name_of(PlotKind kind) {
  switch (kind) {
    case PlotKind::kCyclesBySessions:
      return "cycles-by-sessions";
    case PlotKind::kStages:
      return "stages";
    case PlotKind::kNewSessions:
      return "new-sessions";
    case PlotKind::kRefusals:
      return "refusals";
    case PlotKind::kReloadLoss:
      return "reload-loss";
    case PlotKind::kLatencyTail:
      return "latency-tail";
  }
  return "";
}

std::string_view source_of(PlotKind kind) {
  switch (kind) {
    case PlotKind::kCyclesBySessions:
      return "sweep CASE, run CASE, bench/compare/run, bench/peers_elsewhere.json";
    case PlotKind::kStages:
      return "run of established cases, stage_bench --benchmark_out";
    case PlotKind::kNewSessions:
      return "run new-sessions, sweep new-sessions, connections";
    case PlotKind::kRefusals:
      return "run ports-full";
    case PlotKind::kReloadLoss:
      return "run reload";
    case PlotKind::kLatencyTail:
      return "ndr, run expire";
  }
  return "";
}

void read_plot_file(const std::string& path, const std::string& text, PlotInput& input) {
  const json file = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!file.is_object()) {
    input.complaints.push_back(path + ": it is no JSON object, so no result file");
    return;
  }
  Reader(path, file, input).read();
}

void join_series(std::vector<Series>& series) {
  std::map<std::pair<PlotKind, std::string>, std::set<std::string>> commits;
  for (const Series& each : series) commits[{each.kind, each.label}].insert(each.commit);
  std::vector<Series> joined;
  for (Series& each : series) {
    if (commits[{each.kind, each.label}].size() > 1) each.label += ", " + each.commit;
    const bool points =
        each.kind == PlotKind::kCyclesBySessions || each.kind == PlotKind::kNewSessions;
    const auto same = std::find_if(joined.begin(), joined.end(), [&](const Series& other) {
      return points && other.kind == each.kind && other.label == each.label;
    });
    if (same == joined.end()) {
      joined.push_back(std::move(each));
    } else {
      same->rows.insert(same->rows.end(), each.rows.begin(), each.rows.end());
      same->disturbed = same->disturbed || each.disturbed;
    }
  }
  for (Series& each : joined) {
    if (each.row_names.empty()) std::sort(each.rows.begin(), each.rows.end());
    if (each.disturbed) each.label += ", disturbed";
  }
  series = std::move(joined);
}

}  // namespace postern::bench
