#include "dataplane/stage/gather.h"

#include "dataplane/stage/classify.h"

namespace postern {
namespace {

Fragment fragment_of(const Burst& burst, uint32_t i, Direction direction) {
  const PacketMeta& meta = burst.meta[i];
  const auto& ip = view<Ipv4Header>(burst.bytes(i, meta.ip_offset));
  const uint32_t vni = direction == Direction::kOutbound ? meta.vni : 0;
  const uint32_t bytes = meta.total_bytes - ip.header_bytes();
  const uint32_t first_byte = ip.fragment_offset_bytes();
  Fragment fragment{.key = {.source = meta.source,
                            .vni_protocol = OutboundKey::pack(vni, meta.protocol),
                            .destination = meta.destination,
                            .id = ip.id,
                            .direction = direction},
                    .first_byte = static_cast<uint16_t>(first_byte),
                    .end_byte = static_cast<uint16_t>(first_byte + bytes),
                    .more = ip.more_fragments(),
                    .first = {}};
  if (first_byte != 0) return fragment;
  fragment.first = {.source_port = meta.source_port, .destination_port = meta.destination_port};
  if (meta.protocol == kProtocolTcp) {
    const auto& tcp = view<TcpHeader>(burst.bytes(i, meta.transport_offset));
    fragment.first.tcp_base = tcp.sequence.host() - tcp.header_bytes();
  }
  return fragment;
}

void take_ports(const FirstFragment& first, PacketMeta& meta) {
  meta.source_port = first.source_port;
  meta.destination_port = first.destination_port;
  meta.tcp_base = first.tcp_base;
}

// Whether anybody's packets may come from there; else the reason is filled.
bool is_from_somebody(const Snapshot& snapshot, const PacketMeta& meta, Direction direction,
                      Reason& reason) {
  const auto source = Ipv4Address::from(meta.source);
  reason = Reason::kBadAddress;
  if (snapshot.is_bad_source(source)) return false;
  if (direction == Direction::kInbound) return true;
  Decision decision;
  const bool found = find_source(snapshot, meta.vni, source, meta.node, decision);
  reason = decision.reason;
  return found;
}

Reason reason_of(FragmentVerdict verdict) {
  if (verdict == FragmentVerdict::kOverlap) return Reason::kFragmentOverlap;
  return verdict == FragmentVerdict::kBad ? Reason::kFragmentBad : Reason::kFragmentLimit;
}

}  // namespace

// Datagrams are spread over the workers by a hash, those of one source, too.
FragmentLimits FragmentGatherer::share_of(FragmentLimits limits) const {
  const auto share = [this](uint32_t of_all) { return (of_all + workers_ - 1) / workers_; };
  limits.datagrams = share(limits.datagrams);
  limits.datagrams_per_source = share(limits.datagrams_per_source);
  return limits;
}

void FragmentGatherer::gather(const Snapshot& snapshot, Burst& burst, const IndexList& in,
                              Direction direction, Now now, IndexList& ready, Refusals& refusals,
                              Doors& doors) {
  const FragmentLimits limits = share_of(snapshot.fragments);
  for (const uint8_t i : in) {
    Reason reason{};
    if (!is_from_somebody(snapshot, burst.meta[i], direction, reason)) {
      refusals.push(i, reason);
      continue;
    }
    const FragmentAnswer answer = table_.take(fragment_of(burst, i, direction), limits, now);
    drop_chain(answer.evicted, Reason::kFragmentLimit, doors);
    if (answer.verdict == FragmentVerdict::kPass) {
      take_ports(answer.first, burst.meta[i]);
      ready.push(i);
      wake_later(answer.others, answer.first, direction);
    } else if (answer.verdict == FragmentVerdict::kEarly) {
      keep(burst, i, answer.slot, doors);
    } else {
      drop_chain(answer.others, reason_of(answer.verdict), doors);
      refusals.push(i, reason_of(answer.verdict));
    }
  }
  counters_.fragments_followed.set(table_.size());
}

void FragmentGatherer::keep(const Burst& burst, uint32_t i, EarlySlot slot, Doors& doors) {
  early_[slot] = {.meta = burst.meta[i], .frame = burst.frame[i]};
  counters_.fragments_held.add();
  doors.hold();
}

void FragmentGatherer::wake_later(EarlySlot chain, const FirstFragment& first,
                                  Direction direction) {
  Woken& queue = woken_[static_cast<size_t>(direction)];
  for (EarlySlot slot = chain; slot != kNoEarly; slot = table_.next_early(slot)) {
    take_ports(first, early_[slot].meta);
    queue.push(slot);
  }
}

void FragmentGatherer::wake(Direction direction, Burst& burst, Doors& doors) {
  Woken& queue = woken_[static_cast<size_t>(direction)];
  for (burst.size = 0; burst.size < kBurst && queue.size != 0; ++burst.size) {
    const Early early = give_back(queue.pop(), doors);
    burst.frame[burst.size] = early.frame;
    burst.meta[burst.size] = early.meta;
  }
}

FragmentGatherer::Early FragmentGatherer::give_back(EarlySlot slot, Doors& doors) {
  table_.free_early(slot);
  counters_.fragments_held.subtract();
  doors.release();
  return early_[slot];
}

void FragmentGatherer::drop_chain(EarlySlot chain, Reason reason, Doors& doors) {
  while (chain != kNoEarly) {
    const EarlySlot next = table_.next_early(chain);
    const Early early = give_back(chain, doors);
    doors.drop(early.frame, reason, &early.meta);
    chain = next;
  }
}

void FragmentGatherer::expire(const Snapshot& snapshot, Now now, uint32_t budget, Doors& doors) {
  EarlySlot chain = kNoEarly;
  for (; budget > 0 && table_.expire_one(snapshot.fragments, now, chain); --budget) {
    drop_chain(chain, Reason::kFragmentTimeout, doors);
    counters_.fragments_followed.set(table_.size());
  }
}

void FragmentGatherer::drop_all(Reason reason, Doors& doors) {
  for (Woken& queue : woken_) {
    while (queue.size != 0) {
      const Early early = give_back(queue.pop(), doors);
      doors.drop(early.frame, reason, &early.meta);
    }
  }
  EarlySlot chain = kNoEarly;
  const FragmentLimits at_once{.timeout_ms = 0};
  while (table_.expire_one(at_once, {}, chain)) drop_chain(chain, reason, doors);
  counters_.fragments_followed.set(0);
}

}  // namespace postern
