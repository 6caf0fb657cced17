#include "control/daemon.h"

#include <absl/strings/str_cat.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "control/methods/methods.h"
#include "control/serve/settings.h"
#include "dataplane/run/environment.h"

namespace postern {
namespace {

// How often workers' messages are taken: often while there are any, since packets wait for what
// they ask for; seldom otherwise, so that an idle gateway leaves the CPU alone.
constexpr std::chrono::milliseconds kPuntsBusy{1};
constexpr std::chrono::milliseconds kPuntsIdle{10};
constexpr uint64_t kPuntsBusyFor_ms = 1000;
constexpr size_t kPuntsAtOnce = 4096;
constexpr size_t kNotesAtOnce = 256;
// How long sessions may start by a link that is down, or not by one that is up.
constexpr std::chrono::milliseconds kLooksAtLinks{100};

uint64_t random_word() {
  uint64_t word = 0;
  // Never fails for so few bytes once the machine has booted (getrandom(2)).
  if (getrandom(&word, sizeof word, 0) != sizeof word) std::abort();
  return word;
}

}  // namespace

Daemon::Daemon(DaemonOptions options, Log* log) : options_(std::move(options)), log_(log) {}
Daemon::~Daemon() { stop(); }

ExitCode Daemon::run(config::Model model) {
  log_->set_level(model.gateway.log_level);
  log_->set_format(model.gateway.log_format);
  catch_signals();
  notifier_.status("starting");
  if (const Step failure = start(model)) {
    if (!failure->complaints.empty()) notifier_.status(failure->complaints.front().text());
    for (const Complaint& complaint : failure->complaints) log_->error(complaint.text());
    return failure->code;
  }
  say_what_started(model);
  keep_time();
  keep_watchdog();
  notifier_.ready(state_text());
  if (!stopping_) loop_.run();
  log_->info("stopping");
  notifier_.stopping("stopping");
  stop();
  return ExitCode::kOk;
}

// A signal during the start is taken when the start is over.
void Daemon::catch_signals() {
  for (const int signal : {SIGTERM, SIGINT}) {
    loop_.on_signal(signal, [this] {
      stopping_ = true;
      loop_.stop();
    });
  }
  loop_.on_signal(SIGHUP, [this] { reload(); });
  std::signal(SIGPIPE, SIG_IGN);
}

Daemon::Step Daemon::start(const config::Model& model) {
  if (Step failure = resolve_groups(model)) return failure;
  if (Step failure = read_state(model)) return failure;
  if (Step failure = start_eal(model)) return failure;
  if (Step failure = open_ports(model)) return failure;
  if (Step failure = make_workers(model)) return failure;
  if (Step failure = put_into_force(model)) return failure;
  if (Step failure = launch_workers()) return failure;
  return open_socket(model);
}

// Before anything is started: a group that is not there is easily mended.
Daemon::Step Daemon::resolve_groups(const config::Model& model) {
  absl::StatusOr<AccessPolicy> access = resolve_access(model.gateway.control_group.value_or(""),
                                                       model.gateway.control_readers.value_or(""));
  if (!access.ok()) {
    return Failure{ExitCode::kEnvironment, {{std::string(access.status().message()), ""}}};
  }
  access_ = *access;
  return std::nullopt;
}

// Likewise: without what it was to keep, a gateway does not start.
Daemon::Step Daemon::read_state(const config::Model& model) {
  if (!model.gateway.state_dir) return std::nullopt;
  Outcome<StateFolder> folder = StateFolder::open(*model.gateway.state_dir);
  if (!folder) return Failure{ExitCode::kEnvironment, {folder.complaint()}};
  Outcome<PodLayer> layer = read_layer(folder.value(), model.gateway.name);
  if (!layer) return Failure{ExitCode::kEnvironment, {layer.complaint()}};
  kept_layer_ = std::move(layer).value();
  keeper_.emplace(
      &loop_, std::move(folder).value(), model.gateway.name, [this](const absl::Status& status) {
        if (status.ok()) return log_->info("the pods of namespaces.patch are kept again");
        log_->error(absl::StrCat("the pods of namespaces.patch are in force but not kept: ",
                                 status.message(), "; trying again"));
      });
  return std::nullopt;
}

Daemon::Step Daemon::start_eal(const config::Model& model) {
  const EalSettings settings = eal_settings(model, options_.eal_args);
  const std::vector<PortSettings> ports = port_settings(model);
  const HostFacts facts = gather_host_facts();
  std::vector<Complaint> complaints = check_environment(facts, settings, ports);
  if (!complaints.empty()) {
    const bool devices = std::ranges::all_of(complaints, &Complaint::of_device);
    return Failure{devices ? ExitCode::kDevice : ExitCode::kEnvironment, std::move(complaints)};
  }
  Outcome<Eal> eal = Eal::start(settings,
                                {.mode = choose_memory(facts, settings),
                                 .instruction_set = facts.instruction_set,
                                 .allowed_cpus = facts.allowed_cpus},
                                ports, [this](std::string_view line) {
                                  log_->debug(absl::StrCat("dpdk: ", std::string(line)));
                                });
  if (!eal) return Failure{ExitCode::kEnvironment, {eal.complaint()}};
  eal_.emplace(std::move(eal).value());
  clock_.emplace();
  return std::nullopt;
}

Daemon::Step Daemon::open_ports(const config::Model& model) {
  const std::vector<PortSettings> settings = port_settings(model);
  const PoolPlan plan = plan_pool(settings, static_cast<uint32_t>(model.workers.cpus->size()),
                                  HoldQueue::kFrames + FragmentTableConfig{}.early);
  Outcome<MbufPool> pool = MbufPool::create("postern", plan.buffers, plan.frame_room_bytes);
  if (!pool) return Failure{ExitCode::kEnvironment, {pool.complaint()}};
  pool_.emplace(std::move(pool).value());
  Outcome<std::vector<Port>> ports = start_ports(settings, *pool_, eal_->log());
  if (!ports) return Failure{ExitCode::kDevice, {ports.complaint()}};
  ports_ = std::move(ports).value();
  return std::nullopt;
}

Daemon::Step Daemon::make_workers(const config::Model& model) {
  tables_.emplace(kMaxSources, kMaxNextHops + kMaxOnLink, kMaxNodes, random_word());
  watch_links();
  SharedSessions::Setup shared_setup =
      shared_sessions_setup(model, {random_word(), random_word()}, kMaxNamespaces);
  const std::array<uint64_t, 2> steering_key = {random_word(), random_word()};
  shared_setup.owners.toeplitz_key =
      owner_key(ports_, model, shared_setup.owners, std::bit_cast<Toeplitz::Key>(steering_key));
  sessions_ = std::make_unique<SharedSessions>(shared_setup);
  steering_.emplace(&ports_, &sessions_->owners(), log_);
  steering_->steer(model);
  mesh_ = std::make_unique<HandoverMesh>(sessions_->owners());
  const WorkerUnit::Shared shared{.published = &published_,
                                  .tables = &*tables_,
                                  .pool = &*pool_,
                                  .clock = &*clock_,
                                  .sessions = sessions_.get(),
                                  .mesh = mesh_.get(),
                                  .huge_pages = eal_->memory_mode() != MemoryMode::kNoHuge};
  const FragmentTableConfig fragments =
      fragment_table_config(model, {random_word(), random_word()});
  WorkerSettings settings;
  for (const Port& port : ports_) settings.devices.push_back(port.port_id());
  settings.sleep_when_idle = model.workers.idle == config::IdleMode::kSleep;
  for (uint32_t i = 0; i < eal_->workers(); ++i) {
    const SessionTableConfig sessions =
        session_table_config(model, sessions_->owners(), static_cast<WorkerIndex>(i),
                             {random_word(), random_word(), random_word(), random_word()});
    settings.queue = static_cast<uint16_t>(i);
    settings.receives = polled_ports(i);
    settings.hash_key = random_word();
    Outcome<std::unique_ptr<WorkerUnit>> unit =
        WorkerUnit::make(i, sessions, fragments, settings, shared);
    if (!unit) return Failure{ExitCode::kEnvironment, {unit.complaint()}};
    workers_.push_back(std::move(unit).value());
  }
  return std::nullopt;
}

// The first workers, where a port has fewer receive queues than there are workers.
uint64_t Daemon::polled_ports(uint32_t worker) const {
  uint64_t polled = 0;
  for (size_t i = 0; i < ports_.size(); ++i) {
    polled |= uint64_t{worker < ports_[i].receive_queues()} << i;
  }
  return polled;
}

Daemon::Step Daemon::put_into_force(const config::Model& model) {
  MachineFacts machine{.ports = {}, .seed = random_word()};
  std::vector<MacAddress> macs;
  for (const Port& port : ports_) {
    machine.ports.push_back({port.port_id(), port.mac(), port.puts_tags_on(), port.judges_sums()});
    macs.push_back(port.mac());
  }
  std::vector<WorkerChannel*> channels;
  for (const auto& worker : workers_) channels.push_back(&worker->channel());
  publisher_.emplace(&loop_, &published_, channels);
  sender_.emplace(channels.front(), &*pool_);
  neighbours_.emplace(&loop_, &tables_->neighbours, &*sender_, neighbour_ports(model, macs));
  rule_log_.emplace(log_);
  gateway_.emplace(
      Gateway::Parts{.loop = &loop_,
                     .publisher = &*publisher_,
                     .tables = &*tables_,
                     .resolver = &*neighbours_,
                     .store = keeper_ ? &*keeper_ : nullptr,
                     .machine = std::move(machine),
                     .on_commit = [this](const config::Model& applied) { committed(applied); },
                     .tell = [this](const std::string& text) { log_->warn(text); },
                     .namespace_forgotten =
                         [this](NamespaceIndex name) {
                           for (const auto& worker : workers_) worker->forget_namespace(name);
                         }});
  const auto left_out = gateway_->start(model, std::move(kept_layer_));
  if (!left_out.ok()) {
    return Failure{ExitCode::kConfiguration, {{std::string(left_out.status().message()), ""}}};
  }
  if (keeper_) keeper_->begin_with(gateway_->layer(), left_out->size());
  say(*left_out, "warning", config::LogLevel::kWarn);
  resolve_names();
  return std::nullopt;
}

// The first ones, so that a file that is wrong throughout holds nobody up.
void Daemon::say(const std::vector<config::Diagnostic>& list, const char* severity,
                 config::LogLevel level) {
  constexpr size_t kMost = 200;
  for (size_t i = 0; i < std::min(list.size(), kMost); ++i) {
    log_->write(level, list[i].text(severity));
  }
  if (list.size() > kMost) {
    log_->write(level, absl::StrCat("and ", list.size() - kMost, " more like these"));
  }
}

void Daemon::resolve_names() {
  dns_.emplace(loop_.base());
  names_.emplace(
      HostNames::Parts{.loop = &loop_,
                       .queries = &*dns_,
                       .unix_s = [] { return static_cast<uint64_t>(std::time(nullptr)); },
                       .changed =
                           [this](std::shared_ptr<const NameAddresses> addresses) {
                             take_names(std::move(addresses));
                           }});
  names_->want(names_of(gateway_->file()));
}

void Daemon::take_names(std::shared_ptr<const NameAddresses> addresses) {
  gateway_->names_changed(std::move(addresses), [this](const ChangeResult& result) {
    if (result.status.ok()) return;
    log_->error(absl::StrCat("new addresses of names are not in force: ",
                             std::string(result.status.message())));
  });
}

// A configuration has come into force.
void Daemon::committed(const config::Model& applied) {
  if (keeper_) keeper_->forget_left_out();
  reload_refused_.clear();
  log_->set_level(applied.gateway.log_level);
  log_->set_format(applied.gateway.log_format);
  steering_->steer(applied);
  names_->want(names_of(applied));
  dns_->reread();
  names_->retry();
}

Daemon::Step Daemon::launch_workers() {
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i]->launch(*eal_, i)) continue;
    return Failure{ExitCode::kInternal, {{absl::StrCat("worker ", i, " could not start"), ""}}};
  }
  return std::nullopt;
}

