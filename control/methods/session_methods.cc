#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "control/methods/methods.h"
#include "control/methods/session_reader.h"
#include "control/methods/session_rows.h"
#include "control/methods/totals.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr int64_t kDefaultRows = 100;
constexpr int64_t kMostRows = 10'000;

// True, and the request is answered, when it has a filter.
bool refused_filter(const json& params, Responder& responder) {
  if (!params.contains("filter") || params.at("filter").get<std::string>().empty()) return false;
  responder.error(absl::UnimplementedError("filters are not supported yet: leave `filter` out"));
  return true;
}

void list(const MethodContext& context, const json& params, Responder responder) {
  if (refused_filter(params, responder)) return;
  SessionPlace from;
  const std::string cursor = params.value("cursor", "");
  if (!cursor.empty()) {
    const std::optional<SessionPlace> place = SessionPlace::parse(cursor);
    if (!place) {
      responder.error({kRpcInvalidParams, "`cursor` is not one that sessions.list gave"});
      return;
    }
    from = *place;
  }
  const auto limit = static_cast<uint32_t>(params.value("limit", kDefaultRows));
  auto held = std::make_shared<Responder>(std::move(responder));
  read_sessions(context, from, limit, [&context, held](const SessionPage& page) {
    const Snapshot& snapshot = context.gateway->snapshot();
    json rows = json::array();
    for (size_t i = 0; i < page.sessions.size(); ++i) {
      const SessionCopy& copy = page.sessions[i];
      if (!session_serves(snapshot, copy.entry)) continue;
      rows.push_back(session_row(snapshot, context.gateway->names(), copy, page.workers[i]));
    }
    json answer = {{"rows", std::move(rows)}, {"cursor", nullptr}};
    if (page.next) answer["cursor"] = page.next->text();
    held->result(answer);
  });
}

void count(const MethodContext& context, const json& params, Responder responder) {
  if (refused_filter(params, responder)) return;
  uint64_t sessions = 0;
  for (const WorkerView& worker : context.workers) sessions += active_sessions(*worker.counters);
  responder.result({{"count", sessions}});
}

Param filter_param() {
  return {.name = "filter", .kind = ParamKind::kText, .help = "not supported yet"};
}

}  // namespace

void add_session_methods(MethodTable& table, const MethodContext& context) {
  table.add({.name = "sessions.list",
             .access = Access::kRead,
             .help = "Live sessions, a page at a time.",
             .params = {filter_param(),
                        {.name = "limit",
                         .kind = ParamKind::kInteger,
                         .min = 1,
                         .max = kMostRows,
                         .help = "rows at most, 100 where it is left out"},
                        {.name = "cursor",
                         .kind = ParamKind::kText,
                         .help = "where the last page ended"}},
             .handler = [&context](const json& params, Responder responder) {
               list(context, params, std::move(responder));
             }});
  table.add({.name = "sessions.count",
             .access = Access::kRead,
             .help = "How many sessions there are.",
             .params = {filter_param()},
             .handler = [&context](const json& params, Responder responder) {
               count(context, params, std::move(responder));
             }});
}

}  // namespace postern
