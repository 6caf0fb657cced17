// The packet that `explain` makes up, and where it comes in: through the tunnel from the node that
// its source belongs to, or on an external port. Reads tables only; control thread.
#ifndef POSTERN_CONTROL_METHODS_EXPLAIN_WAY_H_
#define POSTERN_CONTROL_METHODS_EXPLAIN_WAY_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "config/model.h"
#include "control/apply/gateway.h"
#include "control/methods/explain_question.h"
#include "dataplane/run/trial.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// What an explanation is read from; all of one moment.
struct ExplainGround {
  const config::Model& file;
  const Snapshot& snapshot;
  const Books& books;
  const Names& names;
  const PodLayer& layer;
  rte_mempool* pool = nullptr;
};

struct ExplainWay {
  uint16_t port = 0;  // on which it arrives
  bool is_outbound = false;
  // Outbound:
  NodeIndex node = kNoNode;  // kNoNode: the underlay address is no node's
  uint32_t tunnel = 0;       // index into Snapshot::tunnels
  uint32_t vni = 0;          // that the packet bears
  Ipv4Address underlay;      // who sends it through the tunnel
};

// Where the packet of the question comes in. Fails where that cannot be told: no such node, a
// source that several nodes have, no node at all.
absl::StatusOr<ExplainWay> find_way(const ExplainGround& ground, const ExplainQuestion& question);

// The made packet's ends, as the tables have them.
struct ExplainFlow {
  Ipv4Address source;
  Ipv4Address destination;
  uint16_t source_port = 0;       // of an echo request the identifier
  uint16_t destination_port = 0;  // of an echo reply the identifier
  uint8_t protocol = 0;
};
// `source_port` is taken where the question has none.
ExplainFlow flow_of(const ExplainQuestion& question, const ExplainWay& way, uint16_t source_port);

// The packet, the smallest of its kind, and what it is, as "TCP SYN". Of TCP the first of a
// connection; where `session` is live, the next one that fits it.
struct MadePacket {
  TrialPacket packet;
  std::string what;
  bool opens_again = false;  // a SYN for a connection that is over
};
MadePacket make_packet(const Snapshot& snapshot, const ExplainWay& way, const ExplainFlow& flow,
                       const std::optional<SessionCopy>& session);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_EXPLAIN_WAY_H_
