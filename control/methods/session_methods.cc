#include <absl/strings/str_cat.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/nearest.h"
#include "control/methods/methods.h"
#include "control/methods/session_filter.h"
#include "control/methods/session_reader.h"
#include "control/methods/session_removal.h"
#include "control/methods/session_rows.h"
#include "control/methods/session_top.h"
#include "control/methods/totals.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr int64_t kDefaultRows = 100;
constexpr int64_t kMostRows = 10'000;
constexpr int64_t kDefaultTop = 10;

std::string_view filter_help() {
  static const std::string text =
      "which sessions, as \"namespace payments and dst port 443\": " + session_filter_keys() +
      ", joined by and, or, not, parentheses";
  return text;
}

// Of a request: nothing where it has no filter, which every session fits.
using Filter = std::shared_ptr<const SessionFilter>;

// False, and the request is answered, when the filter is wrong.
bool take_filter(const json& params, Filter& filter, Responder& responder) {
  const std::string text = params.value("filter", "");
  if (text.empty()) return true;
  absl::StatusOr<SessionFilter> parsed = SessionFilter::parse(text);
  if (parsed.ok()) {
    filter = std::make_shared<const SessionFilter>(*std::move(parsed));
    return true;
  }
  const std::string problem(parsed.status().message());
  responder.error({kRpcInvalidParams,
                   "`filter`: " + problem,
                   {{.path = "filter", .text = problem, .hint = std::string(filter_help())}}});
  return false;
}

// The names of the filter that stand for nothing, as one fault for each: a slip of the pen looks
// like a namespace without sessions. No error: scripts ask for what was removed meanwhile, too.
json strangers(const MethodContext& context, const Filter& filter) {
  json faults = json::array();
  if (filter == nullptr) return faults;
  const auto check = [&faults](const char* what, const auto& asked, const auto& entries) {
    std::vector<std::string_view> known;
    for (const auto& entry : entries) known.emplace_back(entry.name.value);
    for (const std::string_view name : asked) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      json fault = {{"path", "filter"},
                    {"text", absl::StrCat("there is no ", what, " \"", std::string(name), "\"")}};
      const auto meant = config::nearest(name, known);
      if (meant) fault["hint"] = absl::StrCat("did you mean ", std::string(*meant), "?");
      faults.push_back(std::move(fault));
    }
  };
  const config::Model& file = context.gateway->file();
  check("namespace", filter->namespaces(), file.namespaces);
  check("node", filter->nodes(), file.nodes);
  return faults;
}

// The answer, with a warning for each stranger.
json warned(json answer, json strangers) {
  if (!strangers.empty()) answer["warnings"] = std::move(strangers);
  return answer;
}

// What still serves and fits the filter.
SessionChoice choice(const MethodContext& context, Filter filter) {
  return [&context, filter = std::move(filter)](const SessionCopy& copy) {
    const Snapshot& snapshot = context.gateway->snapshot();
    if (!session_serves(snapshot, copy.entry)) return false;
    return filter == nullptr ||
           filter->matches(session_facts(snapshot, context.gateway->names(), copy));
  };
}

struct Page {
  json strangers;
  json rows = json::array();
  size_t limit = 0;
  Responder responder;
};

void list(const MethodContext& context, const json& params, Responder responder) {
  Filter filter;
  if (!take_filter(params, filter, responder)) return;
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
  // Without a filter nearly every session that is read is a row.
  const uint32_t at_once = filter ? kSessionsAtOnce : std::min(limit, kSessionsAtOnce);
  auto page = std::make_shared<Page>(
      Page{strangers(context, filter), json::array(), limit, std::move(responder)});
  read_sessions(
      context, from, at_once,
      [&context, page, is_wanted = choice(context, filter)](const SessionCopy& copy,
                                                            size_t worker) {
        if (!is_wanted(copy)) return Reading::kGoOn;
        page->rows.push_back(
            session_row(context.gateway->snapshot(), context.gateway->names(), copy, worker));
        return page->rows.size() < page->limit ? Reading::kGoOn : Reading::kEnough;
      },
      [page](std::optional<SessionPlace> next) {
        json answer = {{"rows", std::move(page->rows)}, {"cursor", nullptr}};
        if (next) answer["cursor"] = next->text();
        page->responder.result(warned(std::move(answer), std::move(page->strangers)));
      });
}

