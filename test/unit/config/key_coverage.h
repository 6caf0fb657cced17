// Which settings of the schema models used, and how: at their default and away from it, each word
// of a choice, the limits of a number, short and long lists, letters that need an escape. The list
// of what there is comes from the schema's tables, without what they mark as not supported yet.
#ifndef POSTERN_TEST_UNIT_CONFIG_KEY_COVERAGE_H_
#define POSTERN_TEST_UNIT_CONFIG_KEY_COVERAGE_H_

#include <map>
#include <set>
#include <string>

#include "config/model.h"

namespace postern::config {

class KeyCoverage {
 public:
  KeyCoverage();
  void see(const Model& model);
  // What no model had yet: "sessions.timeouts.udp: 28800".
  [[nodiscard]] std::set<std::string> missing() const;

 private:
  std::map<std::string, bool> seen_;
};

}  // namespace postern::config

#endif  // POSTERN_TEST_UNIT_CONFIG_KEY_COVERAGE_H_
