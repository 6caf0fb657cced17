// A DNS for tests of what uses names: what the test knows of them is answered at once.
#ifndef POSTERN_TEST_UNIT_CONTROL_KNOWN_NAMES_H_
#define POSTERN_TEST_UNIT_CONTROL_KNOWN_NAMES_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "control/apply/name_addresses.h"
#include "control/serve/names.h"
#include "test/unit/control/fake_loop.h"

namespace postern {

class KnownNames : public NameQueries {
 public:
  explicit KnownNames(Loop* loop)
      : host_names{{.loop = loop,
                    .queries = this,
                    .unix_s = [] { return uint64_t{1'800'000'000}; },
                    .changed = [](const auto&) {}}} {}

  void ask(const std::string& name, Done done) override {
    const auto found = known.find(name);
    done(found == known.end() ? NameAnswer{{}, 0, "the name does not exist"} : found->second);
  }
  // Resolves the names of the configuration to these; others do not exist.
  void resolve(const config::Model& model, std::map<std::string, NameAnswer> answers) {
    known = std::move(answers);
    host_names.want(names_of(model));
    host_names.tick();
  }

  std::map<std::string, NameAnswer> known;
  HostNames host_names;
};

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_CONTROL_KNOWN_NAMES_H_
