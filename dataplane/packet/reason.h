// Why a packet was dropped: one list, with the word that counters and operators use, a sentence
// that says what happened, and advice that says what to do. Names are a public interface
// (counters `drop.<reason>`). Any thread; constants only.
#ifndef POSTERN_DATAPLANE_PACKET_REASON_H_
#define POSTERN_DATAPLANE_PACKET_REASON_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern {

// X(enumerator, name, text, advice), in the order in which a packet meets them.
#define POSTERN_DROP_REASONS(X)                                                                   \
  X(kNotForUs, "not-for-us",                                                                      \
    "A frame that is neither a tunnel packet of ours nor addressed to the gateway.",              \
    "Normal in small numbers. Many: check routes, neighbours and `inner_addresses` (ARP).")       \
  X(kWrongVlan, "wrong-vlan",                                                                     \
    "The frame bears another VLAN tag than its port, or none where the port has one.",            \
    "Compare `vlan` of the port with what the switch puts on that link.")                         \
  X(kFrameTooLong, "frame-too-long",                                                              \
    "The frame came in pieces and is longer than a packet buffer.",                               \
    "Raise `mtu` of the port to what the link carries, or lower the link's.")                     \
  X(kArpLimit, "arp-limit",                                                                       \
    "The same ARP request of the same sender came more than 100 times a second.",                 \
    "Look for a loop or a broken host on that link; the last packet names the sender.")           \
  X(kTunnelBadHeader, "tunnel-bad-header",                                                        \
    "A tunnel header is cut short or malformed (no VNI, a wrong length, no Ethernet frame), or "  \
    "a Geneve packet is for control (O bit) or bears a critical option that is not OVN's.",       \
    "Check what sends to the tunnel's address and port, the tunnel's `type`, and what on the "    \
    "nodes sets Geneve options.")                                                                 \
  X(kTunnelUnknownVni, "tunnel-unknown-vni", "The tunnel packet bears a VNI that no tunnel has.", \
    "Compare `vni` of the tunnels with the VNI that the nodes use.")                              \
  X(kTunnelUnknownNode, "tunnel-unknown-node",                                                    \
    "The outer source address is not the VTEP of a configured node of that tunnel.",              \
    "Add the node with its `vtep`, or find out who forges tunnel packets.")                       \
  X(kTunnelWrongPort, "tunnel-wrong-port",                                                        \
    "A tunnel packet arrived on a port that does not carry that tunnel.",                         \
    "Tunnels are taken on cluster ports only. Check cabling and routes; it may be an attack.")    \
  X(kTunnelEcn, "tunnel-ecn",                                                                     \
    "The outer header says congestion experienced, the inner packet cannot carry it (RFC 6040).", \
    "The underlay marks packets that are not ECN-capable: check its queues.")                     \
  X(kParseShort, "parse-short", "The frame ends before its headers do.",                          \
    "Check the sender and the MTU on the way.")                                                   \
  X(kParseBadHeader, "parse-bad-header",                                                          \
    "A header contradicts itself: version, header length or total length, or source routing.",    \
    "Check the sender; nothing legitimate sends this.")                                           \
  X(kParseBadChecksum, "parse-bad-checksum", "The IPv4 header checksum is wrong.",                \
    "Damaged on the way, or a sender that leaves checksums to hardware which is not there.")      \
  X(kUnsupportedProtocol, "unsupported-protocol",                                                 \
    "A packet of a kind that is not translated, or another pod has the only session there.",      \
    "The last packet shows which. Of GRE, ESP and others one pod may talk to a remote by an "     \
    "egress address: give the other pods other addresses.")                                       \
  X(kBadAddress, "bad-address",                                                                   \
    "Source or destination can never be forwarded: 0/8, 127/8, multicast, broadcast, our own.",   \
    "Check the sender's configuration; a source that is our own address may be an attack.")       \
  X(kTtlExpired, "ttl-expired", "The time to live ended here; time exceeded was sent back.",      \
    "Normal for traceroute. Many: look for a routing loop.")                                      \
  X(kSourceNotOnNode, "source-not-on-node",                                                       \
    "The inner source lies neither in the node's pod CIDRs nor in its addresses.",                \
    "Add the prefix to the node's `pod_cidrs`; if it is right, somebody forges addresses.")       \
  X(kSourceUnknown, "source-unknown", "The inner source is on its node but in no namespace.",     \
    "Add the pod: posternctl namespace add NAME POD, or `pods` in the file.")                     \
  X(kRouterDenied, "router-denied", "The namespace may not use that egress router.",              \
    "Add the namespace to the router's `namespaces`.")                                            \
  X(kRouterNoRule, "router-no-rule", "No destination of the egress router matches.",              \
    "Add a line to the router's `destinations`.")                                                 \
  X(kNameUnresolved, "name-unresolved",                                                           \
    "The egress router's line leads to a name that has no address yet.",                          \
    "Check that the gateway's resolvers answer and that the name exists.")                        \
  X(kClusterDestination, "cluster-destination",                                                   \
    "The destination is inside the cluster or is the gateway itself; it never leaves here.",      \
    "Route cluster-internal traffic inside the cluster, or correct `cluster.no_snat`.")           \
  X(kFirewallDenied, "firewall-denied", "A firewall rule of the namespace denies it.",            \
    "Change the rule if the traffic is wanted.")                                                  \
  X(kFirewallDefault, "firewall-default",                                                         \
    "No firewall rule of the namespace matches and the default denies.",                          \
    "Add an allowing rule, or set firewall.default = \"allow\".")                                 \
  X(kNoPolicy, "no-policy", "No egress address is configured for the source and Node IP is off.", \
    "Add an `egress_ips` entry that names the namespace, or switch on `node_ip`.")                \
  X(kNoEgressAddress, "no-egress-address",                                                        \
    "A policy matches, but none of its addresses can be used now.",                               \
    "Check that its addresses are not drained and that an uplink is up.")                         \
  X(kNoPort, "no-port", "Every port of the egress address is in use towards that destination.",   \
    "egress_ips: more addresses, or when_exhausted = \"next-address\"; node_ip: more addresses; " \
    "an external_ip or a router's source stands alone: move namespaces to an egress_ips entry.")  \
  X(kQuotaSessions, "quota-sessions", "The namespace has as many sessions as it may.",            \
    "Raise limits.sessions of the namespace, or find the pod that opens so many.")                \
  X(kQuotaRate, "quota-rate", "The namespace opens sessions faster than it may.",                 \
    "Raise limits.new_sessions_per_second, or find the pod that opens so many.")                  \
  X(kQuotaBandwidth, "quota-bandwidth", "The namespace uses more bandwidth than it may.",         \
    "Raise limits.bandwidth of the namespace.")                                                   \
  X(kSessionTableFull, "session-table-full", "There is no room for another session.",             \
    "Raise sessions.max and restart, or find the pod that opens so many.")                        \
  X(kSessionEnded, "session-ended",                                                               \
    "The packet's session gave way to a new one in the same burst.",                              \
    "Sessions run short: raise sessions.max or limits.sessions, or find who opens so many.")      \
  X(kNoSession, "no-session", "An inbound packet without a session, or its session went.",        \
    "Normal for scans and late packets. Many: check that replies come to the same gateway.")      \
  X(kBadTcpState, "bad-tcp-state",                                                                \
    "A TCP packet that can neither start a session nor continue the one it belongs to.",          \
    "Normal after a restart of the gateway and for scans.")                                       \
  X(kBadTcpSequence, "bad-tcp-sequence", "A TCP RST or FIN far from the expected sequence.",      \
    "A few are late packets; many are an attempt to kill sessions.")                              \
  X(kBadIcmpError, "bad-icmp-error", "An ICMP error that quotes no live session of ours.",        \
    "A few are late; many are forged.")                                                           \
  X(kFragmentOverlap, "fragment-overlap", "Fragments of one datagram overlap.",                   \
    "Nothing legitimate sends this.")                                                             \
  X(kFragmentTimeout, "fragment-timeout", "The first fragment did not come in time.",             \
    "Packets are lost on the way.")                                                               \
  X(kFragmentLimit, "fragment-limit",                                                             \
    "Its source, or all together, have too many unfinished datagrams or waiting fragments.",      \
    "Raise sessions.fragments, or find the source of the flood.")                                 \
  X(kFragmentBad, "fragment-bad", "A fragment that cannot be part of a datagram.",                \
    "Too short for its ports, empty, or behind the end: nothing legitimate sends this.")          \
  X(kMtuExceeded, "mtu-exceeded",                                                                 \
    "The packet does not fit the next link and may not be fragmented; the sender was told.",      \
    "Normal for path MTU discovery. Many: raise `mtu` of the port if the link carries it.")       \
  X(kNoRoute, "no-route", "There is no way to the destination.",                                  \
    "Add a `gateway` to a port of the right role, or a route.")                                   \
  X(kNeighbourUnresolved, "neighbour-unresolved",                                                 \
    "Too many packets wait for the next hop's MAC address.",                                      \
    "The next hop does not answer ARP: check that it is up and on that port.")                    \
  X(kNeighbourFailed, "neighbour-failed", "The next hop did not answer ARP in time.",             \
    "Check that the next hop is up and on that port.")                                            \
  X(kTxFull, "tx-full", "The port's transmit queue was full.",                                    \
    "The link is slower than the traffic: use a faster one, or more gateways.")                   \
  X(kNoBuffer, "no-buffer", "No packet buffer was free.", "Raise eal.memory_mb.")                 \
  X(kHandoverFull, "handover-full", "The ring to another worker was full.",                       \
    "A worker is overloaded: add workers or steer by the NIC.")                                   \
  X(kShutdown, "shutdown", "Still waiting for a neighbour or a first fragment at the stop.",      \
    "Nothing to do.")

// An enumerator of a scoped enumeration hides nothing (kNoSession is a handle, too); g++ 12 warns
// all the same, depending on the order of includes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
enum class Reason : uint8_t {
#define POSTERN_X(enumerator, name, text, advice) enumerator,
  POSTERN_DROP_REASONS(POSTERN_X)
#undef POSTERN_X
};
#pragma GCC diagnostic pop

#define POSTERN_X(enumerator, name, text, advice) +1
inline constexpr size_t kReasonCount = 0 POSTERN_DROP_REASONS(POSTERN_X);
#undef POSTERN_X

struct ReasonInfo {
  std::string_view name;
  std::string_view text;
  std::string_view advice;
};

// The words for a reason.
const ReasonInfo& describe(Reason reason);
// The reason of that name, or nothing.
std::optional<Reason> reason_named(std::string_view name);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_REASON_H_
