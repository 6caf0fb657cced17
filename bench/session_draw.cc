#include "bench/session_draw.h"

#include <algorithm>
#include <cmath>

namespace postern::bench {

std::string_view name_of(Draw draw) {
  switch (draw) {
    case Draw::kUniform:
      return "uniform";
    case Draw::kZipf:
      return "zipf";
  }
  return "";
}

std::optional<Draw> draw_of(std::string_view text) {
  for (const Draw draw : {Draw::kUniform, Draw::kZipf}) {
    if (text == name_of(draw)) return draw;
  }
  return std::nullopt;
}

SessionDraw::SessionDraw(Draw draw, uint32_t sessions)
    : draw_(draw), sessions_(sessions), uniform_(0, sessions - 1) {}

// The integral of the density 1/x is ln x, its inverse e^x. A point under the hyperbola is taken
// where it lies under the histogram as well, which has the height 1/k around every k.
uint32_t SessionDraw::rank(std::mt19937_64& random) {
  const double most = std::log(sessions_ + 0.5);
  const double least = std::log(1.5) - 1;
  // Points so close above their k always are under it.
  const double sure = 2 - std::exp(std::log(2.5) - 0.5);
  for (;;) {
    const double area = most + unit_(random) * (least - most);
    const double x = std::exp(area);
    const double k = std::clamp(std::floor(x + 0.5), 1.0, static_cast<double>(sessions_));
    if (k - x <= sure || area >= std::log(k + 0.5) - 1 / k) return static_cast<uint32_t>(k);
  }
}

}  // namespace postern::bench
