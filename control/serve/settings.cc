#include "control/serve/settings.h"

#include <algorithm>

namespace postern {
namespace {

MemoryMode memory_mode(config::MemoryMode mode) {
  switch (mode) {
    case config::MemoryMode::kAuto:
      return MemoryMode::kAuto;
    case config::MemoryMode::kHugepages:
      return MemoryMode::kHugepages;
    case config::MemoryMode::kInMemory:
      return MemoryMode::kInMemory;
    case config::MemoryMode::kNoHuge:
      return MemoryMode::kNoHuge;
  }
  return MemoryMode::kAuto;
}

}  // namespace

EalSettings eal_settings(const config::Model& model, std::span<const std::string> extra_args) {
  EalSettings settings;
  settings.memory = memory_mode(model.eal.memory);
  settings.memory_mb = model.eal.memory_mb;
  for (const auto& argument : model.eal.args) settings.args.push_back(argument.value);
  settings.args.insert(settings.args.end(), extra_args.begin(), extra_args.end());
  settings.worker_cpus.assign(model.workers.cpus->begin(), model.workers.cpus->end());
  return settings;
}

std::vector<PortSettings> port_settings(const config::Model& model) {
  std::vector<PortSettings> settings;
  for (const config::Port& port : model.ports) {
    PortSettings& one = settings.emplace_back();
    one.name = port.name.value;
    one.device = port.device.value;
    one.mtu_bytes = port.mtu;
    one.vlan = port.vlan.value_or(0);
    one.mac = port.mac;
    one.queues = static_cast<uint16_t>(model.workers.cpus->size());
  }
  return settings;
}

SharedSessions::Setup shared_sessions_setup(const config::Model& model,
                                            const std::array<uint64_t, 2>& key,
                                            uint32_t namespaces) {
  return {.owners = {.workers = static_cast<uint32_t>(model.workers.cpus->size()),
                     .port_low = model.sessions.port_range->first,
                     .port_high = model.sessions.port_range->last,
                     .key = key},
          .max_sessions = model.sessions.max,
          .namespaces = namespaces};
}

SessionTableConfig session_table_config(const config::Model& model, const OwnerMap& owners,
                                        WorkerIndex worker, const std::array<uint64_t, 4>& key) {
  SessionTableConfig config;
  config.max_sessions = SharedSessions::table_size(model.sessions.max, owners, worker);
  config.shard_bits = owners.shard_bits();
  config.owned_shards = owners.owned_shards(worker);
  config.port_low = model.sessions.port_range->first;
  config.port_high = model.sessions.port_range->last;
  config.port_hold_s = model.sessions.port_hold_s;
  config.key = key;
  return config;
}

FragmentTableConfig fragment_table_config(const config::Model& model,
                                          const std::array<uint64_t, 2>& key) {
  return {.datagrams = std::max(model.sessions.fragments.max, kLeastFragmentRoom), .key = key};
}

std::vector<NeighbourPort> neighbour_ports(const config::Model& model,
                                           std::span<const MacAddress> macs) {
  std::vector<NeighbourPort> ports;
  for (size_t i = 0; i < model.ports.size(); ++i) {
    const config::Port& port = model.ports[i];
    NeighbourPort& one = ports.emplace_back();
    one.name = port.name.value;
    one.mac = macs[i];
    one.external = port.role.value == config::PortRole::kExternal;
    for (const auto& address : port.addresses) {
      one.addresses.push_back({address->address, address->subnet()});
    }
  }
  return ports;
}

}  // namespace postern
