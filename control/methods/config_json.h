// What the methods about configurations share: where a configuration comes from, and how faults and
// differences are told. Control thread.
#ifndef POSTERN_CONTROL_METHODS_CONFIG_JSON_H_
#define POSTERN_CONTROL_METHODS_CONFIG_JSON_H_

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "config/diagnostic.h"
#include "control/apply/diff.h"
#include "control/apply/gateway.h"
#include "control/apply/transaction.h"
#include "control/methods/context.h"
#include "control/rpc/method.h"

namespace postern {

// `path` and `text`.
std::vector<Param> source_params();
// A file that the daemon reads, or the text itself; without either the file that it was started
// with, as SIGHUP takes it. With both there is none, and the responder has told so.
std::optional<ConfigSource> source_of(const MethodContext& context, const nlohmann::json& params,
                                      Responder& responder);

// What every change takes: `dry_run`, `if_generation`.
Param dry_run_param();
Param if_generation_param();
ChangeOptions change_options(const nlohmann::json& params);

// Of very many the first ones, and how many more: an answer has its bounds, and who reads it, too.
std::vector<RpcFault> faults_of(const std::vector<config::Diagnostic>& diagnostics);
// {added, removed, changed, needs_restart}, and where something is in `changed`,
// details: [{path, key, old, new}].
nlohmann::json to_json(const ConfigDiff& diff);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_CONFIG_JSON_H_
