#include "dataplane/stage/open.h"

#include "dataplane/stage/choose.h"
#include "dataplane/stage/classify.h"
#include "dataplane/stage/redirect.h"
#include "dataplane/stage/route.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

Flow flow_of(const PacketMeta& meta) {
  return {.source = Ipv4Address::from(meta.source),
          .destination = Ipv4Address::from(meta.destination),
          .source_port = meta.source_port.host(),
          .destination_port = meta.destination_port.host(),
          .protocol = meta.protocol,
          .vni = meta.vni,
          .node = meta.node};
}

uint32_t first_timeout_s(const SessionTimeouts& timeouts, uint8_t protocol) {
  switch (protocol) {
    case kProtocolTcp:
      return timeouts.tcp_transitory_s;
    case kProtocolUdp:
      return timeouts.udp_s;
    case kProtocolIcmp:
      return timeouts.icmp_s;
    default:
      return timeouts.other_s;
  }
}

class Opening {
 public:
  Opening(const Snapshot& snapshot, Sessions& sessions, Burst& burst, Now now)
      : snapshot_(snapshot), sessions_(sessions), burst_(burst), now_(now) {}

  // Asks for what opening sessions for packets `in` will read, as far as it is known by now.
  void prefetch(const IndexList& in, std::span<const Flow> flows,
                std::span<const Decision> decisions);
  // True when packet `i` may go on, with meta.session set; else the reason is filled.
  bool open(uint32_t i, const Flow& flow, const Decision& decision, Reason& reason);

 private:
  bool may_start(uint32_t i, Reason& reason) const;
  bool within_limits(uint32_t i, const Decision& decision, uint32_t leaving, Reason& reason);
  [[nodiscard]] bool may_bear(AddressSlot slot, const SessionEntry& entry) const;
  [[nodiscard]] bool may_keep_port(const Decision& decision, const SessionEntry& entry) const;
  enum class Reopening : uint8_t { kBegun, kRefused, kGone };
  Reopening reopen(uint32_t i, SessionHandle handle, const Decision& decision, Reason& reason);
  bool create(uint32_t i, const Flow& flow, const Decision& decision, const EgressPolicy& policy,
              Reason& reason);
  [[nodiscard]] NewSession new_session(uint32_t i, const Decision& decision,
                                       AddressSlot slot) const;
  bool start(uint32_t i, const Created& created, const Decision& decision, Reason& reason);
  bool join(uint32_t i, SessionHandle handle, const Decision& decision, Reason& reason);
  void begin(uint32_t i, SessionHandle handle, const Decision& decision);
  void note_rule(uint32_t i, const Decision& decision) {
    sessions_.note_rule(snapshot_.policy.firewall, decision.rule, outbound_key(burst_.meta[i]),
                        decision.namespace_index);
  }
  [[nodiscard]] const EgressPolicy* node_ip(const Decision& decision, NodeIndex node) const;

  const Snapshot& snapshot_;
  Sessions& sessions_;
  Burst& burst_;
  Now now_;
};

bool Opening::open(uint32_t i, const Flow& flow, const Decision& decision, Reason& reason) {
  reason = decision.reason;
  if (!decision.allowed) {
    if (reason == Reason::kFirewallDenied) note_rule(i, decision);
    return false;
  }
  if (!may_start(i, reason)) {
    // Not a first packet; but the session may have been opened earlier in this burst.
    const SessionHandle handle = sessions_.table().find_outbound_one(outbound_key(burst_.meta[i]));
    return handle != kNoSession && join(i, handle, decision, reason);
  }
  const SessionHandle closing = burst_.meta[i].session;
  if (closing != kNoSession) {
    const Reopening reopened = reopen(i, closing, decision, reason);
    if (reopened != Reopening::kGone) return reopened == Reopening::kBegun;
  }
  if (snapshot_.limits.of(decision.namespace_index) != nullptr) {
    // The session of an earlier packet of this burst (nat.md M8) needs no room.
    const SessionHandle handle = sessions_.table().find_outbound_one(outbound_key(burst_.meta[i]));
    if (handle != kNoSession) return join(i, handle, decision, reason);
    if (!within_limits(i, decision, 0, reason)) return false;
  }
  const EgressPolicy& policy = snapshot_.policy.policies[decision.policy];
  if (create(i, flow, decision, policy, reason)) return true;
  if (reason != Reason::kNoEgressAddress || !policy.fall_back_to_node_ip) return false;
  const EgressPolicy* fallback = node_ip(decision, flow.node);
  return fallback != nullptr && create(i, flow, decision, *fallback, reason);
}