Daemon::Step Daemon::open_socket(const config::Model& model) {
  make_context(model);
  methods_.emplace(POSTERN_VERSION);
  add_methods(*methods_, context_);
  auto server = RpcServer::start(loop_.base(), &*methods_,
                                 {.socket_path = model.gateway.control_socket,
                                  .version = POSTERN_VERSION,
                                  .generation = [this] { return gateway_->generation(); },
                                  .access = access_,
                                  .limits = {}});
  if (!server.ok()) {
    return Failure{ExitCode::kEnvironment, {{std::string(server.status().message()), ""}}};
  }
  server_ = std::move(*server);
  return std::nullopt;
}

void Daemon::make_context(const config::Model& model) {
  std::vector<const Counters*> counters;
  context_.version = POSTERN_VERSION;
  context_.dpdk = Eal::version();
  context_.config_path = options_.config_path;
  for (size_t i = 0; i < workers_.size(); ++i) {
    context_.workers.push_back(workers_[i]->view(model.workers.cpus.value[i]));
    counters.push_back(&workers_[i]->counters());
  }
  rates_.emplace(std::move(counters));
  for (const Port& port : ports_) {
    context_.ports.push_back({.driver = port.driver(),
                              .mac = port.mac(),
                              .steering = [&port] { return port.steering().text(); },
                              .link = [&port] { return port.link(); },
                              .statistics = [&port] { return port.statistics(); }});
  }
  context_.pool = pool_->get();
  context_.owners = &sessions_->owners();
  context_.gateway = &*gateway_;
  context_.loop = &loop_;
  context_.log = log_;
  context_.neighbours = &*neighbours_;
  context_.host_names = &*names_;
  context_.rates = &*rates_;
  context_.daemon_attention = [this] { return attention(); };
  context_.now_ms = [this] { return clock_->now().ms; };
  context_.rpc_counts = [this] { return server_->counts(); };
  context_.buffers_in_use = [this] { return pool_->in_use(); };
  context_.shutdown = [this] { loop_.stop(); };
}

