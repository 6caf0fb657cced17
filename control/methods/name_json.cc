#include "control/methods/name_json.h"

#include <set>
#include <utility>

#include "control/apply/name_addresses.h"

namespace postern {

void put_names(const HostNames& known, const std::vector<std::string>& names, nlohmann::json& row) {
  using nlohmann::json;
  std::set<std::string> shown;
  json list = json::array();
  for (const std::string& written : names) {
    const std::string name = host_key(written);
    if (!shown.insert(name).second) continue;
    const HostNames::View view = known.view(name);
    const bool has_any = !view.addresses.empty();
    json addresses = json::array();
    for (const Ipv4Address address : view.addresses) addresses.push_back(address.text());
    json entry = {{"name", name},
                  {"state", !has_any       ? "unresolved"
                            : view.failing ? "failing"
                                           : "resolved"},
                  {"addresses", std::move(addresses)}};
    if (has_any) entry["age_s"] = view.age_s;
    if (view.failing) entry["why"] = view.why;
    list.push_back(std::move(entry));
  }
  if (!list.empty()) row["names"] = std::move(list);
}

}  // namespace postern
