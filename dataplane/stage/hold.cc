#include "dataplane/stage/hold.h"

#include "dataplane/wire/headers.h"

namespace postern {

void HoldQueue::hold(rte_mbuf* frame, NeighbourKey key, NeighbourSlot slot, const PacketMeta& meta,
                     Now now, Doors& doors) {
  const uint8_t bucket = bucket_of(key, slot);
  if (waiting_count_ == kFrames || counts_[bucket] >= kFramesPerNeighbour) {
    doors.drop(frame, Reason::kNeighbourUnresolved, &meta);
    return;
  }
  if (slot == kNoNeighbour && request_count_ < kRequests) requests_[request_count_++] = key;
  ++counts_[bucket];
  doors.hold();
  waiting_[waiting_count_++] = {frame, key, slot, bucket, now.ms + kPatience_ms, meta};
}

void HoldQueue::release(const NeighbourTable& neighbours, Now now, uint32_t budget, Doors& doors) {
  uint32_t kept = 0;
  for (Waiting& waiting : held()) {
    if (waiting.slot == kNoNeighbour) waiting.slot = neighbours.find(waiting.key);
    const uint64_t word = waiting.slot == kNoNeighbour ? 0 : neighbours.word(waiting.slot);
    const bool reachable = NeighbourTable::is_reachable(word);
    const bool over = NeighbourTable::is_failed(word) || now.ms >= waiting.until_ms;
    if (budget == 0 || (!reachable && !over)) {
      waiting_[kept++] = waiting;
      continue;
    }
    --budget;
    --counts_[waiting.bucket];
    doors.release();
    if (reachable) {
      store(rte_pktmbuf_mtod(waiting.frame, uint8_t*), MacAddress::from_packed(word));
      doors.forward(waiting.frame, waiting.key.port);
    } else {
      doors.drop(waiting.frame, Reason::kNeighbourFailed, &waiting.meta);
    }
  }
  waiting_count_ = kept;
}

bool HoldQueue::next_request(NeighbourKey& key) {
  if (request_count_ == 0) return false;
  key = requests_[--request_count_];
  return true;
}

void HoldQueue::drop_all(Reason reason, Doors& doors) {
  for (Waiting& waiting : held()) {
    doors.release();
    doors.drop(waiting.frame, reason, &waiting.meta);
  }
  waiting_count_ = 0;
  counts_.fill(0);
}

}  // namespace postern
