#include "control/apply/drains.h"

#include <algorithm>

namespace postern {

std::optional<uint32_t> Drain::left_s(uint64_t now_us) const {
  if (!deadline_us) return std::nullopt;
  const uint64_t left_us = std::max(*deadline_us, now_us) - now_us;
  return static_cast<uint32_t>((left_us + 999'999) / 1'000'000);
}

void Drains::make(const DrainChange& change) {
  shared_->set(change.slot, !change.undo);
  if (change.undo) {
    drains_.erase(change.address);
  } else {
    drains_[change.address] = {change.slot, change.deadline_us, ++tickets_};
  }
}

void Drains::keep_only(const Books& books) {
  for (auto it = drains_.begin(); it != drains_.end();) {
    const auto slot = books.addresses.find(it->first.value);
    if (slot && *slot == it->second.slot) {
      ++it;
      continue;
    }
    shared_->set(it->second.slot, false);
    it = drains_.erase(it);
  }
}

bool Drains::is_made(const DrainChange& change) const {
  const Drain* drain = find(change.address);
  if (change.undo) return drain == nullptr;
  return drain != nullptr && drain->deadline_us == change.deadline_us;
}

const Drain* Drains::find(Ipv4Address address) const {
  const auto it = drains_.find(address);
  return it == drains_.end() ? nullptr : &it->second;
}

}  // namespace postern
