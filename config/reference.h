// The reference of the configuration file, from the schema: docs/configuration.md is this text, and
// a test holds it to that. Any thread.
#ifndef POSTERN_CONFIG_REFERENCE_H_
#define POSTERN_CONFIG_REFERENCE_H_

#include <string>

namespace postern::config {

// Markdown: a section for each group of the file, a row for each setting.
std::string reference();

}  // namespace postern::config

#endif  // POSTERN_CONFIG_REFERENCE_H_
