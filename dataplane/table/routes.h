// Which port and which next hop an address is reached by. One table for the external side and one
// for the cluster side, so that no session can leave by a cluster port and no tunnel packet by an
// uplink. Immutable parts of a snapshot.
#ifndef POSTERN_DATAPLANE_TABLE_ROUTES_H_
#define POSTERN_DATAPLANE_TABLE_ROUTES_H_

#include <cstdint>
#include <vector>

#include "dataplane/table/neighbour.h"
#include "dataplane/wire/address.h"

namespace postern {

struct Route {
  Ipv4Prefix to;
  uint16_t port = 0;  // index into Snapshot::ports
  // The gateway's slot; kNoNeighbour: `to` is on the link, the destination is the next hop.
  NeighbourSlot via = kNoNeighbour;
  Ipv4Prefix port_subnet;  // of two equal routes, the one whose subnet holds the egress address

  // Filled by the table: the mask of `to`, and whether the route behind it is for the same prefix.
  uint32_t mask = 0;
  bool has_equal = false;
};

class RouteTable {
 public:
  // Control thread: takes the routes in any order.
  void build(std::vector<Route> routes);

  // Any thread: the route for `destination` of a packet that leaves with `source`, or null.
  // Walks the routes from the longest prefix: a gateway has few.
  [[nodiscard]] const Route* find(Ipv4Address destination, Ipv4Address source) const {
    const Route* const end = routes_.data() + routes_.size();
    const Route* route = routes_.data();
    while (route != end && ((destination.value ^ route->to.address.value) & route->mask) != 0) {
      ++route;
    }
    if (route == end) return nullptr;
    return route->has_equal ? nearest(route, source) : route;
  }
  [[nodiscard]] const std::vector<Route>& all() const { return routes_; }

 private:
  // Of `route` and its equals behind it.
  [[nodiscard]] const Route* nearest(const Route* route, Ipv4Address source) const {
    const Route* const end = routes_.data() + routes_.size();
    for (const Route* equal = route + 1; equal != end && equal->to == route->to; ++equal) {
      if (equal->port_subnet.contains(source) && !route->port_subnet.contains(source)) return equal;
    }
    return route;
  }

  std::vector<Route> routes_;  // longest prefix first, equal ones in the order given
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_ROUTES_H_
