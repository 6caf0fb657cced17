#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "control/methods/attention.h"
#include "control/methods/methods.h"
#include "control/methods/totals.h"

namespace postern {
namespace {

using nlohmann::json;

const char* role_name(config::PortRole role) {
  switch (role) {
    case config::PortRole::kCluster:
      return "cluster";
    case config::PortRole::kExternal:
      return "external";
    case config::PortRole::kBoth:
      return "both";
  }
  return "";
}

json port_rows(const MethodContext& context) {
  json rows = json::array();
  const auto& ports = context.gateway->file().ports;
  for (size_t i = 0; i < context.ports.size(); ++i) {
    const PortLink link = context.ports[i].link();
    rows.push_back({{"name", ports[i].name.value},
                    {"role", role_name(ports[i].role)},
                    {"device", ports[i].device.value},
                    {"driver", context.ports[i].driver},
                    {"mac", context.ports[i].mac.text()},
                    {"mtu", ports[i].mtu},
                    {"link", link.up ? "up" : "down"},
                    {"speed_mbit", link.speed_mbit},
                    {"steering", context.ports[i].steering()}});
    if (ports[i].vlan) rows.back()["vlan"] = *ports[i].vlan;
  }
  return rows;
}

json worker_rows(const MethodContext& context) {
  json rows = json::array();
  for (size_t i = 0; i < context.workers.size(); ++i) {
    const double busy = std::round(context.rates->busy_percent(i) * 10) / 10;
    rows.push_back({{"worker", i},
                    {"cpu", context.workers[i].cpu},
                    {"busy_percent", busy},
                    {"sessions", active_sessions(*context.workers[i].counters)}});
  }
  return rows;
}

// Pods that namespaces.patch added to the file's and removed from them.
std::pair<size_t, size_t> patched_pods(const MethodContext& context) {
  std::pair<size_t, size_t> count;
  for (const auto& [name, pods] : context.gateway->layer().all()) {
    count.first += pods.added.size();
    count.second += pods.removed.size();
  }
  return count;
}

json status(const MethodContext& context, json attention) {
  uint64_t active = 0;
  for (const WorkerView& worker : context.workers) active += active_sessions(*worker.counters);
  const config::Model& model = context.gateway->file();
  const auto [added, removed] = patched_pods(context);
  return {{"name", model.gateway.name},
          {"version", context.version},
          {"dpdk", context.dpdk},
          {"uptime_s", context.now_ms() / 1000},
          {"generation", context.gateway->generation()},
          {"ports", port_rows(context)},
          {"workers", worker_rows(context)},
          {"sessions", {{"active", active}, {"max", model.sessions.max}}},
          {"pods_added", added},
          {"pods_removed", removed},
          {"attention", std::move(attention)}};
}

}  // namespace

void add_status_methods(MethodTable& table, const MethodContext& context) {
  table.add({.name = "status",
             .access = Access::kRead,
             .help = "The gateway at a glance, with what needs attention.",
             .handler = [&context, attention = std::make_shared<Attention>(context)](
                            const json&, Responder responder) {
               auto held = std::make_shared<Responder>(std::move(responder));
               attention->find([&context, held](json texts) {
                 held->result(status(context, std::move(texts)));
               });
             }});
  table.add({.name = "log.set",
             .access = Access::kChange,
             .help = "Sets how much is logged, until the next change of the configuration.",
             .params = {{.name = "level",
                         .kind = ParamKind::kText,
                         .required = true,
                         .choices = {"error", "warn", "info", "debug"},
                         .help = "the least severe level that is logged"}},
             .handler = [&context](const json& params, Responder responder) {
               const auto level = params.at("level").get<std::string>();
               context.log->set_level(*log_level_named(level));
               responder.result({{"level", level}});
             }});
  table.add({.name = "shutdown",
             .access = Access::kChange,
             .help = "Stops the gateway in order, as SIGTERM does.",
             .handler = [&context](const json&, Responder responder) {
               context.log->info("shutdown asked for over the control socket");
               responder.result(json::object());
               context.shutdown();
             }});
}

}  // namespace postern
