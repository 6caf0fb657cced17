// A configuration that says every setting of the schema, one a line, and ways to change one of
// them. A setting that has no value which is supported yet stands behind "//".
#ifndef POSTERN_TEST_UNIT_CONFIG_EVERY_KEY_H_
#define POSTERN_TEST_UNIT_CONFIG_EVERY_KEY_H_

#include <string>
#include <string_view>
#include <vector>

namespace postern::config {

struct KeyCase {
  const char* path;   // as messages say it: "sessions.timeouts.udp"
  const char* value;  // as the file says it
};

// The configuration with that value for that setting, and the line where it stands. Fails the test
// when there is no such line.
struct KeyEdit {
  std::string text;
  unsigned line = 0;
};
KeyEdit with_key(const KeyCase& wanted);

// As it is, without edits.
std::string_view every_key();
// The paths of the lines, with the names of entries replaced by "[]".
std::vector<std::string> every_key_paths();
// The paths of the lines as they are, for with_key().
std::vector<std::string> every_key_places();
// "ports.uplink.mtu" as "ports[].mtu".
std::string general(std::string_view path);

}  // namespace postern::config

#endif  // POSTERN_TEST_UNIT_CONFIG_EVERY_KEY_H_
