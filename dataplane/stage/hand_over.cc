#include "dataplane/stage/hand_over.h"

#include <array>
#include <bit>

#include "dataplane/packet/parse.h"
#include "dataplane/stage/icmp_error.h"
#include "dataplane/stage/track.h"

namespace postern {
namespace {

constexpr std::array kLanes = {
    Lane::kOutbound, Lane::kOutboundError, Lane::kOutboundFragment, Lane::kOutboundApart,
    Lane::kInbound,  Lane::kInboundError,  Lane::kInboundFragment,  Lane::kInboundApart};

// The list of packets that go a way.
IndexList& list_of(Arrivals& arrivals, Lane lane) {
  switch (lane) {
    case Lane::kOutbound:
      return arrivals.outbound;
    case Lane::kOutboundError:
      return arrivals.outbound_errors;
    case Lane::kOutboundFragment:
      return arrivals.outbound_fragments;
    case Lane::kOutboundApart:
      return arrivals.outbound_apart;
    case Lane::kInbound:
      return arrivals.inbound;
    case Lane::kInboundError:
      return arrivals.inbound_errors;
    case Lane::kInboundFragment:
      return arrivals.inbound_fragments;
    case Lane::kInboundApart:
      return arrivals.inbound_apart;
  }
  return arrivals.outbound;
}

// The lane of a fragment that was found anew: its ports are known if they were before.
Lane known_again(Lane found, Lane before) {
  if (found == Lane::kOutboundFragment && before == Lane::kOutboundApart) return before;
  if (found == Lane::kInboundFragment && before == Lane::kInboundApart) return before;
  return found;
}

// Sorts packet `i` again, which came by meta.port and went the way `was`. Its owner stays the same,
// whatever it has become.
[[gnu::cold, gnu::noinline]] void sort_anew(const Snapshot& snapshot, Burst& burst, uint32_t i,
                                            Lane was, Arrivals& arrivals, Doors& doors) {
  Burst alone;
  alone.frame[0] = burst.frame[i];
  alone.size = 1;
  Arrivals found;
  arrive(snapshot, burst.meta[i].port, alone, found, doors);
  const PacketMeta before = burst.meta[i];
  burst.meta[i] = alone.meta[0];
  for (const Lane lane : kLanes) {
    if (list_of(found, lane).empty()) continue;
    const Lane goes_on = known_again(lane, was);
    if (goes_on != lane) {
      burst.meta[i].source_port = before.source_port;
      burst.meta[i].destination_port = before.destination_port;
      burst.meta[i].tcp_base = before.tcp_base;
    }
    list_of(arrivals, goes_on).push(i);
  }
  if (!found.local.empty()) arrivals.local.push(i);
  if (!found.inner_arp.empty()) arrivals.inner_arp.push(i);
}

// Finds the packets of others in a burst.
class Sorting {
 public:
  Sorting(const HandoverEnds& ends, const Burst& burst) : ends_(ends), burst_(burst) {}

  // Leaves in the lane's list what is ours, and notes the rest.
  template <Lane lane>
  [[gnu::target("aes,pclmul")]] void sort(IndexList& list) {
    if (list.empty()) return;
    IndexList ours;
    for (const uint8_t i : list) {
      const WorkerIndex owner = owner_of<lane>(i);
      if (owner == ends_.self) {
        ours.push(i);
        continue;
      }
      others_ |= uint64_t{1} << i;
      owner_[i] = owner;
      lane_[i] = lane;
    }
    list = ours;
  }

  // Packets that belong to others, a bit each.
  [[nodiscard]] uint64_t others() const { return others_; }
  [[nodiscard]] WorkerIndex owner(uint32_t i) const { return owner_[i]; }
  [[nodiscard]] Lane lane(uint32_t i) const { return lane_[i]; }

 private:
  template <Lane lane>
  [[gnu::target("aes,pclmul")]] WorkerIndex owner_of(uint32_t i) const {
    const PacketMeta& meta = burst_.meta[i];
    if constexpr (lane == Lane::kOutbound || lane == Lane::kOutboundApart) {
      return ends_.owners->outbound(outbound_key(meta));
    }
    if constexpr (lane == Lane::kInbound || lane == Lane::kInboundApart) {
      return ends_.owners->inbound(meta.protocol, meta.destination_port);
    }
    if constexpr (lane == Lane::kOutboundFragment || lane == Lane::kInboundFragment) {
      const auto ip = load<Ipv4Header>(burst_.bytes(i, meta.ip_offset));
      return ends_.owners->datagram(meta.source, meta.destination, ip.id, meta.protocol);
    }
    // What quotes nothing of use is refused wherever it is.
    const QuotedPacket quoted = quoted_by(burst_, i);
    if (!quoted.usable) return ends_.self;
    if constexpr (lane == Lane::kInboundError) {
      return ends_.owners->inbound(quoted.protocol, quoted.source_port);
    }
    return ends_.owners->outbound(key_of_quoted(meta.vni, quoted));
  }

