// From the desired state to the tables that workers read: a pure function of the model, of what is
// known about the opened ports, and of the books (which number each thing has). No sockets, no EAL,
// no clock; any thread.
//
// The snapshot comes without what changes with every pod: source records are kept in their own book
// (sources.h) and shared between snapshots.
#ifndef POSTERN_CONTROL_APPLY_COMPILE_H_
#define POSTERN_CONTROL_APPLY_COMPILE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "control/apply/books.h"
#include "control/apply/name_numbers.h"
#include "control/apply/sources.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// What an opened port says about itself, in the order of Model::ports.
struct PortFacts {
  uint16_t device = 0;  // DPDK port id
  MacAddress mac;
  bool puts_tags_on = false;  // Port::puts_tags_on()
  bool judges_sums = false;   // Port::judges_sums()
};

struct Compiled {
  // `generation`, `shared`, `sources` and `names` are for the caller to fill in.
  std::unique_ptr<Snapshot> snapshot;
  Books books;                         // as they are after this
  Cooling cooling;                     // what the books gave up; without sources
  std::vector<NextHop> next_hops;      // to be resolved, each once
  std::vector<NodeIndex> fresh_nodes;  // given to a node by this
  NameNumbers names;                   // to be resolved; the snapshot's `names` has their addresses
};

// The tables for `model`, which has passed config::check. `books` are those of the configuration in
// force; `seed` keys the maps. Fails when something is too large for the tables.
absl::StatusOr<Compiled> compile(const config::Model& model, std::span<const PortFacts> ports,
                                 const Books& books, uint64_t seed);

// Who holds which inner addresses according to the model. `books` know its nodes and namespaces.
SourceInputs source_inputs(const config::Model& model, const Books& books);

// The source MAC of replies where `inner_mac` is not set: locally administered, the same at every
// start because it follows from the tunnel's name.
MacAddress derived_inner_mac(std::string_view tunnel);

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_COMPILE_H_
