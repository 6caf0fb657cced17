// What kind of port a run uses (--port). Values; any thread.
#ifndef POSTERN_BENCH_RUN_PORT_CHOICE_H_
#define POSTERN_BENCH_RUN_PORT_CHOICE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::bench {

enum class PortKind : uint8_t {
  kMemory,    // bursts in memory, no device
  kNetRing,   // DPDK's ring driver, this thread at its other end
  kNetPcap,   // DPDK's pcap driver, which replays a file of frames
  kNetMemif,  // DPDK's shared memory driver, a second process at its other end
  kPci,       // a network card, whoever is at its other end
};

struct PortChoice {
  PortKind kind = PortKind::kMemory;
  std::string device = {};  // of kPci: its address
  friend bool operator==(const PortChoice&, const PortChoice&) = default;
};

// As they are written, and said; a PCI address beside them.
inline constexpr std::array<std::string_view, 4> kPortKinds = {"memory", "net_ring", "net_pcap",
                                                               "net_memif"};
[[nodiscard]] std::optional<PortChoice> parse_port(std::string_view text);
[[nodiscard]] std::string text_of(const PortChoice& choice);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_PORT_CHOICE_H_
