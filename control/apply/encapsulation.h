// The headers that replies to a node travel in, as far as they are the same for all of them: VXLAN
// (RFC 7348) or Geneve (RFC 8926) with the node's options. Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_ENCAPSULATION_H_
#define POSTERN_CONTROL_APPLY_ENCAPSULATION_H_

#include <cstdint>
#include <vector>

#include "config/model.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Fills what `entry` says of its encapsulation; its `vtep` is there. `mac` is the port's by which
// the node is reached. Options are appended to `options`.
void put_encapsulation(const config::Node& node, const TunnelEntry& tunnel, const MacAddress& mac,
                       NodeEntry& entry, std::vector<uint8_t>& options);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_ENCAPSULATION_H_
