// Numbers for the host names that a configuration refers to: given in the order in which they are
// met, each name once. The tables of the workers hold numbers, and who resolves the names gives
// their addresses by number (dataplane/table/resolved_names.h). Plain values; one thread at a time.
#ifndef POSTERN_CONTROL_APPLY_NAME_NUMBERS_H_
#define POSTERN_CONTROL_APPLY_NAME_NUMBERS_H_

#include <absl/container/flat_hash_map.h>

#include <string>
#include <vector>

#include "dataplane/table/resolved_names.h"

namespace postern {

class NameNumbers {
 public:
  // The number of a name, a new one where it has none.
  NameIndex take(const std::string& name) {
    const auto [known, fresh] = numbers_.try_emplace(name, static_cast<NameIndex>(names_.size()));
    if (fresh) names_.push_back(name);
    return known->second;
  }
  // By number.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  absl::flat_hash_map<std::string, NameIndex> numbers_;
  std::vector<std::string> names_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_NAME_NUMBERS_H_
