// A port's role, as the configuration and as the data plane has it. Any thread.
#ifndef POSTERN_CONTROL_APPLY_PORT_ROLE_H_
#define POSTERN_CONTROL_APPLY_PORT_ROLE_H_

#include "config/model.h"
#include "dataplane/table/snapshot.h"

namespace postern {

constexpr PortRole role_of(config::PortRole role) {
  switch (role) {
    case config::PortRole::kCluster:
      return PortRole::kCluster;
    case config::PortRole::kExternal:
      return PortRole::kExternal;
    case config::PortRole::kBoth:
      return PortRole::kBoth;
  }
  return PortRole::kCluster;
}

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_PORT_ROLE_H_
