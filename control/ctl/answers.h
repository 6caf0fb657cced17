// How each answer reads for people. Every function takes the result of a
// method, prints it, and says whether it is a good answer (a check that
// found faults is none). Members that are missing read as "-". One thread.
#ifndef POSTERN_CONTROL_CTL_ANSWERS_H_
#define POSTERN_CONTROL_CTL_ANSWERS_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "control/ctl/command.h"
#include "control/ctl/display.h"

namespace postern {

bool print_status(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_health(const nlohmann::json& answer, const CommandLine& line, Display& display);
// {"ok", "attention"}: where there is an answer, it is a good one.
nlohmann::json health_part(const nlohmann::json& answer);
bool print_sessions(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_top(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_count(const nlohmann::json& answer, const CommandLine& line, Display& display);
// Rows of `show`: a table of what matters most; one that was named in full.
bool print_list(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_removed(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_drops(const nlohmann::json& answer, const CommandLine& line, Display& display);
// The steps, and the verdict.
bool print_explain(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_counters(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_check(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_diff(const nlohmann::json& answer, const CommandLine& line, Display& display);
// A configuration, as it would stand in a file.
bool print_text(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_apply(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_confirm(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_drain(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_patch(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_level(const nlohmann::json& answer, const CommandLine& line, Display& display);
bool print_shutdown(const nlohmann::json& answer, const CommandLine& line, Display& display);

// Any JSON: objects as names and values, lists of objects as tables.
void print_any(const nlohmann::json& answer, Display& display);

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_ANSWERS_H_
