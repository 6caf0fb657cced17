#include "dataplane/run/walk.h"

#include "dataplane/stage/arrive.h"
#include "dataplane/stage/forward.h"
#include "dataplane/stage/icmp_error.h"
#include "dataplane/stage/route.h"
#include "dataplane/stage/track.h"
#include "dataplane/stage/translate.h"

namespace postern {
namespace {

void walk_outbound(const Snapshot& snapshot, Burst& burst, const Arrivals& arrivals, Now now,
                   WalkContext& context) {
  Sessions& sessions = context.sessions;
  IndexList tracked;
  IndexList routed;
  Refusals refusals;
  track_outbound(snapshot, sessions, burst, arrivals.outbound, now, tracked, refusals);
  route_outbound(snapshot, sessions, burst, tracked, routed, refusals);
  translate_outbound(snapshot, sessions, burst, routed);
  forward_outbound(snapshot, burst, routed, now, context.tools.holds, context.doors);
  if (!arrivals.outbound_errors.empty()) {
    IndexList errors;
    IndexList routed_errors;
    track_outbound_errors(snapshot, sessions, burst, arrivals.outbound_errors, errors, refusals);
    route_outbound(snapshot, sessions, burst, errors, routed_errors, refusals);
    translate_outbound_errors(sessions, burst, routed_errors);
    forward_outbound(snapshot, burst, routed_errors, now, context.tools.holds, context.doors);
  }
  refuse(snapshot, burst, refusals, Direction::kOutbound, now, context.tools, context.doors);
}

void walk_inbound(const Snapshot& snapshot, Burst& burst, const Arrivals& arrivals, Now now,
                  WalkContext& context) {
  Sessions& sessions = context.sessions;
  IndexList tracked;
  IndexList routed;
  Refusals refusals;
  track_inbound(snapshot, sessions, burst, arrivals.inbound, now, tracked, refusals);
  route_inbound(snapshot, burst, tracked, routed, refusals);
  translate_inbound(snapshot, sessions, burst, routed);
  forward_inbound(snapshot, burst, routed, now, context.tools.holds, context.doors);
  if (!arrivals.inbound_errors.empty()) {
    IndexList errors;
    IndexList routed_errors;
    track_inbound_errors(snapshot, sessions, burst, arrivals.inbound_errors, errors, refusals);
    route_inbound(snapshot, burst, errors, routed_errors, refusals);
    translate_inbound_errors(sessions, burst, routed_errors);
    forward_inbound(snapshot, burst, routed_errors, now, context.tools.holds, context.doors);
  }
  refuse(snapshot, burst, refusals, Direction::kInbound, now, context.tools, context.doors);
}

}  // namespace

void walk(const Snapshot& snapshot, uint16_t port, Burst& burst, Now now, WalkContext& context) {
  Arrivals arrivals;
  context.heard.size = 0;
  context.doors.set_time(now);
  arrive(snapshot, port, burst, arrivals, context.doors);
  if (!arrivals.outbound.empty() || !arrivals.outbound_errors.empty()) {
    walk_outbound(snapshot, burst, arrivals, now, context);
  }
  if (!arrivals.inbound.empty() || !arrivals.inbound_errors.empty()) {
    walk_inbound(snapshot, burst, arrivals, now, context);
  }
  if (!arrivals.local.empty()) {
    answer_local(snapshot, burst, arrivals.local, now, context.arp_answers, context.heard,
                 context.doors);
  }
  if (!arrivals.inner_arp.empty()) {
    answer_inner_arp(snapshot, burst, arrivals.inner_arp, now, context.arp_answers, context.doors);
  }
}

}  // namespace postern
