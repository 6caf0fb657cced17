// Classify: who sends this packet, and which way out may it take?
//
// The model for every stage: one function over a burst, given all that it uses, deciding and
// counting nothing else. It answers the questions of product.md in their order, first match wins:
//
//   source      the inner source must be on the node that sent it, and in a namespace there
//   router      what dials an egress router goes where its lines say, or nowhere (redirect.h)
//   inside      what is inside the cluster, or is the gateway, never leaves by an uplink
//   firewall    first matching rule of the namespace, else the default
//   egress IP   entries that name the pod, then entries that name its namespace; among those the
//               longest destination prefix; `except` takes destinations out
//   node IP     where the operator switched it on; platform traffic leaves by nothing else
//
// Only the first packet of a session comes here: established ones carry their answer in their
// session (source slot and epoch). Reads the snapshot only, so `explain` can call it as well.
// Any thread.
#ifndef POSTERN_DATAPLANE_STAGE_CLASSIFY_H_
#define POSTERN_DATAPLANE_STAGE_CLASSIFY_H_

#include <cstdint>
#include <span>

#include "dataplane/packet/reason.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// What classification asks of a packet: its inner addresses and where it came from.
struct Flow {
  Ipv4Address source;
  Ipv4Address destination;
  uint16_t source_port = 0;       // host order; of ICMP echo the identifier
  uint16_t destination_port = 0;  // host order; 0 for ICMP echo
  uint8_t protocol = 0;
  uint32_t vni = 0;
  NodeIndex node = kNoNode;  // by its outer source
};

// The answer: a policy to take an address from, or a reason.
struct Decision {
  bool allowed = false;
  Reason reason = Reason::kNoPolicy;  // of a refusal
  uint32_t policy = kNoEgressPolicy;  // of an allowance: index into PolicyTable::policies
  RuleNumber rule = kNoRule;          // the firewall rule that decided; none: its default
  NamespaceIndex namespace_index = kNoNamespace;
  DscpMark mark = kNoMark;         // what its packets are to bear
  uint32_t source_slot_epoch = 0;  // what the session notes: slot, and epoch in the high 8 bits

  // Where the packet really goes: through an egress router to another place than was dialled.
  Ipv4Address remote;
  uint16_t remote_port = 0;                     // host order
  RouterIndex router = kNoRouter;               // that was dialled
  RouterRuleIndex router_rule = kNoRouterRule;  // that matched
};

// Decides every flow (flows.size() == decisions.size()).
void classify(const Snapshot& snapshot, std::span<const Flow> flows, std::span<Decision> decisions);

// Who sends it: fills namespace_index and source_slot_epoch and answers true, or fills reason.
// Also asked alone, when a session's source record has changed under it.
bool find_source(const Snapshot& snapshot, uint32_t vni, Ipv4Address source, NodeIndex node,
                 Decision& decision);

// The policy of Node IP for a source, or kNoEgressPolicy where it has none.
uint32_t node_ip_policy(const PolicyTable& policy, NamespaceIndex namespace_index, NodeIndex node);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_CLASSIFY_H_
