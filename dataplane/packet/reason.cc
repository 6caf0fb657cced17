#include "dataplane/packet/reason.h"

#include <array>

namespace postern {
namespace {

constexpr std::array<ReasonInfo, kReasonCount> kReasons = {{
#define POSTERN_X(enumerator, name, text, advice) {name, text, advice},
    POSTERN_DROP_REASONS(POSTERN_X)
#undef POSTERN_X
}};

}  // namespace

const ReasonInfo& describe(Reason reason) { return kReasons[static_cast<size_t>(reason)]; }

std::optional<Reason> reason_named(std::string_view name) {
  for (size_t i = 0; i < kReasonCount; ++i) {
    if (kReasons[i].name == name) return static_cast<Reason>(i);
  }
  return std::nullopt;
}

}  // namespace postern
