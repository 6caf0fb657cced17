// The daemon from its start to its end: brings the rooms up in their order, serves, and takes them
// down in the reverse order.
//
//   environment -> EAL -> buffers -> ports -> tables -> first snapshot -> workers -> control socket
//
// Fail closed: workers start after the first snapshot was published, and on the way down they leave
// first, so that nothing moves packets while anything else is half there. Control thread.
#ifndef POSTERN_CONTROL_DAEMON_H_
#define POSTERN_CONTROL_DAEMON_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/model.h"
#include "control/apply/gateway.h"
#include "control/apply/publisher.h"
#include "control/check_config.h"
#include "control/methods/context.h"
#include "control/methods/rates.h"
#include "control/port_steering.h"
#include "control/rpc/access.h"
#include "control/rpc/method.h"
#include "control/rpc/server.h"
#include "control/serve/dns_client.h"
#include "control/serve/event_loop.h"
#include "control/serve/link_watch.h"
#include "control/serve/log.h"
#include "control/serve/names.h"
#include "control/serve/neighbours.h"
#include "control/serve/notify.h"
#include "control/serve/rule_log.h"
#include "control/state/layer_keeper.h"
#include "control/worker_unit.h"
#include "dataplane/run/clock.h"
#include "dataplane/run/complaint.h"
#include "dataplane/run/eal.h"
#include "dataplane/run/frame_sender.h"
#include "dataplane/run/handover_mesh.h"
#include "dataplane/run/mbuf_pool.h"
#include "dataplane/run/port.h"
#include "dataplane/table/shared_sessions.h"

namespace postern {

struct DaemonOptions {
  std::string config_path;            // read again at SIGHUP
  std::vector<std::string> eal_args;  // from the command line, after the file's
};

class Daemon {
 public:
  // `log` outlives the daemon.
  Daemon(DaemonOptions options, Log* log);
  ~Daemon();

  // Starts with `model`, serves until it is told to stop, and stops. What stands in the way is
  // logged.
  ExitCode run(config::Model model);

 private:
  // What ended the start: the exit status and what to say.
  struct Failure {
    ExitCode code = ExitCode::kInternal;
    std::vector<Complaint> complaints;
  };
  using Step = std::optional<Failure>;

  Step start(const config::Model& model);
  Step resolve_groups(const config::Model& model);
  Step read_state(const config::Model& model);
  Step start_eal(const config::Model& model);
  Step open_ports(const config::Model& model);
  Step make_workers(const config::Model& model);
  [[nodiscard]] uint64_t polled_ports(uint32_t worker) const;
  Step put_into_force(const config::Model& model);
  void say(const std::vector<config::Diagnostic>& list, const char* severity,
           config::LogLevel level);
  Step launch_workers();
  Step open_socket(const config::Model& model);
  void resolve_names();
  void take_names(std::shared_ptr<const NameAddresses> addresses);
  void committed(const config::Model& applied);
  void make_context(const config::Model& model);
  void catch_signals();
  void keep_time();
  void serve_neighbours();
  void write_rule_log();
  void watch_links();
  void reload();
  void tell_reloaded(const ChangeResult& result);
  [[nodiscard]] std::vector<std::string> attention() const;
  void keep_watchdog();
  [[nodiscard]] bool workers_turned();
  [[nodiscard]] std::string state_text() const;
  void say_what_started(const config::Model& model);
  void stop();

  DaemonOptions options_;
  Log* log_;
  EventLoop loop_;
  Notifier notifier_;
  std::string reload_refused_;  // why the last reload was, until a configuration is taken
  AccessPolicy access_;
  bool stopping_ = false;

  std::optional<Eal> eal_;
  std::optional<Clock> clock_;
  std::optional<MbufPool> pool_;
  std::vector<Port> ports_;
  std::optional<LinkWatch> links_;
  std::optional<SharedTables> tables_;
  PublishedSnapshot published_;
  std::unique_ptr<SharedSessions> sessions_;
  std::optional<PortSteering> steering_;
  std::unique_ptr<HandoverMesh> mesh_;
  std::vector<std::unique_ptr<WorkerUnit>> workers_;
  std::vector<uint64_t> turned_cycles_;  // of each, when the watchdog was last fed
  std::optional<Publisher> publisher_;
  std::optional<WorkerFrameSender> sender_;
  std::optional<Neighbours> neighbours_;
  std::optional<DnsClient> dns_;
  std::optional<HostNames> names_;
  std::optional<RuleLog> rule_log_;
  uint64_t punts_at_ms_ = 0;           // when a worker last had something to tell
  std::optional<LayerKeeper> keeper_;  // with gateway.state_dir
  PodLayer kept_layer_;                // of the process before, until it is in force
  std::optional<Gateway> gateway_;
  std::optional<Rates> rates_;
  MethodContext context_;
  std::optional<MethodTable> methods_;
  std::unique_ptr<RpcServer> server_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_DAEMON_H_