// Whether the packet is of a kind that begins something: a plain SYN (nat.md T1), an echo request,
// any UDP and any packet of another protocol; and still has a hop to live.
bool Opening::may_start(uint32_t i, Reason& reason) const {
  const PacketMeta& meta = burst_.meta[i];
  const uint8_t* transport = burst_.bytes(i, meta.transport_offset);
  if (meta.protocol == kProtocolTcp && !tcp_is_plain_syn(view<TcpHeader>(transport).flags)) {
    reason = Reason::kBadTcpState;
    return false;
  }
  if (meta.protocol == kProtocolIcmp && *transport != IcmpHeader::kEchoRequest) {
    reason = Reason::kNoSession;
    return false;
  }
  if (view<Ipv4Header>(burst_.bytes(i, meta.ip_offset)).ttl <= 1) {
    reason = Reason::kTtlExpired;
    return false;
  }
  return true;
}

// `leaving`: sessions of the namespace that end when this one begins.
bool Opening::within_limits(uint32_t i, const Decision& decision, uint32_t leaving,
                            Reason& reason) {
  const NamespaceIndex name = decision.namespace_index;
  const NamespaceLimits* limits = snapshot_.limits.of(name);
  if (limits == nullptr) return true;
  const std::optional<Reason> reached =
      sessions_.limit_reached(name, *limits, burst_.meta[i].total_bytes, leaving, now_);
  if (!reached) return true;
  reason = *reached;
  sessions_.note_refused(name);
  return false;
}

// A new SYN on a closing session begins a new one in its place (nat.md T4), with the port of the
// old one where the policy still has its address. kGone: it must become a session of its own.
Opening::Reopening Opening::reopen(uint32_t i, SessionHandle handle, const Decision& decision,
                                   Reason& reason) {
  // The handle was found before this burst changed anything: the entry may be another's by now.
  const OutboundKey key = outbound_key(burst_.meta[i]);
  if (sessions_.table().find_outbound_one(key) != handle) return Reopening::kGone;
  if (!may_keep_port(decision, sessions_.entry(handle))) {
    sessions_.remove(handle, now_);
    return Reopening::kGone;
  }
  if (!within_limits(i, decision, 1, reason)) return Reopening::kRefused;
  // It was reset while it was half open, and has just given way itself.
  if (!sessions_.entry(handle).live()) return Reopening::kGone;
  sessions_.begin_again(handle, decision.source_slot_epoch, now_);
  begin(i, handle, decision);
  sessions_.table().touch_earlier(handle, now_, idle_timeout_s(snapshot_, sessions_.entry(handle)));
  return Reopening::kBegun;
}

bool Opening::may_keep_port(const Decision& decision, const SessionEntry& entry) const {
  // The line of an egress router may lead elsewhere by now.
  const auto remote = Ipv4Address::from(entry.remote_ip);
  if (!leads_to(snapshot_, decision, remote, entry.remote_port.host())) return false;
  const PolicyTable& policy = snapshot_.policy;
  const Range addresses = policy.policies[decision.policy].addresses;
  for (uint32_t k = 0; k < addresses.count; ++k) {
    const AddressSlot slot = policy.address_slots[addresses.first + k];
    if (slot == entry.address_slot) return may_bear(slot, entry);
  }
  return false;
}

// Whether an address takes new sessions to the remote endpoint of this one.
bool Opening::may_bear(AddressSlot slot, const SessionEntry& entry) const {
  const EgressAddress& address = snapshot_.policy.addresses[slot];
  if (snapshot_.shared->drains.holds(slot)) return false;
  const auto remote = Ipv4Address::from(entry.remote_ip);
  const Route* route = snapshot_.external_routes.find(remote, address.address);
  return route == nullptr || !snapshot_.is_down(route->port);
}

// An address whose port is down is passed over as a drained one. A protocol without external ports
// is not translated where another session stands in its place (nat.md O1).
bool Opening::create(uint32_t i, const Flow& flow, const Decision& decision,
                     const EgressPolicy& policy, Reason& reason) {
  AddressChoice choice(snapshot_.policy, policy, flow, burst_.meta[i].source_port.host());
  reason = Reason::kNoEgressAddress;
  for (AddressSlot slot = choice.next(); slot != kNoAddress; slot = choice.next()) {
    if (snapshot_.shared->drains.holds(slot)) continue;
    const EgressAddress& address = snapshot_.policy.addresses[slot];
    const Route* route = snapshot_.external_routes.find(decision.remote, address.address);
    if (route == nullptr || is_broadcast_of(*route, decision.remote)) {
      reason = route == nullptr ? Reason::kNoRoute : Reason::kBadAddress;
      return false;
    }
    if (snapshot_.is_down(route->port)) continue;
    const Created created = sessions_.open(new_session(i, decision, slot), now_);
    if (created.status != CreateStatus::kNoPort) return start(i, created, decision, reason);
    reason = is_other_protocol(flow.protocol) ? Reason::kUnsupportedProtocol : Reason::kNoPort;
    if (!policy.next_address_when_exhausted) break;
  }
  if (reason == Reason::kNoPort) sessions_.counters().port_failures.add();
  return false;
}

