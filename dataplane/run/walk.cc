#include "dataplane/run/walk.h"

#include "dataplane/stage/arrive.h"
#include "dataplane/stage/fast_path.h"
#include "dataplane/stage/forward.h"
#include "dataplane/stage/icmp_error.h"
#include "dataplane/stage/route.h"
#include "dataplane/stage/track.h"
#include "dataplane/stage/track_fragments.h"
#include "dataplane/stage/translate.h"
#include "dataplane/stage/untag.h"

namespace postern {
namespace {

// Translated packets `in` leave; some may have to be cut on their way.
void send_outbound(const Snapshot& snapshot, Burst& burst, const IndexList& in, bool cut, Now now,
                   WalkContext& context) {
  const AnswerTools& tools = context.tools;
  if (!cut) return forward_outbound(snapshot, burst, in, now, tools.holds, context.doors);
  forward_outbound_cut(snapshot, burst, in, now, tools.pool, tools.holds, context.doors);
}

void send_inbound(const Snapshot& snapshot, Burst& burst, const IndexList& in, bool cut, Now now,
                  WalkContext& context) {
  const AnswerTools& tools = context.tools;
  if (!cut) return forward_inbound(snapshot, burst, in, now, tools.holds, context.doors);
  forward_inbound_cut(snapshot, burst, in, now, tools.pool, tools.holds, context.doors);
}

// Fragments `in` with the ports of their datagram, and packets of other protocols.
void carry_apart(const Snapshot& snapshot, Burst& burst, const IndexList& in, Direction direction,
                 Now now, WalkContext& context, Refusals& refusals) {
  Sessions& sessions = context.sessions;
  IndexList tracked;
  IndexList routed;
  track_fragments(snapshot, sessions, burst, in, direction, now, tracked, refusals);
  const bool outbound = direction == Direction::kOutbound;
  const bool cut = outbound ? route_outbound(snapshot, sessions, burst, tracked, routed, refusals)
                            : route_inbound(snapshot, burst, tracked, routed, refusals);
  translate_apart(snapshot, sessions, burst, routed, direction);
  (outbound ? send_outbound : send_inbound)(snapshot, burst, routed, cut, now, context);
}

// Leaves in `ready` those of sessions of this worker.
void hand_on_fragments(const Snapshot& snapshot, Burst& burst, IndexList& ready,
                       Direction direction, WalkContext& context) {
  if (context.handover == nullptr) return;
  hand_over_fragments(snapshot, *context.handover, burst, ready, direction, context.tools.counters,
                      context.doors);
}

void walk_fragments(const Snapshot& snapshot, Burst& burst, const IndexList& in,
                    Direction direction, Now now, WalkContext& context, Refusals& refusals) {
  IndexList ready;
  context.fragments.gather(snapshot, burst, in, direction, now, ready, refusals, context.doors);
  hand_on_fragments(snapshot, burst, ready, direction, context);
  carry_apart(snapshot, burst, ready, direction, now, context, refusals);
}

void walk_outbound(const Snapshot& snapshot, Burst& burst, const Arrivals& arrivals, Now now,
                   WalkContext& context) {
  Sessions& sessions = context.sessions;
  IndexList tracked;
  IndexList routed;
  Refusals refusals;
  IndexList rest;
  look_up_outbound(sessions, burst, arrivals.outbound);
  carry_outbound(snapshot, sessions, burst, arrivals.outbound, now, rest, refusals, context.doors);
  if (!rest.empty()) {
    settle(snapshot, burst, rest, Direction::kOutbound, context.doors);
    track_outbound(snapshot, sessions, burst, rest, now, tracked, refusals);
    const bool cut = route_outbound(snapshot, sessions, burst, tracked, routed, refusals);
    translate_outbound(snapshot, sessions, burst, routed);
    send_outbound(snapshot, burst, routed, cut, now, context);
  }
  if (!arrivals.outbound_errors.empty()) {
    IndexList errors;
    IndexList routed_errors;
    track_outbound_errors(snapshot, sessions, burst, arrivals.outbound_errors, errors, refusals);
    const bool cut_errors =
        route_outbound(snapshot, sessions, burst, errors, routed_errors, refusals);
    translate_outbound_errors(sessions, burst, routed_errors);
    send_outbound(snapshot, burst, routed_errors, cut_errors, now, context);
  }
  if (!arrivals.outbound_apart.empty()) {
    carry_apart(snapshot, burst, arrivals.outbound_apart, Direction::kOutbound, now, context,
                refusals);
  }
  if (!arrivals.outbound_fragments.empty()) {
    walk_fragments(snapshot, burst, arrivals.outbound_fragments, Direction::kOutbound, now, context,
                   refusals);
  }
  refuse(snapshot, burst, refusals, Direction::kOutbound, now, context.tools, context.doors);
}

void walk_inbound(const Snapshot& snapshot, Burst& burst, const Arrivals& arrivals, Now now,
                  WalkContext& context) {
  Sessions& sessions = context.sessions;
  IndexList tracked;
  IndexList routed;
  Refusals refusals;
  IndexList rest;
  look_up_inbound(sessions, burst, arrivals.inbound);
  carry_inbound(snapshot, sessions, burst, arrivals.inbound, now, rest, refusals, context.doors);
  if (!rest.empty()) {
    settle(snapshot, burst, rest, Direction::kInbound, context.doors);
    track_inbound(snapshot, sessions, burst, rest, now, tracked, refusals);
    const bool cut = route_inbound(snapshot, burst, tracked, routed, refusals);
    translate_inbound(snapshot, sessions, burst, routed);
    send_inbound(snapshot, burst, routed, cut, now, context);
  }
  if (!arrivals.inbound_errors.empty()) {
    IndexList errors;
    IndexList routed_errors;
    track_inbound_errors(snapshot, sessions, burst, arrivals.inbound_errors, errors, refusals);
    const bool cut_errors = route_inbound(snapshot, burst, errors, routed_errors, refusals);
    translate_inbound_errors(sessions, burst, routed_errors);
    send_inbound(snapshot, burst, routed_errors, cut_errors, now, context);
  }
  if (!arrivals.inbound_apart.empty()) {
    carry_apart(snapshot, burst, arrivals.inbound_apart, Direction::kInbound, now, context,
                refusals);
  }
  if (!arrivals.inbound_fragments.empty()) {
    walk_fragments(snapshot, burst, arrivals.inbound_fragments, Direction::kInbound, now, context,
                   refusals);
  }
  refuse(snapshot, burst, refusals, Direction::kInbound, now, context.tools, context.doors);
}

// From arrival on, packets that belong to this worker.
void walk_arrivals(const Snapshot& snapshot, Burst& burst, const Arrivals& arrivals, Now now,
                   WalkContext& context) {
  if (arrivals.any_outbound()) walk_outbound(snapshot, burst, arrivals, now, context);
  if (arrivals.any_inbound()) walk_inbound(snapshot, burst, arrivals, now, context);
  if (!arrivals.local.empty()) {
    answer_local(snapshot, burst, arrivals.local, now, context.arp_answers, context.heard,
                 context.doors);
  }
  if (!arrivals.inner_arp.empty()) {
    answer_inner_arp(snapshot, burst, arrivals.inner_arp, now, context.arp_answers, context.doors);
  }
}

}  // namespace

void walk(const Snapshot& snapshot, uint16_t port, Burst& burst, Now now, WalkContext& context) {
  Arrivals arrivals;
  context.heard.size = 0;
  context.doors.set_time(now);
  if (snapshot.ports[port].vlan != 0) untag(snapshot, port, burst, context.doors);
  arrive(snapshot, port, burst, arrivals, context.doors);
  if (context.handover != nullptr) {
    hand_over(snapshot, *context.handover, burst, arrivals, context.tools.counters, context.doors);
  }
  walk_arrivals(snapshot, burst, arrivals, now, context);
}

uint32_t walk_handed(const Snapshot& snapshot, HandoverRing& from, Burst& burst, Now now,
                     WalkContext& context) {
  Arrivals arrivals;
  context.heard.size = 0;
  context.doors.set_time(now);
  take_handed(snapshot, from, burst, arrivals, context.doors);
  if (burst.size == 0) return 0;
  context.tools.counters.taken_over.add(burst.size);
  walk_arrivals(snapshot, burst, arrivals, now, context);
  return burst.size;
}

void walk_woken(const Snapshot& snapshot, Burst& burst, Now now, WalkContext& context) {
  for (const Direction direction : {Direction::kOutbound, Direction::kInbound}) {
    if (!context.fragments.has_woken(direction)) continue;
    context.fragments.wake(direction, burst, context.doors);
    IndexList all;
    for (uint32_t i = 0; i < burst.size; ++i) all.push(i);
    Refusals refusals;
    hand_on_fragments(snapshot, burst, all, direction, context);
    carry_apart(snapshot, burst, all, direction, now, context, refusals);
    refuse(snapshot, burst, refusals, direction, now, context.tools, context.doors);
  }
}

}  // namespace postern
