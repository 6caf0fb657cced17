#include "bench/loaded_gateway.h"

namespace postern::bench {
std::string_view name_of(LoadCase which) {
  switch (which) {
    case LoadCase::kIo:
      return "io";
    case LoadCase::kNatOut:
      return "nat-out";
    case LoadCase::kNatIn:
      return "nat-in";
  }
  return "";
}

std::optional<LoadCase> load_case_of(std::string_view text) {
  for (const LoadCase which : {LoadCase::kIo, LoadCase::kNatOut, LoadCase::kNatIn}) {
    if (text == name_of(which)) return which;
  }
  return std::nullopt;
}

std::string LoadedGateway::prepare(bool huge_pages, uint32_t frame_bytes) {
  std::string failure = traffic_.prepare(huge_pages, frame_bytes);
  if (!failure.empty()) return failure;
  ring_ = std::make_unique<PacedRing>(traffic_.pool(), traffic_.frames(), traffic_.packets());
  service_ =
      std::make_unique<PacedService>(which_ == LoadCase::kIo ? nullptr : &traffic_.gateway());
  return std::string(ring_->failure());
}

LoadTrial LoadedGateway::offer(double per_second, double duration_s) {
  const PacedLane lane{.ring = ring_.get(), .port = traffic_.port()};
  const Served served = service_->serve_for(std::span(&lane, 1), per_second, duration_s);
  return {
      .trial = {.load = per_second, .duration_s = duration_s, .loss_ratio = served.loss_ratio()},
      .served = served};
}

}  // namespace postern::bench
