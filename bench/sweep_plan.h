// What a sweep measures: steps of a session ladder, and what each of them needs. Pure; any thread.
#ifndef POSTERN_BENCH_SWEEP_PLAN_H_
#define POSTERN_BENCH_SWEEP_PLAN_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::bench {

// The ladder of FD.io's CSIT for NAT: 63 ports of each of 16 to 262,144 addresses.
inline constexpr std::array<uint32_t, 6> kCsitLadder = {1'008,     64'512,    258'048,
                                                        1'032'192, 4'128'768, 16'515'072};

// "1k..16M": the steps of the ladder from about 1k to 16M; "1000,64k": just these. Rising, each
// once. Nothing where it is neither, or no step is in the range.
[[nodiscard]] std::optional<std::vector<uint32_t>> ladder_of(std::string_view text);

// Bytes that `run` needs for so many sessions: the session table, its traffic (packets drawn and
// first packets), and what the program has anyway.
[[nodiscard]] uint64_t bytes_needed(uint32_t sessions);

struct MemoryAtHand {
  uint64_t available_mb = 0;  // of ordinary memory
  uint64_t huge_mb = 0;       // of free huge pages, in which the table is where it fits
};
// Empty, or why so many sessions are left out: what they need and what there is.
[[nodiscard]] std::string why_left_out(uint32_t sessions, const MemoryAtHand& memory);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_SWEEP_PLAN_H_
