// Which session a packet is of: any with equal chance, or by Zipf's law with exponent 1, where the
// most frequent one has twice the packets of the second and three times those of the third.
//
// Zipf's ranks are drawn by rejection-inversion (Hoermann and Derflinger, Rejection-inversion to
// generate variates from monotone discrete distributions, 1996): no table, whatever the number of
// sessions. Frequent sessions are strewn over all of them, as in life. Values; any thread.
#ifndef POSTERN_BENCH_SESSION_DRAW_H_
#define POSTERN_BENCH_SESSION_DRAW_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

namespace postern::bench {

enum class Draw : uint8_t { kUniform, kZipf };
[[nodiscard]] std::string_view name_of(Draw draw);  // "uniform", "zipf"
[[nodiscard]] std::optional<Draw> draw_of(std::string_view text);

class SessionDraw {
 public:
  // Of sessions 0 to `sessions` - 1; at least one.
  SessionDraw(Draw draw, uint32_t sessions);

  uint32_t operator()(std::mt19937_64& random) {
    if (draw_ == Draw::kUniform) return uniform_(random);
    return session_at(rank(random));
  }

  // The session that has a rank, 1 to `sessions`; another one for every rank.
  [[nodiscard]] uint32_t session_at(uint32_t rank) const {
    // A prime above all numbers of sessions, so that it has no factor with any of them.
    return static_cast<uint32_t>(uint64_t{rank} * 2'654'435'761u % sessions_);
  }

 private:
  uint32_t rank(std::mt19937_64& random);

  Draw draw_;
  uint32_t sessions_;
  std::uniform_int_distribution<uint32_t> uniform_;
  std::uniform_real_distribution<double> unit_{0, 1};
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_SESSION_DRAW_H_
