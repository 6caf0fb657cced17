#include "dataplane/table/routes.h"

#include <algorithm>
#include <utility>

namespace postern {

void RouteTable::build(std::vector<Route> routes) {
  routes_ = std::move(routes);
  std::stable_sort(routes_.begin(), routes_.end(),
                   [](const Route& a, const Route& b) { return a.to.length > b.to.length; });
}

}  // namespace postern
