// Packets of one kind, burst after burst, and the gateway that walks them: what the hot path is
// counted with. Made so that every burst takes the same way.
//
//   nat-out, nat-in  UDP of 1,000 established sessions, random ones
//   mix              a burst of the one, a burst of the other
//   tcp              acknowledgements of 1,024 established connections, both ways in turn
//   first            every packet is the first one of its session
//
// Called by the main thread, once EAL has started.
#ifndef POSTERN_BENCH_HOT_TRAFFIC_H_
#define POSTERN_BENCH_HOT_TRAFFIC_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/nat_traffic.h"

namespace postern::bench {

enum class HotCase : uint8_t { kNatOut, kNatIn, kMix, kTcp, kFirst };

inline constexpr std::array kHotCases = {HotCase::kNatOut, HotCase::kNatIn, HotCase::kMix,
                                         HotCase::kTcp, HotCase::kFirst};
[[nodiscard]] std::string_view name_of(HotCase which);
[[nodiscard]] std::optional<HotCase> hot_case_of(std::string_view name);

class HotTraffic {
 public:
  // Of kFirst there are `bursts` bursts, of all others any number.
  HotTraffic(rte_mempool* pool, HotCase which, uint32_t bursts);

  // Makes the gateway and what must be there before. "" or what went wrong; the rest needs it.
  std::string prepare();
  // Fills an empty burst with the next packets; false when the pool has no buffers.
  bool next(Burst& burst);
  // Where the burst arrives.
  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] PortlessGateway& gateway() { return *gateway_; }

 private:
  // What TCP's header says where it is not UDP.
  struct Segment {
    uint8_t flags;
    uint32_t sequence;
    uint32_t acknowledgement;
  };

  std::string establish();
  std::string connect();
  std::string carry_all(Direction direction, Segment segment);
  bool fill(Burst& burst, Direction direction);
  [[nodiscard]] FrameRecord reply_to(const Conversation& conversation) const;
  static void make_tcp(uint8_t* ip, Segment segment);

  rte_mempool* pool_;
  HotCase which_;
  Scenario scenario_;
  std::unique_ptr<CompiledTables> tables_;
  std::unique_ptr<PortlessGateway> gateway_;
  std::array<Frames, 2> frames_;  // by Direction
  std::array<std::vector<FrameRecord>, 2> records_;
  std::array<size_t, 2> next_{};
  std::array<std::optional<Segment>, 2> segment_;  // none: UDP
  Direction direction_ = Direction::kInbound;      // of the last burst
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_HOT_TRAFFIC_H_
