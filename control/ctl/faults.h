// How a request that failed is told: the message of the error, and the places and advice that came
// with it. What the message says is not said again by its places. Values only; one thread.
#ifndef POSTERN_CONTROL_CTL_FAULTS_H_
#define POSTERN_CONTROL_CTL_FAULTS_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace postern {

// One of `errors` or `warnings`: "FILE:LINE: error: PATH: TEXT", the hint on a line of its own.
std::string fault_text(const nlohmann::json& fault, std::string_view severity);

// Lines for the list, each with its end; what was said once is not said again.
std::string fault_lines(const nlohmann::json& faults, std::string_view severity);

// The lines for an `error` of an answer, each with its end.
std::string refusal_text(const nlohmann::json& error);

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_FAULTS_H_
