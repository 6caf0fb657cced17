// What is known of host names, as rows show it. Control thread.
#ifndef POSTERN_CONTROL_METHODS_NAME_JSON_H_
#define POSTERN_CONTROL_METHODS_NAME_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "control/serve/names.h"

namespace postern {

// Puts `names` into a row: of each its addresses, the age of the answer in seconds, and whether it
// is "resolved", "failing" (the last answer stays in use) or "unresolved", with the reason. `names`
// as they are written in the file, each shown once; without any the row stays as it is.
void put_names(const HostNames& known, const std::vector<std::string>& names, nlohmann::json& row);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_NAME_JSON_H_
