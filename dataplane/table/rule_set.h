// Firewall rules of one namespace, or those for every namespace, in a form that answers "which is
// the first rule that matches?" in nearly the same time for ten rules as for ten thousand.
//
//   destination --tree--> place --> services (a tree by protocol and port) --> first rule there
//                          | around                        the lower of the two
//                          v
//                         place --> services --> first rule there
//
// A place is a prefix that some rule names; it knows the rules that name this prefix, and around it
// lies the next shorter such prefix, unless the place answers for that one, too. A destination is
// found in its innermost place, and from there the walk goes outwards while a lower number may
// still come: prefixes that lie one in another are few, however many rules there are. Memory is in
// proportion to the rules' text, not to prefixes times ports.
//
// Rules are known by their number in the file over all namespaces, so the first match among a
// namespace's own rules and those for everybody is the lower of two numbers: the latter are kept
// once, not once a namespace.
//
// Built whole by the control thread (control/apply/compile_firewall.h), immutable afterwards,
// shared by the snapshots in which it is the same. docs/decisions/0004 has what else was tried.
#ifndef POSTERN_DATAPLANE_TABLE_RULE_SET_H_
#define POSTERN_DATAPLANE_TABLE_RULE_SET_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dataplane/table/interval_trees.h"
#include "dataplane/wire/address.h"

namespace postern {

// The number of a rule: its position in `firewall.rules`.
using RuleNumber = uint32_t;
inline constexpr RuleNumber kNoRule = ~uint32_t{0};

// Protocol and destination port (host order; 0 for ICMP) as one number.
constexpr uint32_t service_number(uint8_t protocol, uint16_t port) {
  return uint32_t{protocol} << 16 | port;
}

struct RuleSet {
  static constexpr uint32_t kNowhere = ~uint32_t{0};

  struct Place {
    IntervalTree services;              // by service_number(): the first rule for just this prefix
    uint32_t around = kNowhere;         // the place around it
    RuleNumber first_around = kNoRule;  // no place further out has a lower rule
  };

  IntervalTrees trees;
  IntervalTree by_destination = IntervalTree::constant(kNowhere);  // the innermost place
  std::vector<Place> places;

  // The lowest rule that matches, or kNoRule. Any thread.
  [[nodiscard]] RuleNumber first_match(Ipv4Address destination, uint32_t service) const {
    RuleNumber first = kNoRule;
    uint32_t at = trees.find(by_destination, destination.value);
    while (at != kNowhere) {
      const Place& place = places[at];
      first = std::min(first, trees.find(place.services, service));
      if (place.first_around >= first) break;
      at = place.around;
    }
    return first;
  }
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_RULE_SET_H_
