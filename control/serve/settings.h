// What the rooms below need of the configuration, in their words. Pure; any thread.
#ifndef POSTERN_CONTROL_SERVE_SETTINGS_H_
#define POSTERN_CONTROL_SERVE_SETTINGS_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "config/model.h"
#include "control/serve/neighbours.h"
#include "dataplane/run/settings.h"
#include "dataplane/table/fragment_table.h"
#include "dataplane/table/owner_map.h"
#include "dataplane/table/session_table.h"
#include "dataplane/table/shared_sessions.h"

namespace postern {

// `extra_args` come after those of the file, and win over them.
EalSettings eal_settings(const config::Model& model, std::span<const std::string> extra_args);
std::vector<PortSettings> port_settings(const config::Model& model);
// Keys are secret and random. What all workers' sessions share, and the table of one of them.
SharedSessions::Setup shared_sessions_setup(const config::Model& model,
                                            const std::array<uint64_t, 2>& key,
                                            uint32_t namespaces);
SessionTableConfig session_table_config(const config::Model& model, const OwnerMap& owners,
                                        WorkerIndex worker, const std::array<uint64_t, 4>& key);
// Likewise.
FragmentTableConfig fragment_table_config(const config::Model& model,
                                          const std::array<uint64_t, 2>& key);
// `macs`: of the opened ports, in the model's order.
std::vector<NeighbourPort> neighbour_ports(const config::Model& model,
                                           std::span<const MacAddress> macs);

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_SETTINGS_H_
