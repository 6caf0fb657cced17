// The command line of postern-bench. Values; any thread.
#ifndef POSTERN_BENCH_OPTIONS_H_
#define POSTERN_BENCH_OPTIONS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "bench/measuring_options.h"
#include "bench/run/port_choice.h"
#include "bench/scenario.h"
#include "bench/session_draw.h"

namespace postern::bench {

// What is measured.
enum class Case : uint8_t {
  kIo,      // receive and transmit, nothing between
  kDecap,   // packets from the pods lose their tunnel and leave
  kNatOut,  // established sessions, packets from the pods: VXLAN in, plain out
  kNatIn,   // established sessions, replies: plain in, VXLAN out
  kMix,     // both, in turns
  kImix,    // the same with frames of the internet's sizes
  kNewSessions,
  kPortsFull,
  kReload,
  kExpire,
  kScale,
};
[[nodiscard]] std::string_view name_of(Case which);
[[nodiscard]] std::string_view name_of(Overlay overlay);
// Whether it can run on every kind of port (--port); the others run in memory.
[[nodiscard]] bool uses_ports(Case which);
// Whether packets fall due at a rate and wait in a receive queue (--descriptors).
[[nodiscard]] bool is_paced(Case which);

struct Options : MeasuringOptions {
  Case which = Case::kNatOut;
  uint32_t workers = 1;  // scale: 2 or more
  uint32_t duration_ms = 5000;
  uint32_t descriptors = 1024;  // of the receive queue, where packets wait: a power of two
  PortChoice port = {};
  Overlay overlay = Overlay::kVxlan;
  std::string frames;          // file for the frames, for a generator; empty: none
  uint64_t seed = 1;           // of the traffic
  Draw draw = Draw::kUniform;  // of sessions for packets
};

struct UsageError {
  std::string text;
};
struct HelpWanted {};

// `arguments` without the program's name.
using Parsed = std::variant<Options, HelpWanted, UsageError>;
[[nodiscard]] Parsed parse_options(std::span<const char* const> arguments);

// What --help prints.
[[nodiscard]] std::string usage();

}  // namespace postern::bench

#endif  // POSTERN_BENCH_OPTIONS_H_
