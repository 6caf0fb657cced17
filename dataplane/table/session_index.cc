#include "dataplane/table/session_index.h"

#include <algorithm>

namespace postern {
namespace {

bool put(IndexLine& line, uint16_t tag, uint32_t handle) {
  const SlotSet empty = line.with_tag(0);
  if (empty.empty()) return false;
  line.set(empty.first(), tag, handle);
  return true;
}

bool take(IndexLine& line, uint16_t tag, uint32_t handle) {
  for (SlotSet slots = line.with_tag(tag); !slots.empty(); slots.drop_first()) {
    if (line.handle(slots.first()) != handle) continue;
    line.tag[slots.first()] = 0;
    return true;
  }
  return false;
}

}  // namespace

uint32_t SessionIndex::lines_for(uint32_t entries) {
  const auto lines = static_cast<uint32_t>(entries / (IndexLine::kSlots * kLoad)) + 1;
  return std::max(lines, kMinLines);
}

bool SessionIndex::insert(const IndexPlace& place, uint32_t handle) {
  IndexLine& home = lines_[place.home];
  if (put(home, place.tag, handle)) [[likely]]
    return true;
  uint64_t sequence = place.sequence;
  for (uint16_t step = 0; step < kMaxReach; ++step, sequence *= kJump) {
    if (!put(lines_[line_of(sequence >> 32)], place.tag, handle)) continue;
    ++home.elsewhere;
    home.reach = std::max(home.reach, static_cast<uint16_t>(step + 1));
    return true;
  }
  return false;
}

void SessionIndex::erase(const IndexPlace& place, uint32_t handle) {
  IndexLine& home = lines_[place.home];
  if (take(home, place.tag, handle)) [[likely]]
    return;
  uint64_t sequence = place.sequence;
  for (uint32_t step = 0; step < home.reach; ++step, sequence *= kJump) {
    if (!take(lines_[line_of(sequence >> 32)], place.tag, handle)) continue;
    if (--home.elsewhere == 0) home.reach = 0;
    return;
  }
}

}  // namespace postern