void Daemon::say_what_started(const config::Model& model) {
  log_->info(absl::StrCat("postern ", POSTERN_VERSION, ", ", Eal::version(), ", memory ",
                          std::string(name_of(eal_->memory_mode())), ", sessions in ",
                          std::string(name_of(workers_.front()->pages())), " pages"));
  for (const Port& port : ports_) {
    log_->info(absl::StrCat("port ", port.name(), ": ", port.driver(), ", MAC ", port.mac().text(),
                            ", MTU ", port.mtu_bytes()));
    if (port.receive_queues() == workers_.size()) continue;
    log_->info(absl::StrCat("port ", port.name(), ": receive queues: ", port.receive_queues(),
                            ", workers: ", workers_.size(),
                            "; the others get its packets from those that poll it"));
  }
  log_->info(absl::StrCat("ready: ", model.gateway.name, ", generation ", gateway_->generation(),
                          ", control socket ", model.gateway.control_socket));
}

void Daemon::keep_time() {
  serve_neighbours();
  rates_->sample(clock_->now().ms);
  loop_.every(std::chrono::seconds(1), [this] {
    rates_->sample(clock_->now().ms);
    notifier_.status(state_text());
  });
  loop_.every(kLooksAtLinks, [this] { links_->look(); });
}

// Fed while this thread and every worker go round: a service manager that hears nothing for the
// whole interval starts the gateway anew.
void Daemon::keep_watchdog() {
  const auto interval = Notifier::watchdog();
  if (!interval) return;
  turned_cycles_.assign(workers_.size(), 0);
  loop_.every(*interval / 2, [this] {
    if (workers_turned()) notifier_.alive();
  });
}