void count(const MethodContext& context, const json& params, Responder responder) {
  Filter filter;
  if (!take_filter(params, filter, responder)) return;
  if (filter == nullptr) {
    uint64_t sessions = 0;
    for (const WorkerView& worker : context.workers) sessions += active_sessions(*worker.counters);
    responder.result({{"count", sessions}});
    return;
  }
  auto held = std::make_shared<Responder>(std::move(responder));
  auto sessions = std::make_shared<uint64_t>(0);
  read_sessions(
      context, {}, kSessionsAtOnce,
      [sessions, is_wanted = choice(context, filter)](const SessionCopy& copy, size_t) {
        if (is_wanted(copy)) ++*sessions;
        return Reading::kGoOn;
      },
      [held, sessions, unknown = strangers(context, filter)](std::optional<SessionPlace>) {
        held->result(warned({{"count", *sessions}}, unknown));
      });
}

void top(const MethodContext& context, const json& params, Responder responder) {
  const TopBy by = top_by_named(params.value("by", "pods")).value();
  const auto limit = static_cast<size_t>(params.value("limit", kDefaultTop));
  auto held = std::make_shared<Responder>(std::move(responder));
  auto sums = std::make_shared<SessionTop>(by);
  read_serving(
      context,
      [sums](const Snapshot& snapshot, const SessionCopy& copy) { sums->add(snapshot, copy); },
      [&context, held, sums, limit] {
        held->result({{"rows", sums->rows(context.gateway->names(), limit)}});
      });
}

void remove(const MethodContext& context, const json& params, Responder responder) {
  const bool has_filter = !params.value("filter", "").empty();
  if (has_filter == params.value("all", false)) {
    responder.error({kRpcInvalidParams, "give either `filter`, or `all`: true for every session"});
    return;
  }
  Filter filter;
  if (!take_filter(params, filter, responder)) return;
  auto held = std::make_shared<Responder>(std::move(responder));
  const std::string what = has_filter ? params.at("filter").get<std::string>() : "all";
  json unknown = strangers(context, filter);
  remove_sessions(context, choice(context, filter), [=, &context](uint64_t removed) {
    context.log->info(absl::StrCat("sessions.delete (", what, ") by uid ", held->peer().uid,
                                   " pid ", held->peer().pid, ": ", removed, " ended"));
    held->result(warned({{"count", removed}}, unknown));
  });
}

Param filter_param() { return {.name = "filter", .kind = ParamKind::kText, .help = filter_help()}; }

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
  table.add({.name = "sessions.top",
             .access = Access::kRead,
             .help = "Who takes most of the live sessions: most bytes first, then most sessions.",
             .params = {{.name = "by",
                         .kind = ParamKind::kText,
                         .choices = {"pods", "namespaces", "destinations", "egress-ips"},
                         .help = "what is summed, pods where it is left out"},
                        {.name = "limit",
                         .kind = ParamKind::kInteger,
                         .min = 1,
                         .max = kMostRows,
                         .help = "rows at most, 10 where it is left out"}},
             .handler = [&context](const json& params, Responder responder) {
               top(context, params, std::move(responder));
             }});
  table.add({.name = "sessions.delete",
             .access = Access::kChange,
             .help = "Ends sessions; their ports are held as after any end.",
             .params = {filter_param(),
                        {.name = "all",
                         .kind = ParamKind::kBoolean,
                         .help = "true: every session, instead of a filter"}},
             .handler = [&context](const json& params, Responder responder) {
               remove(context, params, std::move(responder));
             }});
}

}  // namespace postern
