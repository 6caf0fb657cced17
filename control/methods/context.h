// What the methods of the control socket answer from. Put together once by the daemon; everything
// in it outlives the method table. Control thread.
#ifndef POSTERN_CONTROL_METHODS_CONTEXT_H_
#define POSTERN_CONTROL_METHODS_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "control/apply/gateway.h"
#include "control/apply/loop.h"
#include "control/methods/rates.h"
#include "control/rpc/server.h"
#include "control/serve/log.h"
#include "control/serve/names.h"
#include "control/serve/neighbours.h"
#include "dataplane/packet/counters.h"
#include "dataplane/run/channel.h"
#include "dataplane/run/port.h"
#include "dataplane/table/owner_map.h"
#include "dataplane/table/sessions.h"

struct rte_mempool;

namespace postern {

// One worker, as far as it may be looked at from outside.
struct WorkerView {
  uint32_t cpu = 0;
  const Counters* counters = nullptr;
  const SessionAccounts* accounts = nullptr;
  WorkerChannel* channel = nullptr;
};

// A port's device: what does not change, and how to ask for what does.
struct PortView {
  std::string driver;
  MacAddress mac;
  std::function<std::string()> steering;  // how packets get to their owners' queues
  std::function<PortLink()> link;
  std::function<PortStatistics()> statistics;
};

struct MethodContext {
  std::string version;      // of postern
  std::string dpdk;         // of DPDK
  std::string config_path;  // of the file that the daemon was started with
  Gateway* gateway = nullptr;
  Loop* loop = nullptr;
  Log* log = nullptr;
  Neighbours* neighbours = nullptr;
  const HostNames* host_names = nullptr;
  const Rates* rates = nullptr;
  std::vector<WorkerView> workers;
  const OwnerMap* owners = nullptr;  // null: there is one worker
  std::vector<PortView> ports;       // in the model's order
  rte_mempool* pool = nullptr;       // of packet buffers

  std::function<uint64_t()> now_ms;          // the workers' clock
  std::function<RpcCounts()> rpc_counts;     // of the control socket
  std::function<uint32_t()> buffers_in_use;  // of the pool
  std::function<void()> shutdown;
  // Of reloads and of what survives a restart: what an operator should look at, each a sentence.
  std::function<std::vector<std::string>()> daemon_attention;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_CONTEXT_H_
