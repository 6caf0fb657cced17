#include "control/ctl/faults.h"

#include <nlohmann/json.hpp>
#include <set>

#include "control/ctl/display.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr std::string_view kProgram = "posternctl: ";

// A member that is a text, as it can be shown.
std::string text_in(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? text_of(*found) : "";
}

// "PATH: TEXT", as messages have it.
std::string sentence_of(const json& fault) {
  const std::string path = text_in(fault, "path");
  return (path.empty() ? "" : path + ": ") + text_in(fault, "text");
}

bool says(const std::string& message, const json& fault) {
  const std::string sentence = sentence_of(fault);
  const std::string text = text_in(fault, "text");
  // Some messages quote the parameter's name in their own way.
  return text_in(fault, "file").empty() && !text.empty() &&
         (message.find(sentence) != std::string::npos || message.ends_with(text));
}

// What the message says after its first fault, or all of it where it does not begin with that.
std::string without_first(const std::string& message, const json& fault) {
  if (!says(message, fault)) return message;
  const size_t after = message.find("; ", message.find(sentence_of(fault)) + 1);
  const std::string last = message.substr(message.rfind("; ") + 1);
  return after == std::string::npos || last.find(": ") != std::string::npos ? "" : last.substr(1);
}

}  // namespace

std::string fault_text(const json& fault, std::string_view severity) {
  std::string line;
  if (const std::string file = text_in(fault, "file"); !file.empty()) {
    line = file + ":";
    const auto number = fault.find("line");
    if (number != fault.end() && number->is_number_integer() && *number != 0) {
      line += text_of(*number) + ":";
    }
    line += " ";
  }
  line += std::string(severity) + ": " + sentence_of(fault);
  const std::string hint = text_in(fault, "hint");
  return hint.empty() ? line : line + "\n    " + hint;
}

std::string fault_lines(const json& faults, std::string_view severity) {
  std::string lines;
  std::set<std::string> told;
  for (const json& fault : faults) {
    const std::string text = fault_text(fault, severity);
    if (told.insert(text).second) lines += text + "\n";
  }
  return lines;
}

std::string refusal_text(const json& error) {
  std::string message = text_at(error, "message");
  json faults = json::array();
  if (const auto data = error.find("data"); data != error.end() && data->is_object()) {
    faults = data->value("errors", json::array());
  }
  if (!faults.is_array() || faults.empty()) return std::string(kProgram) + message + "\n";
  bool says_all = true;
  for (const json& fault : faults) says_all = says_all && says(message, fault);
  std::string lines;
  if (says_all) {
    lines = std::string(kProgram) + message + "\n";
    std::set<std::string> hints;
    for (const json& fault : faults) {
      const std::string hint = text_in(fault, "hint");
      if (!hint.empty() && hints.insert(hint).second) lines += "    " + hint + "\n";
    }
    return lines;
  }
  lines += fault_lines(faults, "error");
  message = without_first(message, faults[0]);
  return message.empty() ? lines : lines + std::string(kProgram) + message + "\n";
}

}  // namespace postern
