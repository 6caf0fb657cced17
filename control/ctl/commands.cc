// The table of commands.
#include <absl/status/status.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "control/ctl/answers.h"
#include "control/ctl/command.h"

namespace postern {
namespace {

using nlohmann::json;

using Params = absl::StatusOr<json>;

Params prefix_params(const CommandLine& line) {
  json params = json::object();
  if (!line.arguments.empty()) params["prefix"] = line.arguments[0];
  return params;
}

Params name_params(const CommandLine& line) {
  json params = json::object();
  if (!line.arguments.empty()) params["name"] = line.arguments[0];
  return params;
}

Params top_params(const CommandLine& line) {
  json params = json::object();
  if (!line.arguments.empty()) params["by"] = line.arguments[0];
  if (const auto limit = line.options.find("-n"); limit != line.options.end()) {
    params["limit"] = json::parse(limit->second, nullptr, false);
  }
  return params;
}

// The words of a filter as one text.
Params filter_params(const CommandLine& line) {
  json params = json::object();
  if (line.arguments.empty()) return params;
  std::string filter;
  for (const std::string& word : line.arguments) filter += (filter.empty() ? "" : " ") + word;
  params["filter"] = filter;
  return params;
}

// FILE goes by its path, "-" is read here and goes as text; without FILE the gateway takes the
// file that it was started with.
Params config_params(const CommandLine& line) {
  json params = json::object();
  if (line.has("--dry-run")) params["dry_run"] = true;
  if (line.arguments.empty()) return params;
  if (line.arguments[0] == "-") {
    params["text"] = std::string(std::istreambuf_iterator<char>(std::cin), {});
    return params;
  }
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(line.arguments[0], error);
  if (error) return absl::InvalidArgumentError("cannot name the current directory; give a path");
  params["path"] = path.lexically_normal().string();
  return params;
}

Params change_params(const CommandLine& line) {
  json params = json::object();
  if (line.has("--dry-run")) params["dry_run"] = true;
  if (line.has("--revalidate")) params["revalidate"] = true;
  return params;
}

Params apply_params(const CommandLine& line) {
  Params params = config_params(line);
  if (!params.ok()) return params;
  if (line.has("--revalidate")) (*params)["revalidate"] = true;
  const auto timeout = line.options.find("--confirm-timeout");
  if (timeout != line.options.end()) (*params)["confirm_timeout"] = timeout->second;
  return params;
}

Params patch_params(const CommandLine& line, const char* what) {
  const json pods(std::vector<std::string>(line.arguments.begin() + 1, line.arguments.end()));
  json params = {{what, {{line.arguments[0], pods}}}};
  if (line.has("--dry-run")) params["dry_run"] = true;
  return params;
}
Params add_params(const CommandLine& line) { return patch_params(line, "add"); }
Params remove_params(const CommandLine& line) { return patch_params(line, "remove"); }

Params drain_params(const CommandLine& line) {
  json params = {{"address", line.arguments[0]}};
  if (const auto deadline = line.options.find("--deadline"); deadline != line.options.end()) {
    params["deadline"] = deadline->second;
  }
  if (line.has("--undo")) params["undo"] = true;
  if (line.has("--dry-run")) params["dry_run"] = true;
  return params;
}

Params level_params(const CommandLine& line) { return json{{"level", line.arguments[0]}}; }

// A word of the line as a number; an error names the word.
absl::Status put_port(const std::string& word, const char* name, const char* said, json& params) {
  const json number = json::parse(word, nullptr, false);
  if (!number.is_number_unsigned()) {
    return absl::InvalidArgumentError(std::string(said) + " is a number, as 443");
  }
  params[name] = number;
  return absl::OkStatus();
}

Params explain_params(const CommandLine& line) {
  json params = {
      {"src", line.arguments[0]}, {"dst", line.arguments[1]}, {"protocol", line.arguments[2]}};
  absl::Status status;
  if (line.arguments.size() > 3)
    status.Update(put_port(line.arguments[3], "dport", "DPORT", params));
  if (const auto port = line.options.find("--sport"); port != line.options.end()) {
    status.Update(put_port(port->second, "sport", "--sport", params));
  }
  if (const auto node = line.options.find("--node"); node != line.options.end()) {
    params["node"] = node->second;
  }
  if (!status.ok()) return status;
  return params;
}

Params rpc_params(const CommandLine& line) {
  if (line.arguments.size() < 2) return json::object();
  json params = json::parse(line.arguments[1], nullptr, false);
  if (params.is_object()) return params;
  return absl::InvalidArgumentError(R"(JSON is an object of parameters, as '{"prefix": "drop."}')");
}

const Argument kFile{.name = "FILE", .kind = ArgumentKind::kFile, .optional = true};
const Argument kFilter{.name = "FILTER", .optional = true, .repeated = true};
const Argument kNamespace{.name = "NAME"};
const Argument kPods{.name = "POD", .repeated = true};
const Option kRevalidate{.name = "--revalidate",
                         .help = "end sessions that the new policy would not let begin"};
const Option kDryRun{.name = "--dry-run", .help = "check it and change nothing"};

Command explain_command() {
  return {.words = "explain",
          .arguments = {{.name = "SRC"},
                        {.name = "DST"},
                        {.name = "PROTO"},
                        {.name = "DPORT", .optional = true}},
          .options = {{.name = "--sport",
                       .value = "PORT",
                       .help = "from this source port, of icmp the identifier; not just any"},
                      {.name = "--node",
                       .value = "NODE",
                       .help = "sent by the node of that name or underlay address"}},
          .method = "explain",
          .help =
              "Tells what would become of a packet, and the line that decides each step. PROTO is "
              "tcp or udp, which need DPORT, icmp, or another; ends with 3 where it is dropped.",
          .params = explain_params,
          .print = print_explain};
}

std::vector<Command> reading_commands() {
  return {
      {.words = "status",
       .method = "status",
       .help = "Shows version, ports, workers, sessions, and what needs attention.",
       .print = print_status},
      {.words = "health",
       .method = "status",
       .patience_s = 5,
       .help = "Ends with 0 where the gateway answers, for probes.",
       .print = print_health,
       .part = health_part},
      {.words = "sessions",
       .arguments = {kFilter},
       .options = {{.name = "-n", .value = "N", .is_count = true, .help = "at most N of them"}},
       .method = "sessions.list",
       .paged = true,
       .help = "Lists the sessions, or those that fit as \"src 10.0.0.1 and dst port 443\".",
       .params = filter_params,
       .print = print_sessions},
      {.words = "sessions count",
       .arguments = {kFilter},
       .method = "sessions.count",
       .help = "Counts the sessions, or those that fit.",
       .params = filter_params,
       .print = print_count},
      {.words = "drops",
       .method = "drops.list",
       .help = "Shows why packets were dropped, the last one of each kind, and what to do.",
       .print = print_drops},
      explain_command(),
      {.words = "counters",
       .arguments = {{.name = "PREFIX", .optional = true}},
       .method = "counters.get",
       .help = "Shows all counters, or those whose names begin with PREFIX.",
       .params = prefix_params,
       .print = print_counters},
      {.words = "top",
       .arguments = {{.name = "pods|namespaces|destinations|egress-ips",
                      .optional = true,
                      .choices = {"pods", "namespaces", "destinations", "egress-ips"}}},
       .options = {{.name = "-n", .value = "N", .is_count = true, .help = "N of them, not 10"}},
       .method = "sessions.top",
       .help = "Shows who takes most of the live sessions; pods where nothing is said.",
       .params = top_params,
       .print = print_top},
  };
}

std::vector<Command> showing_commands() {
  std::vector<Command> commands;
  for (const auto& [words, method, help] : {
           std::array<std::string_view, 3>{"show ports", "ports.list",
                                           "Shows the ports, their links and their traffic."},
           {"show workers", "workers.list", "Shows how busy the workers are."},
           {"show tunnels", "tunnels.list", "Shows the tunnels and their sessions."},
           {"show nodes", "nodes.list", "Shows the nodes and whether they are reached."},
           {"show namespaces", "namespaces.list", "Shows the namespaces and their sessions."},
           {"show egress-ips", "egress_ips.list", "Shows the egress addresses and ports in use."},
           {"show egress-routers", "egress_routers.list", "Shows the egress routers."},
           {"show firewall", "firewall.list", "Shows the firewall's rules; NAME: a namespace's."},
       }) {
    commands.push_back({.words = words,
                        .arguments = {{.name = "NAME", .optional = true}},
                        .method = method,
                        .help = help,
                        .params = name_params,
                        .print = print_list});
  }
  return commands;
}

std::vector<Command> config_commands() {
  return {
      {.words = "config check",
       .arguments = {kFile},
       .method = "config.check",
       .help = "Checks a configuration file as the gateway would take it; - reads standard input.",
       .params = config_params,
       .print = print_check},
      {.words = "config diff",
       .arguments = {kFile},
       .method = "config.diff",
       .help = "Shows what a configuration file would change; - reads standard input.",
       .params = config_params,
       .print = print_diff},
      {.words = "config show",
       .method = "config.get",
       .help = "Prints the configuration in force, as a file.",
       .print = print_text},
      {.words = "config apply",
       .arguments = {kFile},
       .options = {{.name = "--confirm-timeout",
                    .value = "D",
                    .help = "go back unless config confirm comes within D, as 5m"},
                   kRevalidate,
                   kDryRun},
       .method = "config.apply",
       .help = "Makes a configuration file the one in force; - reads standard input.",
       .params = apply_params,
       .print = print_apply},
      {.words = "config confirm",
       .method = "config.confirm",
       .help = "Keeps the change that was applied with --confirm-timeout.",
       .print = print_confirm},
      {.words = "config rollback",
       .options = {kRevalidate, kDryRun},
       .method = "config.rollback",
       .help = "Goes back to the configuration before the last one that was applied.",
       .params = change_params,
       .print = print_apply},
  };
}

std::vector<Command> changing_commands() {
  return {
      {.words = "namespace add",
       .arguments = {kNamespace, kPods},
       .options = {kDryRun},
       .method = "namespaces.patch",
       .help = "Adds pods (addresses or prefixes) to a namespace.",
       .params = add_params,
       .print = print_patch},
      {.words = "namespace remove",
       .arguments = {kNamespace, kPods},
       .options = {kDryRun},
       .method = "namespaces.patch",
       .help = "Removes pods from a namespace; their sessions end.",
       .params = remove_params,
       .print = print_patch},
      {.words = "drain",
       .arguments = {{.name = "ADDRESS"}},
       .options = {{.name = "--deadline", .value = "D", .help = "end what still runs after D"},
                   {.name = "--undo", .help = "let it have new sessions again"},
                   kDryRun},
       .method = "egress_ips.drain",
       .help = "Gives an egress address no new sessions; live ones finish.",
       .params = drain_params,
       .print = print_drain},
      {.words = "sessions delete",
       .arguments = {{.name = "FILTER", .repeated = true}},
       .method = "sessions.delete",
       .help = "Ends the sessions that fit.",
       .params = filter_params,
       .print = print_removed},
      {.words = "log",
       .arguments = {{.name = "LEVEL", .choices = {"error", "warn", "info", "debug"}}},
       .method = "log.set",
       .help = "Sets how much the gateway logs.",
       .params = level_params,
       .print = print_level},
      {.words = "shutdown",
       .method = "shutdown",
       .help = "Stops the gateway.",
       .print = print_shutdown},
  };
}

std::vector<Command> other_commands() {
  return {
      {.words = "rpc",
       .arguments = {{.name = "METHOD"},
                     {.name = "JSON", .kind = ArgumentKind::kJson, .optional = true}},
       .help = "Calls a method of the control socket; rpc.discover lists them.",
       .params = rpc_params},
      {.words = "completion",
       .arguments = {{.name = "SHELL", .choices = {"bash", "zsh"}}},
       .help = "Prints the completion script for a shell."},
      {.words = "help",
       .arguments = {{.name = "COMMAND", .optional = true, .repeated = true}},
       .help = "Lists the commands, or explains one."},
  };
}

}  // namespace

std::vector<Command> all_commands() {
  std::vector<Command> all = reading_commands();
  for (auto* part : {showing_commands, config_commands, changing_commands, other_commands}) {
    for (Command& command : part()) all.push_back(std::move(command));
  }
  return all;
}

}  // namespace postern
