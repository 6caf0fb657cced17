// ICMP errors about packets of a session, both ways (RFC 5508 REQ-3 to REQ-5).
//
// An error belongs to the session of the packet that it quotes, looked up the other way round. It
// passes only when that session is live, the quoted packet is one of its packets (for TCP: with a
// sequence number in the window, RFC 5927), and the error goes to the host that sent the quoted
// packet. Outer header and quoted packet are translated, quoted checksums kept consistent; through
// an egress router the remote's end as well, so that a pod's error reaches the real remote and an
// error of the remote comes from what the pod dialled (a router on the way keeps its name).
// Outbound errors bear the DSCP of their session. Errors never refresh and never end a session.
// Called by the worker that owns the sessions.
#ifndef POSTERN_DATAPLANE_STAGE_ICMP_ERROR_H_
#define POSTERN_DATAPLANE_STAGE_ICMP_ERROR_H_

#include "dataplane/packet/burst.h"
#include "dataplane/packet/parse.h"
#include "dataplane/stage/track.h"
#include "dataplane/table/sessions.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// The packet that the error `i` quotes.
QuotedPacket quoted_by(const Burst& burst, uint32_t i);
// The outbound key of the session that a pod's error is about: the pod quotes what was sent to it.
inline OutboundKey key_of_quoted(uint32_t vni, const QuotedPacket& quoted) {
  return {.source_ip = quoted.destination,
          .vni_protocol = OutboundKey::pack(vni, quoted.protocol),
          .remote_ip = quoted.source,
          .remote_port = quoted.source_port,
          .source_port = quoted.destination_port};
}

// Errors `in` that belong to a session are pushed to `pass`, with meta.session, inbound also
// meta.node. The inner source of an outbound error may be anybody on the way inside the cluster,
// as long as the quoted packet was sent to a pod of that node (product.md, promise 2).
void track_outbound_errors(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                           const IndexList& in, IndexList& pass, Refusals& refusals);
void track_inbound_errors(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                          const IndexList& in, IndexList& pass, Refusals& refusals);

// Rewrites the errors `in`.
void translate_outbound_errors(Sessions& sessions, Burst& burst, const IndexList& in);
void translate_inbound_errors(Sessions& sessions, Burst& burst, const IndexList& in);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_ICMP_ERROR_H_
