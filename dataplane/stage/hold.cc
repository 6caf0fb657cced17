#include "dataplane/stage/hold.h"

#include "dataplane/stage/track.h"
#include "dataplane/wire/headers.h"

namespace postern {
namespace {

// True while the session of a translated frame is what it was then. Found anew, because handles are
// reused; an ICMP error is not found so and does not outlast its wait. The gateway's own frames
// have no session.
bool still_stands(const Snapshot& snapshot, Sessions& sessions, const rte_mbuf* frame,
                  const PacketMeta& meta) {
  if (meta.session == kNoSession) return true;
  const SessionTable& table = sessions.table();
  const SessionHandle outbound = table.find_outbound_one(outbound_key(meta));
  const SessionHandle handle =
      outbound != kNoSession ? outbound : table.find_inbound_one(inbound_key(meta));
  if (handle != meta.session) return false;
  SessionEntry& entry = sessions.entry(handle);
  if (!session_stands(snapshot, entry)) return false;
  const uint32_t slot = entry.source_slot_epoch & 0xffffff;
  if (snapshot.shared->source_records.load(slot).node != meta.node) return false;
  const auto* ip = rte_pktmbuf_mtod_offset(frame, const uint8_t*, sizeof(EthernetHeader));
  return outbound == kNoSession || load<Ipv4Header>(ip).source == entry.egress_ip;
}

}  // namespace

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

void HoldQueue::release(const Snapshot& snapshot, Sessions& sessions, Now now, uint32_t budget,
                        Doors& doors) {
  const NeighbourTable& neighbours = snapshot.shared->neighbours;
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
    if (reachable && !still_stands(snapshot, sessions, waiting.frame, waiting.meta)) {
      doors.drop(waiting.frame, Reason::kNoSession, &waiting.meta);
    } else if (reachable) {
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
