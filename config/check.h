// Whether a model makes sense as a whole: names that lead somewhere, nothing owned twice, no two
// entries that contradict each other. The form of each value was checked while loading.
//
// A pure function of the model, near linear in its size. Values that loading could not read are
// left empty (no name, address 0.0.0.0) and are passed over, so that one mistake is reported once.
#ifndef POSTERN_CONFIG_CHECK_H_
#define POSTERN_CONFIG_CHECK_H_

#include <set>
#include <vector>

#include "config/diagnostic.h"
#include "config/model.h"
#include "config/report.h"

namespace postern::config {

struct Findings {
  std::vector<Diagnostic> errors;    // the model must not be used
  std::vector<Diagnostic> warnings;  // allowed, and probably not meant
};

// Both lists are sorted by file and line. For models that did not come from a file as they are,
// such as one with a patch laid over it.
Findings check(const Model& model);

// Lists that are known to be incomplete: names that they lack are not complained about, and what
// follows from their lacking something is not concluded.
struct Gaps {
  bool ports = false;
  bool tunnels = false;
  bool namespaces = false;
  std::set<const void*> unread =
      {};  // single values and lists of them, by where the model keeps them
};

// The same for the loader, which has a report already.
void check(const Model& model, const Gaps& gaps, Report& report);

}  // namespace postern::config

#endif  // POSTERN_CONFIG_CHECK_H_
