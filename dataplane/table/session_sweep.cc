// Expiry: the sweep goes round a dense array of times, sixteen positions a step, and touches only
// entries that are due. The hot path never writes that array: an entry that was refreshed is found
// alive and looked at again later.
#include <immintrin.h>

#include <bit>

#include "dataplane/table/session_table.h"

namespace postern {

void SessionTable::arm(SessionHandle handle, uint32_t at_s) {
  const auto at = static_cast<uint16_t>(at_s);
  look_[handle] = at != 0 ? at : uint16_t{0xffff};  // 0 is free; a second early does no harm
}

void SessionTable::arm_for_expiry(SessionHandle handle, Now now) {
  const uint16_t expires_s = entries_[handle].expires_s;
  const uint32_t left_s =
      expired(expires_s, now) ? 1 : static_cast<uint16_t>(expires_s - now.seconds());
  arm(handle, now.seconds() + std::min(left_s, kLookAhead_s));
}

void SessionTable::touch_earlier(SessionHandle handle, Now now, uint32_t timeout_s) {
  touch(entries_[handle], now, timeout_s);
  if ((entries_[handle].flags & kSessionHalfOpen) == 0) half_open_.unmark(handle);
  if (timeout_s < kLookAhead_s) arm_for_expiry(handle, now);
}

uint64_t SessionTable::purge() {
  if (live_ == 0) return sweep_position();
  purge_until_ = sweep_position() + (uint64_t{1} << 32);
  return purge_until_;
}

void SessionTable::collect_due(Now now, uint32_t& budget, SweepBatch& batch) {
  const bool purging = sweep_position() < purge_until_;
  const __m256i now_and_one = _mm256_set1_epi16(static_cast<int16_t>(now.seconds() + 1));
  const __m256i due_from =
      _mm256_set1_epi16(static_cast<int16_t>(purging ? 0 : kMaxSessionTimeout_s + 1));
  batch.count = 0;
  while (budget != 0 && batch.count + kSweepStep <= SweepBatch::kMax) {
    const __m256i look = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(look_ + hand_));
    const __m256i left = _mm256_sub_epi16(look, now_and_one);
    const __m256i due = _mm256_cmpeq_epi16(_mm256_max_epu16(left, due_from), left);
    const __m256i free = _mm256_cmpeq_epi16(look, _mm256_setzero_si256());
    auto mask = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_andnot_si256(free, due)));
    for (mask &= 0x55555555; mask != 0; mask &= mask - 1) {
      const SessionHandle handle = hand_ + static_cast<uint32_t>(std::countr_zero(mask)) / 2;
      prefetch_entry(handle);
      batch.handle[batch.count++] = handle;
    }
    hand_ += kSweepStep;
    budget -= std::min(budget, kSweepStep);
    if (hand_ < swept_positions()) continue;
    hand_ = 0;
    ++passes_;
    return;  // whether a purge goes on is to be asked again
  }
}

uint32_t SessionTable::finish_batch(Now now, const SweepBatch& batch) {
  std::array<SessionHandle, SweepBatch::kMax> leaving;
  uint32_t leaving_count = 0;
  for (uint32_t i = 0; i < batch.count; ++i) {
    const SessionHandle handle = batch.handle[i];
    const SessionEntry& entry = entries_[handle];
    const bool leaves =
        entry.live() ? batch.verdict[i] == SweepVerdict::kEnd : expired(entry.expires_s, now);
    if (!leaves) {
      arm_for_expiry(handle, now);
      continue;
    }
    inbound_.prefetch(inbound_place(InboundWords::of(entry)).home);
    if (entry.live()) outbound_.prefetch(outbound_place(outbound_key_of(handle)).home);
    leaving[leaving_count++] = handle;
  }
  uint32_t ended = 0;
  for (uint32_t n = 0; n < leaving_count; ++n) {
    const SessionHandle handle = leaving[n];
    if (entries_[handle].live()) {
      end(handle, now);
      ++ended;
    } else {
      free_held(handle);
    }
  }
  return ended;
}

}  // namespace postern
