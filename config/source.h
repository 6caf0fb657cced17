// The text of a configuration, made ready for libconfig, and the way back from its lines to the
// operator's.
//
// libconfig 1.5 gets a rewritten text: comments gone, included files in place, one token stream.
// That is how these of its habits are kept from the operator:
//   - `@include` looks beside the working directory: here beside the file that holds it;
//   - integers beyond 32 bits wrap in silence: here they are written as 64-bit ones (saturated
//     beyond 64), so that the range of the setting refuses them;
//   - a string without an end, and all behind a NUL byte, vanish in silence: here they are errors,
//     and so is text right behind a closing quote, which is where a forgotten quote shows;
//   - a string where none can be is lost memory: here it is an error;
//   - reading stops at the first setting that is written twice: here the second one is renamed and
//     reported with the rest;
//   - the last string of a list gets the line of what follows it: here a line break comes only
//     before a token that has a line of its own;
//   - a text over several lines has one line, and so have texts that it joins: here every name and
//     every text has a line of the rewritten text to itself, line breaks within are written as
//     escapes, and where the operator's lines were is kept aside.
#ifndef POSTERN_CONFIG_SOURCE_H_
#define POSTERN_CONFIG_SOURCE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "config/report.h"

namespace postern::config {

// A setting that its group already had.
struct Repeated {
  std::string name;
  SourceLine first;
};

struct Source {
  std::string text;               // for config_read_string
  std::vector<SourceLine> lines;  // of text's lines, the first at [0]
  std::vector<Repeated> repeated;
  // Where the lines within a value of text begin, unless all are where its setting is; by the line
  // of `text` that libconfig knows the setting by.
  std::map<unsigned, std::vector<SourceLine>> spread;

  // The operator's line for a line of `text` (counted from 1).
  [[nodiscard]] SourceLine at(unsigned line) const;
  // The same for a line (counted from 0) within the text that the setting on that line holds.
  [[nodiscard]] SourceLine at(unsigned line, size_t within) const;
  // The entry of `repeated` that a name in `text` stands for, or null.
  [[nodiscard]] const Repeated* find_repeated(std::string_view name) const;
};

// Both add the files that they read to `files`, which `report` must have been made with. When they
// report errors, the text is not fit for libconfig. Errors: unreadable file or include, brackets
// that do not match, unexpected characters, unending strings and comments, absurd size or depth.
Source read_file(const std::string& path, SourceFiles& files, Report& report);
Source read_text(std::string_view text, const std::string& name, SourceFiles& files,
                 Report& report);

}  // namespace postern::config

#endif  // POSTERN_CONFIG_SOURCE_H_
