// Redirect: where does an egress router lead this flow?
//
// The first question of classify (product.md, way 1): whose destination is a router's `listen` is
// the router's alone. Its namespaces may use it, everybody else is refused; its lines say where
// local ports lead, its fallback where the rest goes; its source address is the session's. The
// firewall is not asked: the list is the rule. A name that stands for several addresses spreads
// flows over all of them, and the same flow comes to the same address while the name does not
// change. Reads the snapshot only. Any thread.
#ifndef POSTERN_DATAPLANE_STAGE_REDIRECT_H_
#define POSTERN_DATAPLANE_STAGE_REDIRECT_H_

#include "dataplane/stage/classify.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Decides a flow that dialled `router`; the decision's source is found already.
void redirect(const Snapshot& snapshot, const Flow& flow, RouterIndex router, Decision& decision);

// Whether a session to that remote endpoint goes where the decision leads: for a name any of its
// addresses. Of flows that dialled no router, too.
bool leads_to(const Snapshot& snapshot, const Decision& decision, Ipv4Address remote,
              uint16_t remote_port);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_REDIRECT_H_
