// Settings that are refused one by one, each with its exact words: two tables over every key of the
// schema, in the order of the file.
#ifndef POSTERN_TEST_UNIT_CONFIG_BAD_KEYS_H_
#define POSTERN_TEST_UNIT_CONFIG_BAD_KEYS_H_

#include <span>

namespace postern::config {

struct BadKey {
  const char* path;   // of a line of every_key()
  const char* value;  // as the file would say it
  const char* message;
  const char* said_path = nullptr;  // where the complaint is about something else than `path`
};

// The gateway itself: what it runs on, what it is connected to.
std::span<const BadKey> bad_machine_keys();
// Who may leave how.
std::span<const BadKey> bad_policy_keys();

}  // namespace postern::config

#endif  // POSTERN_TEST_UNIT_CONFIG_BAD_KEYS_H_
