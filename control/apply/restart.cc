#include "control/apply/restart.h"

#include <algorithm>
#include <utility>

namespace postern {
namespace {

using config::Model;
using config::Port;

class Differences {
 public:
  template <typename T>
  void compare(const char* path, const T& running, const T& wanted) {
    if (running != wanted) paths_.emplace_back(path);
  }

  void compare_gateway(const config::Gateway& running, const config::Gateway& wanted) {
    compare("gateway.name", running.name, wanted.name);
    compare("gateway.control_socket", running.control_socket, wanted.control_socket);
    compare("gateway.control_group", running.control_group, wanted.control_group);
    compare("gateway.control_readers", running.control_readers, wanted.control_readers);
    compare("gateway.metrics", running.metrics, wanted.metrics);
    compare("gateway.state_dir", running.state_dir, wanted.state_dir);
  }

  // Ports are known to packets by their position: their order counts.
  void compare_ports(const std::vector<Port>& running, const std::vector<Port>& wanted) {
    if (running == wanted) return;
    const size_t before = paths_.size();
    for (const Port& port : running) {
      const Port* same = named(wanted, port.name.value);
      if (same == nullptr || *same != port) paths_.push_back("ports." + port.name.value);
    }
    for (const Port& port : wanted) {
      if (named(running, port.name.value) == nullptr) paths_.push_back("ports." + port.name.value);
    }
    if (paths_.size() == before) paths_.emplace_back("ports");
  }

  std::vector<std::string> take() { return std::move(paths_); }

 private:
  static const Port* named(const std::vector<Port>& ports, const std::string& name) {
    const auto found = std::find_if(ports.begin(), ports.end(),
                                    [&](const Port& port) { return port.name.value == name; });
    return found == ports.end() ? nullptr : &*found;
  }

  std::vector<std::string> paths_;
};

}  // namespace

std::vector<std::string> needs_restart(const Model& running, const Model& wanted) {
  Differences differences;
  differences.compare_gateway(running.gateway, wanted.gateway);
  differences.compare("eal.memory", running.eal.memory, wanted.eal.memory);
  differences.compare("eal.memory_mb", running.eal.memory_mb, wanted.eal.memory_mb);
  differences.compare("eal.args", running.eal.args, wanted.eal.args);
  differences.compare("workers.cpus", running.workers.cpus, wanted.workers.cpus);
  differences.compare("workers.idle", running.workers.idle, wanted.workers.idle);
  differences.compare_ports(running.ports, wanted.ports);
  differences.compare("sessions.max", running.sessions.max, wanted.sessions.max);
  differences.compare("sessions.port_range", running.sessions.port_range,
                      wanted.sessions.port_range);
  return differences.take();
}

}  // namespace postern
