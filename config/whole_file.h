// Reads a file into memory without ever waiting for good: a pipe or a terminal that says nothing is
// given up after a few seconds, so that who asks for such a path over the control socket does not
// stop the changes of everybody else. Any thread; blocks.
#ifndef POSTERN_CONFIG_WHOLE_FILE_H_
#define POSTERN_CONFIG_WHOLE_FILE_H_

#include <cstddef>
#include <string>
#include <system_error>

namespace postern::config {

// Appends the file to `out`, or says why not: what the system says, file_too_large beyond
// `most_bytes`, stream_timeout when nothing came for `patience_ms`.
std::error_code read_whole(const std::string& path, size_t most_bytes, std::string& out,
                           int patience_ms = 5000);

}  // namespace postern::config

#endif  // POSTERN_CONFIG_WHOLE_FILE_H_
