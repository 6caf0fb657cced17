#include "control/ctl/answers.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "control/ctl/json_rows.h"

namespace postern {
namespace {

using nlohmann::json;

// An end of a packet or a session. Port 0 stands for none: the remote of an echo, GRE.
std::string endpoint(const json& side, const char* address, const char* port) {
  std::string text = text_at(side, address);
  const json& number = member(side, port);
  if (!number.is_number() || number == 0) return text;
  if (text.find(':') != std::string::npos) text = "[" + text + "]";
  return text + ":" + text_of(number);
}

std::string both(const json& pair, std::string (*text)(const json&)) {
  return text(member(pair, "out")) + "/" + text(member(pair, "in"));
}

void print_names(const json& lists, const char* name, std::string_view mark, Display& display) {
  for (const json& path : member(lists, name)) {
    display.line(std::string(mark) + " " + text_of(path));
  }
}

// The entries and settings that changed, each with its keys below it.
void print_changed(const json& diff, Display& display) {
  std::map<std::string, std::vector<std::string>> keys;
  for (const json& detail : member(diff, "details")) {
    const auto value = [&detail](const char* name) {
      const json& text = member(detail, name);
      return text.is_null() ? "not set" : text_of(text);
    };
    keys[text_at(detail, "path")].push_back("    " + text_at(detail, "key") + ": " + value("old") +
                                            " -> " + value("new"));
  }
  for (const json& path : member(diff, "changed")) {
    display.line("~ " + text_of(path));
    for (const std::string& line : keys[text_of(path)]) display.line(line);
  }
}

void print_differences(const json& diff, Display& display) {
  print_names(diff, "added", "+", display);
  print_names(diff, "removed", "-", display);
  print_changed(diff, display);
  print_names(diff, "needs_restart", "! needs a restart:", display);
}

// A packet that was dropped; of frames that are no IP packets their EtherType.
std::string last_packet(const json& last) {
  static const std::map<std::string, std::string> kKnown = {
      {"0x0800", "IPv4"}, {"0x0806", "ARP"},      {"0x8100", "VLAN tag"},
      {"0x86dd", "IPv6"}, {"0x88a8", "VLAN tag"}, {"0x88cc", "LLDP"}};
  const bool has_addresses = last.contains("src");
  std::string text;
  if (last.contains("ethertype")) {
    text = text_at(last, "ethertype");
    const auto known = kKnown.find(text);
    text = (known == kKnown.end() ? "EtherType " + text : known->second + " (" + text + ")");
    if (last.contains("vlan")) text += " in VLAN " + text_at(last, "vlan");
  } else if (has_addresses) {
    text = text_at(last, "protocol");
  }
  if (!has_addresses) return text.empty() ? "unreadable" : text;
  return text + " " + endpoint(last, "src", "sport") + " to " + endpoint(last, "dst", "dport");
}

// That packet, where it came in and when.
std::string last_of(const json& last) {
  if (!last.is_object()) return "-";
  return last_packet(last) + " on " + text_at(last, "port") + ", " +
         duration_text(member(last, "age_s")) + " ago";
}

std::string sessions_text(const json& answer, const char* name) {
  return text_at(answer, name) + (member(answer, name) == 1 ? " session" : " sessions");
}

}  // namespace

bool print_status(const json& answer, const CommandLine&, Display& display) {
  std::vector<Row> pairs = {
      {"gateway", text_at(answer, "name")},
      {"version", text_at(answer, "version") + " (" + text_at(answer, "dpdk") + ")"},
      {"up", duration_text(member(answer, "uptime_s"))},
      {"generation", text_at(answer, "generation")},
      {"sessions",
       text_at(answer, "sessions.active") + " of at most " + text_at(answer, "sessions.max")}};
  const json& added = member(answer, "pods_added");
  const json& removed = member(answer, "pods_removed");
  if (added.is_number() && removed.is_number() && (added != 0 || removed != 0)) {
    pairs.push_back(
        {"patched", "pods: " + text_of(added) + " added, " + text_of(removed) + " removed"});
  }
  display.pairs(pairs);
  for (const char* list : {"ports", "workers"}) {
    const json& rows = member(answer, list);
    if (!is_list_of_objects(rows)) continue;
    display.line("");
    display.line(list);
    print_rows(rows, display);
  }
  const json& attention = member(answer, "attention");
  if (attention.empty()) return true;
  display.line("");
  display.line("needs attention");
  print_names(answer, "attention", " -", display);
  return true;
}

bool print_health(const json& answer, const CommandLine&, Display& display) {
  display.line(member(answer, "attention").empty() ? "ok" : "ok, but needs attention:");
  print_names(answer, "attention", " -", display);
  return true;
}

json health_part(const json& answer) {
  return {{"ok", true}, {"attention", member(answer, "attention")}};
}

bool print_sessions(const json& answer, const CommandLine&, Display& display) {
  static const std::vector<Column> columns = {
      {.title = "NAMESPACE", .rank = 3},
      {.title = "PROTO"},
      {.title = "STATE", .rank = 1},
      {.title = "SOURCE"},
      {.title = "DESTINATION"},
      {.title = "AS"},
      {.title = "TO", .rank = 4},
      {.title = "NODE", .rank = 5},
      {.title = "WORKER", .to_the_right = true, .rank = 10},
      {.title = "AGE", .to_the_right = true, .rank = 9},
      {.title = "IDLE", .to_the_right = true, .rank = 8},
      {.title = "EXPIRES", .to_the_right = true, .rank = 7},
      {.title = "PACKETS", .to_the_right = true, .rank = 6},
      {.title = "BYTES", .to_the_right = true, .rank = 2},
  };
  std::vector<Row> rows;
  for (const json& row : member(answer, "rows")) {
    const json& original = member(row, "original");
    const json& translated = member(row, "translated");
    const std::string to = endpoint(original, "dst", "dport");
    const std::string translated_to = endpoint(translated, "dst", "dport");
    rows.push_back({text_at(row, "namespace"), text_at(row, "protocol"), text_at(row, "state"),
                    endpoint(original, "src", "sport"), to, endpoint(translated, "src", "sport"),
                    translated_to == to ? "" : translated_to, text_at(row, "node"),
                    text_at(row, "worker"), duration_text(member(row, "age_s")),
                    duration_text(member(row, "idle_s")),
                    duration_text(member(row, "expires_in_s")),
                    both(member(row, "packets"), text_of), both(member(row, "bytes"), size_text)});
  }
  display.table(columns, rows);
  return true;
}

bool print_top(const json& answer, const CommandLine& line, Display& display) {
  const json& rows = member(answer, "rows");
  const std::string by = line.arguments.empty() ? "pods" : line.arguments[0];
  static const std::map<std::string, std::string> kTitles = {{"pods", "POD"},
                                                             {"namespaces", "NAMESPACE"},
                                                             {"destinations", "DESTINATION"},
                                                             {"egress-ips", "EGRESS IP"}};
  const bool of_pods = by == "pods";
  std::vector<Column> columns = {{.title = kTitles.at(by)}};
  if (of_pods) columns.push_back({.title = "NAMESPACE", .rank = 2});
  columns.push_back({.title = "SESSIONS", .to_the_right = true});
  columns.push_back({.title = "PACKETS", .to_the_right = true, .rank = 1});
  columns.push_back({.title = "BYTES", .to_the_right = true});
  std::vector<Row> cells;
  for (const json& row : rows) {
    const std::string key = text_at(row, "key");
    Row line_of = {key.empty() ? "(nodes)" : key};  // traffic of the nodes is in no namespace
    if (of_pods) line_of.push_back(text_at(row, "namespace"));
    line_of.push_back(text_at(row, "sessions"));
    line_of.push_back(both(member(row, "packets"), text_of));
    line_of.push_back(both(member(row, "bytes"), size_text));
    cells.push_back(std::move(line_of));
  }
  display.table(columns, cells);
  return true;
}

bool print_count(const json& answer, const CommandLine&, Display& display) {
  display.line(text_at(answer, "count"));
  return true;
}

bool print_removed(const json& answer, const CommandLine&, Display& display) {
  const bool none = member(answer, "count") == 0;
  display.line("ended " + text_at(answer, "count") + (none ? ": no session fits" : ""));
  return true;
}

bool print_drops(const json& answer, const CommandLine&, Display& display) {
  const json& rows = member(answer, "rows");
  if (rows.empty()) {
    display.line("nothing was dropped");
    return true;
  }
  std::vector<Row> cells;
  for (const json& row : rows) {
    cells.push_back({text_at(row, "reason"), text_at(row, "count"), text_at(row, "per_second"),
                     last_of(member(row, "last"))});
  }
  const size_t hidden = display.table({{.title = "REASON"},
                                       {.title = "COUNT", .to_the_right = true},
                                       {.title = "PER SECOND", .to_the_right = true, .rank = 2},
                                       {.title = "LAST PACKET", .rank = 1}},
                                      cells);
  const bool has_last = hidden < 2;  // else it stands below, for each
  for (const json& row : rows) {
    display.line("");
    display.line(text_at(row, "reason"));
    if (!has_last) display.line("  last packet: " + last_of(member(row, "last")));
    display.line("  " + text_at(row, "text"));
    display.line("  " + text_at(row, "advice"));
  }
  return true;
}

bool print_explain(const json& answer, const CommandLine&, Display& display) {
  std::vector<Row> rows;
  for (const json& step : member(answer, "steps")) {
    const bool has_line = step.contains("line");
    rows.push_back({text_at(step, "stage"),
                    has_line ? text_at(step, "file") + ":" + text_at(step, "line") : "",
                    text_at(step, "text")});
  }
  display.table({{.title = "STAGE"}, {.title = "LINE"}, {.title = "WHAT HAPPENS"}}, rows);
  display.line("");
  const json& translated = member(answer, "translated");
  if (member(answer, "verdict") != "forward") {
    display.line("drop: " + text_at(answer, "reason"));
  } else if (!translated.is_object()) {
    display.line("forward");
  } else {
    std::string source = endpoint(translated, "src", "sport");
    if (translated.contains("src_one_of")) source = "one of " + text_at(translated, "src_one_of");
    std::string text = "forward: by port " + text_at(translated, "port") + " as " + source +
                       " to " + endpoint(translated, "dst", "dport");
    if (translated.contains("dscp")) text += ", DSCP " + text_at(translated, "dscp");
    display.line(text);
  }
  return true;
}

bool print_counters(const json& answer, const CommandLine& line, Display& display) {
  if (answer.empty()) {
    const std::string prefix = line.arguments.empty() ? "" : printable(line.arguments[0]);
    display.line("no counter's name begins with \"" + prefix + "\"");
    return true;
  }
  std::vector<Row> rows;
  for (const auto& [name, value] : answer.items()) {
    rows.push_back({printable(name), text_of(value)});
  }
  display.table({{.title = "COUNTER"}, {.title = "VALUE", .to_the_right = true}}, rows);
  return true;
}

bool print_check(const json& answer, const CommandLine& line, Display& display) {
  if (member(answer, "valid") == false) return false;  // its faults are told as errors
  std::string what = "the file that the gateway was started with";
  if (!line.arguments.empty()) {
    what = line.arguments[0] == "-" ? "<stdin>" : printable(line.arguments[0]);
  }
  display.line(what + ": ok");
  return true;
}

bool print_diff(const json& answer, const CommandLine&, Display& display) {
  print_differences(answer, display);
  if (member(answer, "added").empty() && member(answer, "removed").empty() &&
      member(answer, "changed").empty()) {
    display.line("no differences");
  }
  return true;
}

bool print_text(const json& answer, const CommandLine&, Display& display) {
  const json& text = member(answer, "text");
  if (!text.is_string()) return false;
  std::string_view left = text.get_ref<const std::string&>();
  while (!left.empty()) {
    const size_t end = std::min(left.find('\n'), left.size());
    // What would steer the terminal is within quotes, where libconfig knows the escape, too.
    display.line(printable(left.substr(0, end)));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return true;
}

bool print_apply(const json& answer, const CommandLine& line, Display& display) {
  print_differences(member(answer, "diff"), display);
  if (line.has("--dry-run")) {
    display.line("can be applied; nothing was changed");
    return true;
  }
  display.line("generation " + text_at(answer, "generation") + ", in force after " +
               text_at(answer, "visible_after_us") + " us");
  if (line.has("--revalidate")) display.line("ended " + sessions_text(answer, "ended"));
  const auto timeout = line.options.find("--confirm-timeout");
  if (timeout != line.options.end()) {
    display.line("goes back in " + printable(timeout->second) +
                 " unless: posternctl config confirm");
  }
  return true;
}

bool print_confirm(const json& answer, const CommandLine&, Display& display) {
  display.line("generation " + text_at(answer, "generation") + " stays");
  return true;
}

bool print_patch(const json& answer, const CommandLine& line, Display& display) {
  if (line.has("--dry-run")) {
    display.line("can be applied; nothing was changed");
    return true;
  }
  display.line("changed " + text_at(answer, "changed") + ", generation " +
               text_at(answer, "generation"));
  return true;
}

bool print_drain(const json& answer, const CommandLine& line, Display& display) {
  const std::string left = sessions_text(answer, "sessions_left") + " left";
  const std::string& address = line.arguments[0];
  if (line.has("--dry-run")) {
    display.line("can be done; nothing was changed, " + left);
  } else if (line.has("--undo")) {
    display.line(address + " takes new sessions again, " + left);
  } else {
    display.line(address + " takes no new sessions, " + left);
  }
  return true;
}

bool print_level(const json&, const CommandLine& line, Display& display) {
  display.line("log level " + line.arguments[0]);
  return true;
}

bool print_shutdown(const json&, const CommandLine&, Display& display) {
  display.line("the gateway stops");
  return true;
}

void print_any(const json& answer, Display& display) {
  if (is_list_of_objects(answer)) {
    print_rows(answer, display);
    return;
  }
  if (answer.is_array()) {
    for (const json& item : answer) display.line(text_of(item));
    return;
  }
  if (!answer.is_object()) {
    display.line(text_of(answer));
    return;
  }
  std::vector<Row> pairs;
  for (const auto& [name, value] : answer.items()) {
    if (!is_list_of_objects(value)) pairs.push_back({printable(name), text_of(value)});
  }
  display.pairs(pairs);
  for (const auto& [name, value] : answer.items()) {
    if (!is_list_of_objects(value)) continue;
    display.line(pairs.empty() ? printable(name) : "\n" + printable(name));
    print_rows(value, display);
  }
}

}  // namespace postern
