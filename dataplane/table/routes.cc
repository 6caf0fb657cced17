#include "dataplane/table/routes.h"

#include <algorithm>
#include <utility>

namespace postern {

void RouteTable::build(std::vector<Route> routes) {
  routes_ = std::move(routes);
  std::stable_sort(routes_.begin(), routes_.end(),
                   [](const Route& a, const Route& b) { return a.to.length > b.to.length; });
  for (size_t i = 0; i < routes_.size(); ++i) {
    routes_[i].mask = routes_[i].to.mask();
    routes_[i].has_equal = i + 1 < routes_.size() && routes_[i + 1].to == routes_[i].to;
  }
}

}  // namespace postern
