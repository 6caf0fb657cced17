#include "dataplane/stage/hold.h"

#include <algorithm>
#include <bit>

#include "dataplane/stage/track.h"
#include "dataplane/wire/headers.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

// For whom frames are counted: never zero, and never the same for a neighbour and a pod.
uint64_t neighbour_name(NeighbourKey key, NeighbourSlot slot) {
  return slot == kNoNeighbour ? key.packed() : uint64_t{1} << 61 | slot;
}
uint64_t pod_name(const PacketMeta& meta) {
  return uint64_t{1} << 62 | uint64_t{meta.vni} << 32 | meta.source.raw();
}

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
  if (outbound == kNoSession) return true;
  const uint8_t* at = rte_pktmbuf_mtod_offset(frame, const uint8_t*, sizeof(EthernetHeader));
  const auto ip = load<Ipv4Header>(at);
  if (ip.source != entry.egress_ip || ip.destination != entry.remote_ip) return false;
  // A later fragment has no port, a packet of another protocol none of ours.
  if (ip.fragment_offset_bytes() != 0 || is_other_protocol(ip.protocol)) return true;
  const uint8_t* transport = at + ip.header_bytes();
  const bool echo = ip.protocol == kProtocolIcmp;
  const auto port = load<Be16>(transport + (echo ? offsetof(IcmpHeader, identifier) : 0));
  return port == entry.egress_port;
}

}  // namespace

void HoldQueue::hold(rte_mbuf* frame, NeighbourKey key, NeighbourSlot slot, const PacketMeta& meta,
                     Now now, Doors& doors) {
  const Waiting waiting{frame, key, slot, now.ms + kPatience_ms, meta};
  if (!has_room(key, slot, meta)) return doors.drop(frame, Reason::kNeighbourUnresolved, &meta);
  if (slot == kNoNeighbour && request_count_ < kRequests) requests_[request_count_++] = key;
  doors.hold();
  count(waiting);
  waiting_[waiting_count_++] = waiting;
}

bool HoldQueue::has_room(NeighbourKey key, NeighbourSlot slot, const PacketMeta& meta) {
  if (waiting_count_ == kFrames) return false;
  if (tally_of(neighbour_name(key, slot)).frames >= kFramesPerNeighbour) return false;
  if (!is_on_link(slot)) return true;
  return on_link_count_ < kFramesOnLink && tally_of(pod_name(meta)).frames < kFramesOnLinkPerPod;
}

void HoldQueue::count(const Waiting& frame) {
  const auto add = [this](uint64_t whose) {
    Tally& tally = tally_of(whose);
    tally.whose = whose;
    ++tally.frames;
  };
  add(neighbour_name(frame.key, frame.slot));
  if (!is_on_link(frame.slot)) return;
  ++on_link_count_;
  add(pod_name(frame.meta));
}

void HoldQueue::count_anew() {
  std::fill_n(tallies_.get(), kTallies, Tally{});
  on_link_count_ = 0;
  for (const Waiting& frame : held()) count(frame);
}

// Its tally, or a free one.
HoldQueue::Tally& HoldQueue::tally_of(uint64_t whose) {
  constexpr unsigned kShift = 64 - std::countr_zero(kTallies);
  uint64_t at = whose * 0x9e3779b97f4a7c15u >> kShift;
  while (tallies_[at].whose != 0 && tallies_[at].whose != whose) at = (at + 1) % kTallies;
  return tallies_[at];
}

void HoldQueue::release(const Snapshot& snapshot, Sessions& sessions, Now now, uint32_t budget,
                        Doors& doors) {
  const NeighbourTable& neighbours = snapshot.shared->neighbours;
  uint32_t kept = 0;
  bool found = false;
  for (Waiting& waiting : held()) {
    if (waiting.slot == kNoNeighbour) {
      waiting.slot = neighbours.find(waiting.key);
      found |= waiting.slot != kNoNeighbour;
    }
    const uint64_t word = waiting.slot == kNoNeighbour ? 0 : neighbours.word(waiting.slot);
    const bool reachable = NeighbourTable::is_reachable(word);
    const bool over = NeighbourTable::is_failed(word) || now.ms >= waiting.until_ms;
    if (budget == 0 || (!reachable && !over)) {
      waiting_[kept++] = waiting;
      continue;
    }
    --budget;
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
  const bool changed = found || kept != waiting_count_;
  waiting_count_ = kept;
  if (changed) count_anew();
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
  count_anew();
}

}  // namespace postern
