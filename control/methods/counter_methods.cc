#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "control/methods/methods.h"
#include "control/methods/session_rows.h"
#include "control/methods/totals.h"
#include "dataplane/wire/drop_facts.h"

namespace postern {
namespace {

using nlohmann::json;

// Collects names and values; what the prefix leaves out is not even read where it would cost.
class CounterList {
 public:
  CounterList(const MethodContext& context, std::string prefix)
      : context_(context), prefix_(std::move(prefix)) {}

  json collect() {
    add_packets();
    add_ports();
    add_drops();
    add_sessions();
    add_addresses();
    add_rest();
    return std::move(values_);
  }

 private:
  using Member = Counter Counters::*;

  [[nodiscard]] bool wanted(const std::string& name) const {
    return name.compare(0, prefix_.size(), prefix_) == 0;
  }
  void add(const std::string& name, uint64_t value) {
    if (wanted(name)) values_[name] = value;
  }
  [[nodiscard]] uint64_t sum(Member member) const {
    return total(context_.workers,
                 [member](const Counters& counters) -> const Counter& { return counters.*member; });
  }

  void add_packets() {
    add("packets.received", sum(&Counters::received));
    add("packets.made", sum(&Counters::made));
    add("packets.forwarded", sum(&Counters::forwarded));
    add("packets.answered", sum(&Counters::answered));
    add("packets.dropped", sum(&Counters::dropped));
    add("packets.held", sum(&Counters::held));
  }

  void add_ports() {
    const auto& ports = context_.gateway->file().ports;
    for (size_t i = 0; i < context_.ports.size(); ++i) {
      const std::string name = absl::StrCat("port.", ports[i].name.value, ".");
      add(name + "received", total(context_.workers, [i](const Counters& c) -> const Counter& {
            return c.ports[i].received;
          }));
      add(name + "forwarded", total(context_.workers, [i](const Counters& c) -> const Counter& {
            return c.ports[i].forwarded;
          }));
      if (wanted(name + "missed")) {
        add(name + "missed", context_.ports[i].statistics().missed);
      }
    }
  }

  void add_drops() {
    for (size_t i = 0; i < kReasonCount; ++i) {
      add(absl::StrCat("drop.", std::string(describe(static_cast<Reason>(i)).name)),
          total(context_.workers, [i](const Counters& c) -> const Counter& { return c.drops[i]; }));
    }
  }

  // The gauge is what is left of the three, so that they fit together whatever happens meanwhile.
  void add_sessions() {
    const uint64_t expired = sum(&Counters::session_expired);
    const uint64_t deleted = sum(&Counters::session_deleted);
    const uint64_t created = sum(&Counters::session_created);
    add("session.created", created);
    add("session.expired", expired);
    add("session.deleted", deleted);
    add("session.active", created - expired - deleted);
    for (const auto& [name, index] : context_.gateway->books().namespaces.all()) {
      uint64_t active = 0;
      uint64_t refused = 0;
      for (const WorkerView& worker : context_.workers) {
        active += worker.accounts->active[index].read();
        refused += worker.accounts->refused[index].read();
      }
      add("session.active." + name, active);
      add("quota.refused." + name, refused);
    }
  }

  void add_addresses() {
    constexpr std::array<const char*, 3> kProtocols = {".tcp", ".udp", ".icmp"};
    for (const auto& [address, slot] : context_.gateway->books().addresses.all()) {
      for (size_t i = 0; i < kProtocols.size(); ++i) {
        uint64_t used = 0;
        for (const WorkerView& worker : context_.workers) {
          used += worker.accounts->ports_used[slot][i].read();
        }
        add(absl::StrCat("nat.ports_used.", Ipv4Address{address}.text(), kProtocols[i]), used);
      }
    }
  }

  void add_rest() {
    add("nat.port_failures", sum(&Counters::port_failures));
    add("icmp.error_translated", sum(&Counters::icmp_error_translated));
    add("icmp.error_sent", sum(&Counters::icmp_error_sent));
    add("fragment.held", sum(&Counters::fragments_held));
    add("fragment.followed", sum(&Counters::fragments_followed));
    add("handover.packets", sum(&Counters::handover_packets));
    add("handover.bursts", sum(&Counters::handover_bursts));
    uint64_t foreign = 0;
    for (const WorkerView& worker : context_.workers) {
      foreign += worker.accounts->foreign_shard.read();
    }
    add("session.foreign_shard", foreign);
    add("names.asked", context_.host_names->counts().queries);
    add("names.failed", context_.host_names->counts().failures);
    const RpcCounts rpc = context_.rpc_counts();
    add("control.requests", rpc.requests);
    add("control.errors", rpc.errors);
    if (wanted("mbuf.in_use")) add("mbuf.in_use", context_.buffers_in_use());
  }

