#include "bench/plot_command.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "bench/child_run.h"
#include "bench/command_line.h"
#include "bench/plot_script.h"
#include "bench/plot_series.h"
#include "bench/run/frame_file.h"

namespace postern::bench {
namespace {

constexpr const char* kAbout =
    "Draws result files, each as a PNG and an SVG file. Which plots come out depends on the "
    "files:\n"
    "  cycles-by-sessions  sweep, run, bench/compare/run, bench/peers_elsewhere.json\n"
    "  stages              run of established cases; stage_bench --benchmark_out=FILE\n"
    "  new-sessions        run or sweep new-sessions, connections\n"
    "  refusals            run ports-full\n"
    "  reload-loss         run reload\n"
    "  latency-tail        ndr, run expire\n"
    "What a file lacks is told. Needs gnuplot (apt-get install gnuplot-nox).\n"
    "Exit status: 0 all files are drawn, 1 something is missing, 2 usage.\n";

struct PlotOptions {
  std::string directory = ".";
  bool scripts = false;
};

Grammar grammar_for(PlotOptions& options) {
  return {.usage = "plot FILE... [OPTION VALUE]...",
          .about = kAbout,
          .flags = {{"--out", "DIR", "where the pictures go; made where it is not there; default .",
                     [&](std::string_view text) {
                       options.directory = text;
                       return !text.empty() && text.find('\'') == std::string_view::npos;
                     }},
                    {"--scripts", "", "leave gnuplot's scripts there as well, as NAME.gp",
                     [&](std::string_view) { return options.scripts = true; }}},
          .least_words = 1,
          .most_words = 1000,
          .words_are = "at least one result file"};
}

void complain(const std::string& text) {
  std::fprintf(stderr, "postern-bench: %s\n", text.c_str());
}

PlotInput read_files(const std::vector<std::string>& paths) {
  PlotInput input;
  for (const std::string& path : paths) {
    std::ifstream file(path);
    if (!file || std::filesystem::is_directory(path)) {
      input.complaints.push_back(path + ": it cannot be read");
      continue;
    }
    read_plot_file(path, {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()},
                   input);
  }
  join_series(input.series);
  return input;
}

// Empty, or what went wrong.
std::string write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  return file ? "" : path + " cannot be written";
}

// Draws in `folder` first, so that a picture that is already there is replaced by a whole one, or
// left as it is. Empty, or what went wrong.
std::string draw(PlotKind kind, const std::vector<Series>& series, const std::string& folder,
                 const PlotOptions& options) {
  const std::string name = '/' + std::string(name_of(kind));
  const std::string script = folder + name + ".gp";
  std::string failure = write_file(script, plot_script(kind, series, folder));
  if (!failure.empty()) return failure;
  const ChildEnd end = run_child({script}, "gnuplot");
  if (end.status == 127) return "gnuplot is not there: apt-get install gnuplot-nox";
  if (end.status != 0) return "gnuplot: " + end.said;
  for (const char* ending : {".png", ".svg"}) {
    const std::string picture = options.directory + name + ending;
    std::error_code error;
    std::filesystem::copy_file(folder + name + ending, picture,
                               std::filesystem::copy_options::overwrite_existing, error);
    if (error) return picture + " cannot be written: " + error.message();
  }
  if (!options.scripts) return "";
  return write_file(options.directory + name + ".gp", plot_script(kind, series, options.directory));
}

// How many plots there are, or -1 when something went wrong.
int draw_all(const PlotInput& input, const PlotOptions& options) {
  const TemporaryFolder folder;
  int drawn = 0;
  for (const PlotKind kind : kPlotKinds) {
    std::vector<Series> of_kind;
    for (const Series& each : input.series) {
      if (each.kind == kind && !each.rows.empty()) of_kind.push_back(each);
    }
    const std::string name(name_of(kind));
    if (of_kind.empty()) {
      std::printf("%s: not drawn, no file has it (%s)\n", name.c_str(),
                  std::string(source_of(kind)).c_str());
      continue;
    }
    const std::string failure = draw(kind, of_kind, folder.path(), options);
    if (!failure.empty()) {
      complain(failure);
      return -1;
    }
    std::printf("%s: %s/%s.png, .svg, %zu series\n", name.c_str(), options.directory.c_str(),
                name.c_str(), of_kind.size());
    ++drawn;
  }
  return drawn;
}

}  // namespace

int plot_command(std::span<const char* const> arguments) {
  PlotOptions options;
  const Grammar grammar = grammar_for(options);
  const CommandLine line = read_command_line(arguments, grammar);
  if (const auto status = settle(line, grammar)) return *status;
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  if (error) {
    complain(options.directory + " cannot be made: " + error.message());
    return 1;
  }
  const PlotInput input = read_files(line.words);
  for (const std::string& each : input.complaints) complain(each);
  const int drawn = draw_all(input, options);
  return drawn > 0 && input.complaints.empty() ? 0 : 1;
}

}  // namespace postern::bench
