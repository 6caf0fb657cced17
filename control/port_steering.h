// How the ports bring packets to their owners: asked of their devices before the workers run, and
// again when the tunnels become others.
//
// By whether a device hashes inner headers is decided how owners are found (owner_key()): the map
// of owners lives as long as the gateway, so that is asked once. Control thread.
#ifndef POSTERN_CONTROL_PORT_STEERING_H_
#define POSTERN_CONTROL_PORT_STEERING_H_

#include <optional>
#include <string>
#include <vector>

#include "config/model.h"
#include "control/serve/log.h"
#include "dataplane/run/port.h"
#include "dataplane/table/owner_map.h"

namespace postern {

// The tunnels of a configuration as packets are told apart by, each once.
std::vector<TunnelPackets> tunnel_packets(const config::Model& model);

// `random` where owners shall go by it since a port's device can bring tunnel packets to them then;
// nothing where none can, or there is one worker. `owners` is the setup without it. The ports are
// those of the model, in its order, and run.
std::optional<Toeplitz::Key> owner_key(const std::vector<Port>& ports, const config::Model& model,
                                       OwnerMap::Setup owners, const Toeplitz::Key& random);

class PortSteering {
 public:
  // All outlive it. The model's ports are `ports`, in its order.
  PortSteering(std::vector<Port>* ports, const OwnerMap* owners, Log* log)
      : ports_(ports), owners_(owners), log_(log) {}

  // Steers all ports, and says how in the log, where the tunnels are others than before.
  void steer(const config::Model& model);

 private:
  std::vector<Port>* ports_;
  const OwnerMap* owners_;
  Log* log_;
  std::optional<std::vector<TunnelPackets>> tunnels_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_PORT_STEERING_H_
