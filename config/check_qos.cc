// No two qos entries may mark the same destinations of one namespace: nothing would decide between
// them. Longer prefixes within shorter ones are what the list is for.
#include <map>
#include <utility>

#include "config/check_parts.h"
#include "config/form.h"

namespace postern::config {

void check_qos(const Model& model, Report& report) {
  std::map<std::pair<std::string, Ipv4Prefix>, size_t> marked;
  const auto claim = [&](size_t index, const Ipv4Prefix& to, SourceLine line,
                         const std::string& path) {
    const QosRule& rule = model.qos[index];
    const auto [first, is_new] = marked.try_emplace({rule.name_space.value, to}, index);
    if (is_new || first->second == index) return;
    report.error(line, path,
                 entry_path("qos", model.qos[first->second], first->second) + " on " +
                     report.call(model.qos[first->second].line, line) + " marks " + to.text() +
                     " of namespace " + quoted(rule.name_space.value) + " already",
                 "give one of them other destinations");
  };
  for (size_t i = 0; i < model.qos.size(); ++i) {
    const QosRule& rule = model.qos[i];
    const std::string path = entry_path("qos", rule, i);
    if (rule.to.empty()) claim(i, Ipv4Prefix{}, rule.line, path);
    for (size_t j = 0; j < rule.to.size(); ++j) {
      claim(i, rule.to[j].value, rule.to[j].line, member_path(path, "to", j));
    }
  }
}

}  // namespace postern::config
