// Refuse: the packet ends here, and its sender is told where that is due.
//
//   ttl-expired                         time exceeded (RFC 1812 5.3.1)
//   mtu-exceeded, DF set                fragmentation needed with the MTU that fits (RFC 1191)
//   router-no-rule                      TCP RST, or ICMP 3/3 (port unreachable)
//   firewall-denied, firewall-default   with refuse = "reject": TCP RST, or ICMP 3/13
//   no-port, quotas                     with refuse = "reject": ICMP 3/13
//
// Towards a pod the answer comes from the tunnel's local address through its tunnel, or from the
// egress router that was dialled; towards the outside from the port's first address (192.0.0.8
// where there is none, RFC 7600). No answer to ICMP errors and later fragments (RFC 1122 3.2.2);
// all answers are rate-limited per source. The packet itself is dropped under its reason; the
// answer counts as made. Called by the worker that owns the burst.
#ifndef POSTERN_DATAPLANE_STAGE_REFUSE_H_
#define POSTERN_DATAPLANE_STAGE_REFUSE_H_

#include <rte_mempool.h>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/direction.h"
#include "dataplane/packet/doors.h"
#include "dataplane/packet/rate_limit.h"
#include "dataplane/stage/hold.h"
#include "dataplane/stage/track.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// What answers are made with.
struct AnswerTools {
  rte_mempool* pool;   // of frames
  RateLimiter& limit;  // of answers, per source
  HoldQueue& holds;
  Counters& counters;
};

// Drops the refused packets of a burst, all of one direction, and answers where that is due.
void refuse(const Snapshot& snapshot, Burst& burst, const Refusals& refusals, Direction direction,
            Now now, const AnswerTools& tools, Doors& doors);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_REFUSE_H_
