// Lays out the places of a RuleSet (dataplane/table/rule_set.h): what each answers by itself, and
// where a look-up goes on.
//
// Prefixes that lie one in another would make a look-up ask one place after the other, each in
// memory of its own. So a place takes up what lies around it, and answers for both, as long as that
// costs little: always where both together are small, and from the widest places down while there
// is room. Thousands of rules at prefixes of every length come to two steps instead of ten.
// Pure; any thread.
#ifndef POSTERN_CONTROL_APPLY_RULE_PLACES_H_
#define POSTERN_CONTROL_APPLY_RULE_PLACES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "control/apply/prefix_nest.h"
#include "dataplane/table/rule_set.h"

namespace postern {

// What the rules that name just one prefix say.
struct PlaceRules {
  uint32_t function = 0;  // into the functions: by service the lowest rule
  RuleNumber first = kNoRule;
};

// Fills `set` with the places of `nest`, whose rules are `rules` by number. `room`: how many steps
// of functions may be spent on taking up; what is spent is taken off.
void add_places(const PrefixNest& nest, std::span<const PlaceRules> rules,
                std::vector<IntervalSteps> functions, size_t& room, RuleSet& set);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_RULE_PLACES_H_