NewSession Opening::new_session(uint32_t i, const Decision& decision, AddressSlot slot) const {
  const PacketMeta& meta = burst_.meta[i];
  const EgressAddress& address = snapshot_.policy.addresses[slot];
  NewSession session{};
  session.key = outbound_key(meta);
  session.egress_ip = address.address.wire();
  session.address_slot = slot;
  session.address_epoch = address.epoch;
  session.source_slot_epoch = decision.source_slot_epoch;
  session.is_router = decision.router != kNoRouter;
  session.translated_ip = decision.remote.wire();
  session.translated_port = Be16(decision.remote_port);
  session.timeout_s = first_timeout_s(snapshot_.timeouts, meta.protocol);
  return session;
}

// Of each the address that it will most likely bear decides where its port is looked for.
void Opening::prefetch(const IndexList& in, std::span<const Flow> flows,
                       std::span<const Decision> decisions) {
  SessionTable::ComingSessions coming(sessions_.table());
  for (uint32_t k = 0; k < in.size(); ++k) {
    const Decision& decision = decisions[k];
    if (!decision.allowed) continue;
    const EgressPolicy& policy = snapshot_.policy.policies[decision.policy];
    AddressChoice choice(snapshot_.policy, policy, flows[k], burst_.meta[in[k]].source_port.host());
    const AddressSlot slot = choice.next();
    if (slot == kNoAddress) continue;
    NewSession session = new_session(in[k], decision, slot);
    session.shard = sessions_.shard_of(session.key);
    coming.prefetch(session);
  }
}

// The session is there: new, or (M8) made by an earlier packet of this burst.
bool Opening::start(uint32_t i, const Created& created, const Decision& decision, Reason& reason) {
  if (created.status == CreateStatus::kTableFull) {
    reason = Reason::kSessionTableFull;
    return false;
  }
  if (created.status == CreateStatus::kExists) return join(i, created.handle, decision, reason);
  begin(i, created.handle, decision);
  return true;
}

// The first packet of a session is this one.
void Opening::begin(uint32_t i, SessionHandle handle, const Decision& decision) {
  if (decision.rule != kNoRule) note_rule(i, decision);
  burst_.meta[i].session = handle;
  SessionEntry& entry = sessions_.entry(handle);
  set_mark(entry, decision.mark);
  if (entry.protocol() == kProtocolTcp) tcp_first(entry, segment_of(burst_, i));
  const uint32_t bytes = burst_.meta[i].total_bytes;
  sessions_.count(handle, Direction::kOutbound, bytes);
  if (const NamespaceLimits* limits = snapshot_.limits.of(decision.namespace_index)) {
    sessions_.note_begun(decision.namespace_index, *limits);
    sessions_.note_bytes(decision.namespace_index, *limits, Direction::kOutbound, bytes);
  }
}

// An earlier packet of this burst made the session, and another one may have closed it since.
bool Opening::join(uint32_t i, SessionHandle handle, const Decision& decision, Reason& reason) {
  burst_.meta[i].session = handle;
  reason = Reason::kBadTcpState;
  const Admission admission =
      admit(snapshot_, sessions_, burst_, i, handle, Direction::kOutbound, now_, reason);
  if (admission != Admission::kOpen) return admission == Admission::kPass;
  return reopen(i, handle, decision, reason) == Reopening::kBegun;
}

const EgressPolicy* Opening::node_ip(const Decision& decision, NodeIndex node) const {
  const PolicyTable& policy = snapshot_.policy;
  const uint32_t index = node_ip_policy(policy, decision.namespace_index, node);
  return index == kNoEgressPolicy ? nullptr : &policy.policies[index];
}

}  // namespace

void open_sessions(const Snapshot& snapshot, Sessions& sessions, Burst& burst, const IndexList& in,
                   Now now, IndexList& pass, Refusals& refusals) {
  std::array<Flow, kBurst> flows;
  std::array<Decision, kBurst> decisions;
  for (uint32_t k = 0; k < in.size(); ++k) flows[k] = flow_of(burst.meta[in[k]]);
  classify(snapshot, {flows.data(), in.size()}, {decisions.data(), in.size()});
  Opening opening(snapshot, sessions, burst, now);
  opening.prefetch(in, {flows.data(), in.size()}, {decisions.data(), in.size()});
  for (uint32_t k = 0; k < in.size(); ++k) {
    Reason reason{};
    if (opening.open(in[k], flows[k], decisions[k], reason)) {
      pass.push(in[k]);
    } else {
      refusals.push(in[k], reason);
    }
  }
}

}  // namespace postern
