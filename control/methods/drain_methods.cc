// egress_ips.drain: no new sessions for an address, live ones finish, until a deadline at most.
#include <absl/strings/str_cat.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "config/units.h"
#include "control/methods/config_json.h"
#include "control/methods/methods.h"
#include "control/methods/session_removal.h"
#include "control/methods/totals.h"

namespace postern {
namespace {

using nlohmann::json;

struct Request {
  Ipv4Address address;
  bool undo = false;
  std::optional<uint32_t> deadline_s;
};

// What was asked for, or nothing and the request is answered.
std::optional<Request> request_of(const json& params, Responder& responder) {
  const auto text = params.at("address").get<std::string>();
  const std::optional<Ipv4Address> address = Ipv4Address::parse(text);
  if (!address) {
    responder.error(
        {kRpcInvalidParams, absl::StrCat("`address`: \"", text,
                                         "\" is not an IPv4 address; write one of "
                                         "those that posternctl show egress-ips shows")});
    return std::nullopt;
  }
  Request request{*address, params.value("undo", false), std::nullopt};
  if (!params.contains("deadline")) return request;
  const auto deadline = params.at("deadline").get<std::string>();
  request.deadline_s = config::parse_duration_s(deadline);
  if (request.undo) {
    responder.error({kRpcInvalidParams, "`deadline` and `undo` do not go together"});
    return std::nullopt;
  }
  if (!request.deadline_s) {
    responder.error({kRpcInvalidParams,
                     absl::StrCat("`deadline`: \"", deadline, "\" is not a duration in ",
                                  config::duration_units(), " such as \"10m\" or \"1h30m\"")});
    return std::nullopt;
  }
  return request;
}

// The deadline of a drain has come: what still runs is ended, unless the drain was undone or begun
// anew meanwhile.
void end_the_rest(const MethodContext& context, Ipv4Address address, uint64_t ticket) {
  const Drain* drain = context.gateway->drains().find(address);
  if (drain == nullptr || drain->ticket != ticket) return;
  const auto bears = [slot = drain->slot](const SessionCopy& copy) {
    return copy.entry.address_slot == slot;
  };
  remove_sessions(context, bears, [&context, address](uint64_t removed) {
    context.log->info(absl::StrCat("drain of ", address.text(), ": the deadline has come, ",
                                   removed, " sessions ended"));
  });
}

void watch_deadline(const MethodContext& context, const Request& request) {
  const Drain* drain = context.gateway->drains().find(request.address);
  if (drain == nullptr || !request.deadline_s) return;
  context.loop->after(std::chrono::seconds(*request.deadline_s),
                      [&context, address = request.address, ticket = drain->ticket] {
                        end_the_rest(context, address, ticket);
                      });
}

void drain(const MethodContext& context, const json& params, Responder responder) {
  const std::optional<Request> request = request_of(params, responder);
  if (!request) return;
  const ChangeOptions options = change_options(params);
  auto held = std::make_shared<Responder>(std::move(responder));
  context.gateway->drain(
      {request->address, request->undo, request->deadline_s}, options,
      [&context, held, request = *request, options](const ChangeResult& result) {
        if (!result.status.ok()) return held->error(rpc_error(result.status, {}));
        if (!options.dry_run) {
          watch_deadline(context, request);
          context.log->info(absl::StrCat(request.undo ? "end of the drain of " : "drain of ",
                                         request.address.text(), " by uid ", held->peer().uid,
                                         " pid ", held->peer().pid));
        }
        held->result({{"sessions_left", sessions_of_address(context, request.address)},
                      {"generation", result.generation},
                      {"visible_after_us", result.visible_after_us}});
      });
}

}  // namespace

void add_drain_methods(MethodTable& table, const MethodContext& context) {
  table.add({.name = "egress_ips.drain",
             .access = Access::kChange,
             .help = "Gives an egress address no new sessions, or takes that back.",
             .params = {{.name = "address",
                         .kind = ParamKind::kText,
                         .required = true,
                         .help = "the egress address"},
                        {.name = "deadline",
                         .kind = ParamKind::kText,
                         .help = "end what still runs after this time, such as \"10m\""},
                        {.name = "undo",
                         .kind = ParamKind::kBoolean,
                         .help = "let it have new sessions again"},
                        dry_run_param(),
                        if_generation_param()},
             .handler = [&context](const json& params, Responder responder) {
               drain(context, params, std::move(responder));
             }});
}

}  // namespace postern
