// Translate: the packet gets its other face.
//
// Outbound the pod's address and port become the session's egress address and port, inbound the
// reverse; through an egress router the other end changes as well: outbound what was dialled
// becomes where it leads, inbound the reverse. TTL goes down by one, checksums are updated
// incrementally (RFC 1624), the MSS of SYNs is lowered to what fits the tunnel. This is the only
// way from a tunnel to an uplink: nothing else in the code hands an outbound packet on. Packets of
// other protocols than TCP, UDP and ICMP change their addresses alone, with the checksum that
// covers these (nat.md O1). Called by the worker that owns the sessions.
#ifndef POSTERN_DATAPLANE_STAGE_TRANSLATE_H_
#define POSTERN_DATAPLANE_STAGE_TRANSLATE_H_

#include <cstdint>
#include <span>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/direction.h"
#include "dataplane/table/sessions.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Rewrites the inner packets `in`, whose meta.session is set; also learns the node's MAC address.
void translate_outbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                        const IndexList& in);
// Rewrites the plain packets `in` likewise.
void translate_inbound(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                       const IndexList& in);

// Rewrites fragments and packets of other protocols, of either direction: first fragments of flows
// as whole packets, of all others the addresses.
void translate_apart(const Snapshot& snapshot, Sessions& sessions, Burst& burst,
                     const IndexList& in, Direction direction);

// Lowers, never raises, the MSS option of a TCP header of `header_bytes` bytes to `mss_bytes`, and
// mends its checksum; other options stay byte for byte (nat.md T7). Reads nothing behind the
// header, whatever the options claim.
void clamp_mss(uint8_t* tcp, uint32_t header_bytes, uint16_t mss_bytes);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_TRANSLATE_H_