// Whether every worker went round since the last call.
bool Daemon::workers_turned() {
  bool all = true;
  for (size_t i = 0; i < workers_.size(); ++i) {
    const Counters& counters = workers_[i]->counters();
    const uint64_t cycles = counters.busy_cycles.read() + counters.idle_cycles.read();
    all = all && cycles != turned_cycles_[i];
    turned_cycles_[i] = cycles;
  }
  return all;
}

// Takes the workers' messages and does what is due for neighbours, again and again.
void Daemon::serve_neighbours() {
  const uint64_t now_ms = clock_->now().ms;
  for (const auto& worker : workers_) {
    Punt punt;
    for (size_t i = 0; i < kPuntsAtOnce && worker->channel().punts.pop(punt); ++i) {
      neighbours_->take(punt);
      punts_at_ms_ = now_ms;
    }
  }
  neighbours_->tick();
  names_->tick();
  write_rule_log();
  const bool busy = now_ms - punts_at_ms_ < kPuntsBusyFor_ms;
  loop_.after(busy ? kPuntsBusy : kPuntsIdle, [this] { serve_neighbours(); });
}

// Takes what the workers noted on rules with log = true.
void Daemon::write_rule_log() {
  const uint64_t now_ms = clock_->now().ms;
  uint64_t lost = 0;
  for (const auto& worker : workers_) {
    RuleJournal& journal = worker->rules();
    RuleNote note;
    for (size_t i = 0; i < kNotesAtOnce && journal.pop(note); ++i) {
      const std::vector<std::string>& names = gateway_->names().namespaces;
      const bool has_name = note.namespace_index < names.size();
      rule_log_->take(note, gateway_->file(), gateway_->books().rules_version,
                      has_name ? std::string_view(names[note.namespace_index]) : "", now_ms);
    }
    lost += journal.lost();
  }
  rule_log_->tick(lost, now_ms);
}

