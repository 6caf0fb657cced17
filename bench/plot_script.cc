#include "bench/plot_script.h"

#include <algorithm>
#include <set>

#include "bench/printed.h"

namespace postern::bench {
namespace {

// Text in gnuplot's single quotes.
std::string quoted(const std::string& text) {
  std::string inside;
  for (const char each : text) inside += each == '\'' ? std::string("''") : std::string(1, each);
  return '\'' + inside + '\'';
}

std::string block(size_t number) { return printed("$series%zu", number); }

std::string data_of(const std::vector<Series>& series) {
  std::string text;
  for (size_t i = 0; i < series.size(); ++i) {
    text += block(i) + " << EOD\n";
    for (const std::vector<double>& row : series[i].rows) {
      for (const double value : row) text += printed("%.10g ", value);
      text += '\n';
    }
    text += "EOD\n";
  }
  return text;
}

// One "plot" with an item a series; `item` gives what follows the data's name.
template <typename Item>
std::string plot_command(const std::vector<Series>& series, Item&& item) {
  std::string text = "plot ";
  for (size_t i = 0; i < series.size(); ++i) {
    text += (i == 0 ? "" : ", \\\n     ") + item(i, series[i]);
  }
  return text + '\n';
}

std::string title_of(const char* title, const std::vector<Series>& series) {
  std::set<std::string> machines;
  for (const Series& each : series) {
    if (!each.peer && !each.machine.empty()) machines.insert(each.machine);
  }
  std::string text = title;
  for (const std::string& machine : machines) {
    text += (machine == *machines.begin() ? "; " : ", ") + machine;
  }
  return "set title " + quoted(text) + '\n';
}

constexpr const char* kSessionAxis =
    "set logscale x 2\nset xrange [700:24e6]\n"
    "set xtics ('1 k' 1024, '4 k' 4096, '16 k' 16384, '64 k' 65536, '256 k' 262144, "
    "'1 M' 1048576, '4 M' 4194304, '16 M' 16777216)\n"
    "set xlabel 'sessions'\n";

std::string cycles_by_sessions(const std::vector<Series>& series, std::string& settings) {
  settings = title_of("Cycles a packet by sessions", series) + kSessionAxis +
             "set ylabel 'net TSC cycles a packet (peers as labelled)'\n"
             "set logscale y\nset yrange [*<30:*]\nset ytics (1, 2, 5, 10, 20, 50, 100, 200, 500, "
             "1000, 2000, 5000, "
             "10000, 20000)\n"
             "set key outside right top Left reverse samplen 2 width -14 font ',9'\n";
  return plot_command(series, [](size_t i, const Series& each) {
    return block(i) + " using 1:2:3:4 with yerrorlines linewidth " +
           (each.peer ? "1 dashtype 2" : "2.5") + printed(" pointtype %zu title ", i % 10 + 4) +
           quoted(each.label);
  });
}

// Stages that occur, in the order in which they first do.
std::vector<std::string> stage_names(const std::vector<Series>& series) {
  std::vector<std::string> names;
  for (const Series& each : series) {
    for (const std::string& name : each.row_names) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

// Bars side by side: the data are a table with a line a stage and a column a series.
std::string stages(const std::vector<Series>& series, std::string& settings) {
  settings = title_of("Cycles a packet by stage, bursts of 64", series) +
             "set style data histograms\nset style histogram clustered gap 1\n"
             "set style fill solid 0.8 border -1\nset boxwidth 0.9\nset xtics rotate by -30\n"
             "set ylabel 'TSC cycles a packet'\nset yrange [0:*]\nset key outside below height 2\n";
  settings += "$stages << EOD\n";
  for (const std::string& name : stage_names(series)) {
    settings += '"' + name + "\" ";
    for (const Series& each : series) {
      const auto found = std::find(each.row_names.begin(), each.row_names.end(), name);
      const auto index = static_cast<size_t>(found - each.row_names.begin());
      settings += found == each.row_names.end() ? "? " : printed("%.10g ", each.rows[index][0]);
    }
    settings += '\n';
  }
  settings += "EOD\nset datafile missing '?'\n";
  return plot_command(series, [](size_t i, const Series& each) {
    return printed("$stages using %zu%s title ", i + 2, i == 0 ? ":xtic(1)" : "") +
           quoted(each.label);
  });
}

std::string new_sessions(const std::vector<Series>& series, std::string& settings) {
  settings = title_of("New sessions a second by live sessions, one worker", series) + kSessionAxis +
             "set ylabel 'million new sessions a second'\nset yrange [0:*]\n"
             "set key outside below height 2\n";
  return plot_command(series, [](size_t i, const Series& each) {
    return block(i) + " using 1:($2/1e6) with linespoints linewidth 2.5 pointtype 7 title " +
           quoted(each.label);
  });
}

std::string refusals(const std::vector<Series>& series, std::string& settings) {
  settings = title_of("Refused while a port was free, one remote, one egress address", series) +
             "set xlabel 'percent of the ports in use'\nset xrange [0:101]\n"
             "set ylabel 'percent refused'\nset yrange [0:1<*]\nset ytics nomirror\n"
             "set y2label 'TSC cycles a new session'\nset y2range [0:*]\nset y2tics\n"
             "set key outside below height 2\n";
  return plot_command(series, [](size_t i, const Series& each) {
    return block(i) + " using 1:2 with linespoints linewidth 2.5 pointtype 7 title " +
           quoted(each.label + ", refused") + ", \\\n     " + block(i) +
           " using 1:3 axes x1y2 with linespoints dashtype 2 pointtype 6 title " +
           quoted(each.label + ", cycles");
  });
}

std::string reload_loss(const std::vector<Series>& series, std::string& settings) {
  settings = title_of("Packets lost while the configuration is replaced", series) +
             "set xlabel 'seconds'\nset ylabel 'packets lost'\nset yrange [0:1<*]\n"
             "set ytics nomirror\nset y2label 'million packets a second sent'\n"
             "set y2range [0:*]\nset y2tics\nset key outside below height 2\n";
  return plot_command(series, [](size_t i, const Series& each) {
    const auto item = [&](const char* columns, const char* style, const char* what) {
      return block(i) + " using " + columns + " with " + style + " title " +
             quoted(each.label + what);
    };
    std::string text = item("1:2", "impulses linewidth 2.5", ", lost");
    if (std::any_of(each.rows.begin(), each.rows.end(),
                    [](const std::vector<double>& row) { return row[2] > 0; })) {
      text += ", \\\n     " + item("1:3", "impulses linewidth 1 dashtype 3",
                                   ", lost while the CPU stood still or was others'");
    }
    return text + ", \\\n     " + item("1:($4/1e6) axes x1y2", "lines", ", rate");
  });
}

// The share of slower packets on the axis, so that every further nine takes the same room.
std::string latency_tail(const std::vector<Series>& series, std::string& settings) {
  settings = title_of("Latency, from falling due to departure", series) +
             "set logscale xy\nset xrange [1:1e6]\n"
             "set xtics ('0' 1, '90' 10, '99' 100, '99.9' 1000, '99.99' 1e4, '99.999' 1e5, "
             "'99.9999' 1e6)\nset xlabel 'percent of packets'\nset ylabel 'microseconds'\n"
             "set key outside below height 2\n";
  return plot_command(series, [](size_t i, const Series& each) {
    return block(i) + " using ($1 < 1 ? 1/(1-$1) : NaN):2 with steps linewidth 2 title " +
           quoted(each.label);
  });
}

std::string command_for(PlotKind kind, const std::vector<Series>& series, std::string& settings) {
  switch (kind) {
    case PlotKind::kCyclesBySessions:
      return cycles_by_sessions(series, settings);
    case PlotKind::kStages:
      return stages(series, settings);
    case PlotKind::kNewSessions:
      return new_sessions(series, settings);
    case PlotKind::kRefusals:
      return refusals(series, settings);
    case PlotKind::kReloadLoss:
      return reload_loss(series, settings);
    case PlotKind::kLatencyTail:
      return latency_tail(series, settings);
  }
  return "";
}

}  // namespace

std::string plot_script(PlotKind kind, const std::vector<Series>& series,
                        const std::string& directory) {
  std::string settings;
  const std::string command = command_for(kind, series, settings);
  const std::string file = directory + '/' + std::string(name_of(kind));
  return "set encoding utf8\nset grid\n" + data_of(series) + settings +
         "set terminal pngcairo size 1200,640 noenhanced font 'sans,11' background '#ffffff'\n"
         "set output " +
         quoted(file + ".png") + '\n' + command +
         "set terminal svg size 1200,640 noenhanced font 'sans,13' background '#ffffff'\n"
         "set output " +
         quoted(file + ".svg") + '\n' + command;
}

}  // namespace postern::bench