  const HandoverEnds& ends_;
  const Burst& burst_;
  uint64_t others_ = 0;
  std::array<WorkerIndex, kBurst> owner_;
  std::array<Lane, kBurst> lane_;
};

// Puts the packets of others on their rings. Returns those that went, a bit each.
uint64_t give(const Snapshot& snapshot, const HandoverEnds& ends, const Burst& burst,
              const Sorting& sorting, Counters& counters, Doors& doors) {
  const auto tables = static_cast<uint32_t>(snapshot.generation);
  uint32_t given_to = 0;  // a bit each
  uint64_t given = 0;
  for (uint64_t left = sorting.others(); left != 0; left &= left - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(left));
    const WorkerIndex owner = sorting.owner(i);
    if (!ends.to[owner]->put({burst.frame[i], tables, sorting.lane(i)}, burst.meta[i],
                             burst.bytes(i, burst.meta[i].ip_offset))) [[unlikely]] {
      doors.drop(burst, i, Reason::kHandoverFull);
      continue;
    }
    given_to |= 1U << owner;
    given |= uint64_t{1} << i;
  }
  counters.handover_packets.add(static_cast<uint64_t>(std::popcount(given)));
  counters.handover_bursts.add(static_cast<uint64_t>(std::popcount(given_to)));
  for (; given_to != 0; given_to &= given_to - 1) ends.to[std::countr_zero(given_to)]->publish();
  return given;
}

}  // namespace

[[gnu::target("aes,pclmul")]] void hand_over(const Snapshot& snapshot, const HandoverEnds& ends,
                                             Burst& burst, Arrivals& arrivals, Counters& counters,
                                             Doors& doors) {
  Sorting sorting(ends, burst);
  sorting.sort<Lane::kOutbound>(arrivals.outbound);
  sorting.sort<Lane::kInbound>(arrivals.inbound);
  sorting.sort<Lane::kOutboundError>(arrivals.outbound_errors);
  sorting.sort<Lane::kInboundError>(arrivals.inbound_errors);
  sorting.sort<Lane::kOutboundApart>(arrivals.outbound_apart);
  sorting.sort<Lane::kInboundApart>(arrivals.inbound_apart);
  sorting.sort<Lane::kOutboundFragment>(arrivals.outbound_fragments);
  sorting.sort<Lane::kInboundFragment>(arrivals.inbound_fragments);
  if (sorting.others() == 0) return;
  const uint64_t given = give(snapshot, ends, burst, sorting, counters, doors);
  if (given == 0) return;
  const uint16_t port = burst.meta[static_cast<uint32_t>(std::countr_zero(given))].port;
  counters.ports[port].handed_over.add(static_cast<uint64_t>(std::popcount(given)));
}

[[gnu::target("aes,pclmul")]] void hand_over_fragments(const Snapshot& snapshot,
                                                       const HandoverEnds& ends, Burst& burst,
                                                       IndexList& ready, Direction direction,
                                                       Counters& counters, Doors& doors) {
  Sorting sorting(ends, burst);
  if (direction == Direction::kOutbound) {
    sorting.sort<Lane::kOutboundApart>(ready);
  } else {
    sorting.sort<Lane::kInboundApart>(ready);
  }
  if (sorting.others() == 0) return;
  // They may have come by several ports.
  for (uint64_t left = give(snapshot, ends, burst, sorting, counters, doors); left != 0;
       left &= left - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(left));
    counters.ports[burst.meta[i].port].handed_over.add();
  }
}

void take_handed(const Snapshot& snapshot, HandoverRing& from, Burst& burst, Arrivals& arrivals,
                 Doors& doors) {
  std::array<HandoverRing::Ticket, kBurst> tickets;
  from.take(burst, tickets);
  const auto tables = static_cast<uint32_t>(snapshot.generation);
  for (uint32_t i = 0; i < burst.size; ++i) {
    if (tickets[i].tables == tables) [[likely]] {
      list_of(arrivals, tickets[i].lane).push(i);
    } else {
      sort_anew(snapshot, burst, i, tickets[i].lane, arrivals, doors);
    }
  }
}

}  // namespace postern
