// From text to the desired state. Loading reads the file and what it includes, checks every setting
// against the schema (schema.h) and the whole against itself (check.h), and reports everything that
// is wrong in one run. There is a model exactly when there are no errors.
//
// Pure apart from reading files: needs no root, no EAL, no device. Any thread, without shared
// state.
#ifndef POSTERN_CONFIG_LOAD_H_
#define POSTERN_CONFIG_LOAD_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/model.h"

namespace postern::config {

struct LoadResult {
  std::optional<Model> model;        // there exactly when `errors` is empty
  std::vector<Diagnostic> errors;    // by file and line
  std::vector<Diagnostic> warnings;  // what is allowed and probably not meant
};

// Reads the file at `path`; `@include` is relative to the file that holds it.
LoadResult load_file(const std::string& path);

// Reads `text`; messages call it `name`. `@include` is refused: text comes from a client whose
// reach in the file system is not the daemon's.
LoadResult load_text(std::string_view text, const std::string& name);

}  // namespace postern::config

#endif  // POSTERN_CONFIG_LOAD_H_