  const MethodContext& context_;
  std::string prefix_;
  json values_ = json::object();
};

// The newest sample over all workers; null where none can be read.
json last_drop(const MethodContext& context, Reason reason) {
  constexpr int kTries = 8;  // a worker may just be writing
  DropSample newest;
  for (const WorkerView& worker : context.workers) {
    const LastDrop& last = worker.counters->last_drops[static_cast<size_t>(reason)];
    DropSample sample;
    bool read = false;
    for (int i = 0; i < kTries && !read; ++i) read = last.read(sample);
    if (read && sample.at_ms >= newest.at_ms) newest = sample;
  }
  if (newest.at_ms == 0) return nullptr;
  const auto& ports = context.gateway->file().ports;
  const uint64_t now_ms = context.now_ms();
  json row = {{"port", newest.port < ports.size() ? ports[newest.port].name.value : ""},
              {"age_s", (now_ms - std::min(now_ms, newest.at_ms)) / 1000}};
  const bool is_frame = (newest.has_addresses & kKnowsEtherType) != 0;
  if (is_frame) {
    row["ethertype"] = absl::StrCat("0x", absl::Hex(newest.source_port.host(), absl::kZeroPad4));
  }
  if ((newest.has_addresses & kKnowsVlan) != 0) row["vlan"] = newest.destination_port.host();
  if ((newest.has_addresses & kKnowsAddresses) == 0) return row;
  row["src"] = Ipv4Address::from(newest.source).text();
  row["dst"] = Ipv4Address::from(newest.destination).text();
  if (is_frame) return row;
  row["protocol"] = protocol_name(newest.protocol);
  row["sport"] = newest.source_port.host();
  row["dport"] = newest.destination_port.host();
  return row;
}

// Reasons for which something was dropped, the most frequent first.
json drop_rows(const MethodContext& context) {
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < kReasonCount; ++i) {
    const uint64_t count =
        total(context.workers, [i](const Counters& c) -> const Counter& { return c.drops[i]; });
    if (count > 0) order.emplace_back(count, i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  json rows = json::array();
  for (const auto& [count, index] : order) {
    const auto reason = static_cast<Reason>(index);
    const ReasonInfo& info = describe(reason);
    rows.push_back({{"reason", info.name},
                    {"count", count},
                    {"per_second", std::round(context.rates->drops_per_second(reason) * 10) / 10},
                    {"text", info.text},
                    {"advice", info.advice},
                    {"last", last_drop(context, reason)}});
  }
  return rows;
}

}  // namespace

void add_counter_methods(MethodTable& table, const MethodContext& context) {
  table.add(
      {.name = "counters.get",
       .access = Access::kRead,
       .help = "All counters and gauges by name.",
       .params = {{.name = "prefix", .kind = ParamKind::kText, .help = "only names that begin so"}},
       .handler = [&context](const json& params, Responder responder) {
         responder.result(CounterList(context, params.value("prefix", "")).collect());
       }});
  table.add({.name = "drops.list",
             .access = Access::kRead,
             .help = "Why packets were dropped, and what to do about it.",
             .handler = [&context](const json&, Responder responder) {
               responder.result({{"rows", drop_rows(context)}});
             }});
}

void add_methods(MethodTable& table, const MethodContext& context) {
  add_status_methods(table, context);
  add_config_reading_methods(table, context);
  add_config_methods(table, context);
  add_drain_methods(table, context);
  add_list_methods(table, context);
  add_session_methods(table, context);
  add_counter_methods(table, context);
  add_explain_methods(table, context);
  // Of the interface, for a later version. Each gives way to the method once there is one.
  for (const char* later :
       {"trace.start", "trace.stop", "capture.start", "capture.stop", "events.subscribe"}) {
    table.announce(later);
  }
}

}  // namespace postern