// Workers open no session by a port that is down.
void Daemon::watch_links() {
  std::vector<LinkWatch::Link> links;
  for (const Port& port : ports_) {
    links.push_back({.port = port.name(),
                     .is_up = [&port] { return port.link().up; },
                     .check_mtu = [&port] { return port.check_link_mtu(); }});
  }
  links_.emplace(
      std::move(links),
      LinkWatch::Parts{
          .log = log_,
          .down =
              [this](uint64_t down) { tables_->ports_down.store(down, std::memory_order_relaxed); },
          .came_up = [this](uint16_t port) { neighbours_->link_up(port); }});
}

void Daemon::reload() {
  if (!gateway_) return;
  notifier_.reloading(loop_.now_us(), "reading " + options_.config_path);
  gateway_->apply({false, options_.config_path}, {}, [this](const ChangeResult& result) {
    tell_reloaded(result);
    notifier_.ready(state_text());
  });
}

void Daemon::tell_reloaded(const ChangeResult& result) {
  reload_refused_.clear();
  if (result.status.ok()) {
    log_->info(absl::StrCat("reloaded ", options_.config_path, ": generation ", result.generation));
    say(result.warnings, "warning", config::LogLevel::kWarn);
    return;
  }
  reload_refused_ = std::string(result.status.message());
  log_->error(absl::StrCat("reload of ", options_.config_path, " refused: ", reload_refused_));
  say(result.errors, "refused", config::LogLevel::kError);
}

// Nobody waits for the answer to a signal, so the status tells of one that was refused.
std::vector<std::string> Daemon::attention() const {
  std::vector<std::string> texts;
  if (keeper_) texts = keeper_->attention();
  for (std::string& text : links_->complaints()) texts.push_back(std::move(text));
  if (!reload_refused_.empty()) {
    texts.push_back(absl::StrCat("the last reload of ", options_.config_path,
                                 " was refused: ", reload_refused_,
                                 ": see posternctl config check ", options_.config_path));
  }
  return texts;
}

// The gateway in a line, for who looks at its unit.
std::string Daemon::state_text() const {
  std::string text =
      absl::StrCat(gateway_->file().gateway.name, ": generation ", gateway_->generation());
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (!links_->is_up(i))
      absl::StrAppend(&text, "; the link of port ", ports_[i].name(), " is down");
  }
  if (!reload_refused_.empty()) absl::StrAppend(&text, "; reload refused: ", reload_refused_);
  return text;
}

// In the order that matters: first nothing moves packets any more, then nobody is served, then
// nothing is planned; the rest goes by itself.
void Daemon::stop() {
  for (const auto& worker : workers_) worker->stop();
  for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->finish(*eal_, i);
  if (server_ != nullptr) server_->stop();
  loop_.stop_helpers();
  server_.reset();
  if (!keeper_) return;
  if (const absl::Status kept = keeper_->finish(); !kept.ok()) {
    log_->error(absl::StrCat("what was patched last is lost: ", kept.message()));
  }
}

}  // namespace postern
