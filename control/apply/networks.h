// Which network the nodes and namespaces of a configuration belong to (dataplane/table/
// source_table.h): the VNI of their tunnel, or where the tunnel takes any, the number that its name
// has in the books. Values; any thread.
#ifndef POSTERN_CONTROL_APPLY_NETWORKS_H_
#define POSTERN_CONTROL_APPLY_NETWORKS_H_

#include <absl/container/flat_hash_map.h>

#include <string>

#include "config/model.h"
#include "control/apply/books.h"
#include "dataplane/table/source_table.h"

namespace postern {

// Of a tunnel. `books` know it where it takes any VNI.
NetworkId network_of(const config::Tunnel& tunnel, const Books& books);

class Networks {
 public:
  // `books` know the tunnels of the model.
  Networks(const config::Model& model, const Books& books);

  [[nodiscard]] NetworkId of(const config::Node& node) const;
  [[nodiscard]] NetworkId of(const config::Namespace& name_space) const;

 private:
  absl::flat_hash_map<std::string, NetworkId> by_tunnel_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_NETWORKS_H_
