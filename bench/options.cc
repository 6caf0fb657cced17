#include "bench/options.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

#include "bench/command_line.h"
#include "dataplane/table/owner_map.h"

namespace postern::bench {
namespace {

constexpr uint32_t kFewestDescriptors = 64;
constexpr uint32_t kMostDescriptors = 32'768;
// As many as a NIC's queue is set to where nothing may be lost; and DPDK's usual number.
constexpr uint32_t kReloadDescriptors = 4096;

// One row per case, in the order of their enumerators.
struct CaseRow {
  std::string_view name;
  std::string_view help;
};
constexpr std::array kCases = {
    CaseRow{"io", "receive and transmit, nothing between, as testpmd io; tunnel packets"},
    CaseRow{"decap", "tunnel packets of pods arrive, are checked and lose their tunnel"},
    CaseRow{"nat-out", "established sessions, packets from pods: VXLAN in, plain out"},
    CaseRow{"nat-in", "established sessions, replies: plain in, VXLAN out"},
    CaseRow{"mix", "both directions in turns, a burst each"},
    CaseRow{"imix", "the same, frames of 64, 570 and 1518 bytes as 7 : 4 : 1, 353.8 on average"},
    CaseRow{"new-sessions", "windows of 0.5 M new sessions while --sessions others live"},
    CaseRow{"ports-full", "new sessions at 10 to 100 % use of the ports towards one remote"},
    CaseRow{"reload", "100,000 pods and 1,000 policies are replaced at 80 % and at full load"},
    CaseRow{"expire", "a million sessions expire within a second beside traffic at 50 % load"},
    CaseRow{"scale", "--workers by one worker, steered and handing over, both directions"},
};
constexpr std::array kCaseNames = [] {
  std::array<std::string_view, kCases.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kCases[i].name;
  return names;
}();
constexpr std::array<std::string_view, 2> kDraws = {"uniform", "zipf"};
constexpr const char* kWorkersHelp =
    "worker threads: scale takes 2 to 32 (default 2), the others 1";

constexpr std::string_view kEnd =
    "\nCtrl-C ends a run early, with its results. Exit status: 0 measured, 1 could not be\n"
    "measured or lost a packet, 2 usage. docs/benchmarking.md has the cases, docs/performance.md\n"
    "the method.\n";

bool take_path(std::string_view text, std::string& path) {
  path = text;
  return !text.empty();
}

std::optional<Overlay> overlay_of(std::string_view text) {
  const auto* const found = std::find(kOverlays.begin(), kOverlays.end(), text);
  if (found == kOverlays.end()) return std::nullopt;
  return static_cast<Overlay>(found - kOverlays.begin());
}

std::optional<uint64_t> descriptors_of(std::string_view text) {
  const auto number = number_of(text, kFewestDescriptors, kMostDescriptors);
  return number && std::has_single_bit(*number) ? number : std::nullopt;
}

Grammar grammar_for(Options& options) {
  Grammar grammar{.usage = "run CASE [OPTION VALUE]...",
                  .about = "",
                  .flags = measuring_flags(options, kLargestJumbo),
                  .least_words = 1,
                  .most_words = 1,
                  .words_are = "\"run\" and a case"};
  for (const CaseRow& row : kCases) {
    std::string left = "  " + std::string(row.name);
    left.resize(20, ' ');
    grammar.about += left + std::string(row.help) + '\n';
  }
  const std::vector<Flag> more = {
      {"--duration", "TIME", "how long to measure, as 500ms, 5s, 10m or 1h; default 5s",
       [&](std::string_view text) { return put(options.duration_ms, milliseconds_of(text)); }},
      {"--port", "KIND", "memory, net_ring, net_pcap, net_memif or a PCI address; default memory",
       [&](std::string_view text) { return put(options.port, parse_port(text)); }, kPortKinds},
      {"--tunnel", "KIND", "vxlan, geneve or geneve-options (eight bytes of them); default vxlan",
       [&](std::string_view text) { return put(options.overlay, overlay_of(text)); }, kOverlays},
      {"--frames", "FILE", "with --port PCI: write the frames there, for postern-bench send",
       [&](std::string_view text) { return take_path(text, options.frames); }},
      {"--workers", "N", kWorkersHelp,
       [&](std::string_view text) {
         return put(options.workers, number_of(text, 1, kMaxWorkers));
       }},
      {"--descriptors", "N",
       "reload, expire: places of the receive queue, a power of two, 64 to 32768; default 4096 "
       "and 1024",
       [&](std::string_view text) { return put(options.descriptors, descriptors_of(text)); }},
      {"--seed", "N", "of the random traffic; default 1",
       [&](std::string_view text) { return put(options.seed, number_of(text, 0, UINT64_MAX)); }},
      {"--draw", "LAW", "which session a packet is of: uniform, or zipf (1.0); default uniform",
       [&](std::string_view text) { return put(options.draw, draw_of(text)); }, kDraws},
  };
  grammar.flags.insert(grammar.flags.end(), more.begin(), more.end());
  return grammar;
}

bool said(std::span<const char* const> arguments, std::string_view option) {
  return std::find(arguments.begin(), arguments.end(), option) != arguments.end();
}

// Empty, or what does not go together.
std::string contradiction(const Options& options, std::span<const char* const> arguments) {
  const std::string name(name_of(options.which));
  const bool several = options.which == Case::kScale;
  if (said(arguments, "--workers") && several != (options.workers > 1)) {
    return "--workers does not take \"" + std::to_string(options.workers) + "\": " + kWorkersHelp;
  }
  if (said(arguments, "--size") && options.which == Case::kImix) {
    return "imix has frame sizes of its own: leave --size out";
  }
  const bool both_ways = options.which == Case::kMix || options.which == Case::kImix;
  if (both_ways && options.port.kind == PortKind::kPci) {
    return name + " needs a port each way: measure nat-out and nat-in by themselves";
  }
  if (!uses_ports(options.which) && options.port.kind != PortKind::kMemory) {
    return name + " runs in memory: leave --port out";
  }
  if (!options.frames.empty() && options.port.kind != PortKind::kPci) {
    return "--frames goes with a PCI address as --port: the other ports make their frames";
  }
  if (said(arguments, "--descriptors") && !is_paced(options.which)) {
    return name + " takes packets as fast as it can, none waits: leave --descriptors out";
  }
  if (options.draw == Draw::kUniform) return "";
  if (!uses_ports(options.which)) return name + " draws by itself: leave --draw out";
  if (options.port.kind == PortKind::kNetPcap) {
    return "net_pcap replays every session as often: --draw zipf needs another --port";
  }
  return "";
}

}  // namespace

bool uses_ports(Case which) { return which <= Case::kImix; }

std::string_view name_of(Overlay overlay) { return kOverlays[static_cast<size_t>(overlay)]; }

std::string_view name_of(Case which) { return kCases[static_cast<size_t>(which)].name; }

bool is_paced(Case which) { return which == Case::kReload || which == Case::kExpire; }

Parsed parse_options(std::span<const char* const> arguments) {
  Options options;
  const Grammar grammar = grammar_for(options);
  if (arguments.empty() || std::string_view(arguments[0]) != "run") {
    return UsageError{"say " + std::string(grammar.words_are)};
  }
  const CommandLine line = read_command_line(arguments, grammar);
  if (line.help_wanted) return HelpWanted{};
  if (!line.words.empty()) {
    const auto* const found = std::find(kCaseNames.begin(), kCaseNames.end(), line.words[0]);
    if (found == kCaseNames.end()) {
      return UsageError{unknown_word("there is no case", line.words[0], kCaseNames)};
    }
    options.which = static_cast<Case>(found - kCaseNames.begin());
  }
  if (!line.error.empty()) return UsageError{line.error};
  if (options.which == Case::kScale && !said(arguments, "--workers")) options.workers = 2;
  if (options.which == Case::kReload && !said(arguments, "--descriptors")) {
    options.descriptors = kReloadDescriptors;
  }
  std::string wrong = contradiction(options, arguments);
  if (!wrong.empty()) return UsageError{std::move(wrong)};
  return options;
}

std::string usage() {
  Options options;
  return usage_of(grammar_for(options)) + std::string(kEnd);
}

}  // namespace postern::bench
