// The book of source records: which (network, prefix) has which slot, and what has to change in the
// table that workers read (dataplane/table/source_table.h) when nodes or pods change.
//
// Records follow from three maps: pod CIDRs of nodes, nodes' own addresses, pods of namespaces.
// What the record of a prefix must be depends on these alone (wanted_record), so a full build and
// the patch of one pod are the same code over more or fewer prefixes.
//
//   plan()    what to assign, erase and retire; changes nothing
//   prepare() writes the new slots' records: nobody can find them yet
//   then the prefixes are assigned in a map, the snapshot is published, every worker has seen it
//   retire()  from here on no session of a retired slot is served
//   release() after a purge: the slots may be taken again
//
// A session whose slot was retired goes on by the slot that its address finds now if that is of the
// same namespace, and the address has been there ever since: every slot says since which change,
// every retired one until which.
//
// Invariant: as long as a slot is not retired, every address that found it still finds it. So when
// a longer record appears under another one (a pod moved to another node), the one above gets a new
// slot too, and its sessions find their way again by address.
//
// plan() may run beside the event loop while nothing else touches the book; the rest is called by
// the control thread.
#ifndef POSTERN_CONTROL_APPLY_SOURCES_H_
#define POSTERN_CONTROL_APPLY_SOURCES_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "control/apply/prefix_map.h"
#include "control/apply/slots.h"
#include "dataplane/table/source_table.h"

namespace postern {

// Who holds which inner addresses.
struct SourceInputs {
  PrefixMap<NodeIndex> cidrs;      // may nest: the longest wins. In fixed and wide networks
  PrefixMap<NodeIndex> platform;   // nodes' own addresses, each a /32. In fixed and wide networks
  PrefixMap<NamespaceIndex> pods;  // in all networks; those of a narrow one are in no wide one
};

// Whose a prefix is.
struct SourceOwner {
  NodeIndex node = kNoNode;
  NamespaceIndex namespace_index = kNoNamespace;
  friend bool operator==(const SourceOwner&, const SourceOwner&) = default;
};

// What the record of exactly `key` must be, or nothing where there is to be none. A narrow network
// has records within its own pods only. Pure.
std::optional<SourceOwner> wanted_record(const SourceInputs& inputs, const OverlayPrefix& key);

struct SourceChange {
  struct Assignment {
    OverlayPrefix key;
    SourceSlot slot = kNoSource;
    SourceOwner owner;
    uint64_t since = 0;  // the change that gave its addresses to the namespace
  };
  std::vector<Assignment> assigned;   // these prefixes find these new slots from now on
  std::vector<OverlayPrefix> erased;  // these find nothing any more
  std::vector<SourceSlot> retired;    // the slots that both had before

  [[nodiscard]] bool empty() const { return assigned.empty() && erased.empty(); }
};

class SourceBook {
 public:
  // `records` is shared with the workers and outlives the book.
  explicit SourceBook(SourceRecords* records);

  // What makes the records those of `inputs`. Fails when there are not enough slots.
  [[nodiscard]] absl::StatusOr<SourceChange> plan(const SourceInputs& inputs) const;
  // The same where `inputs` differs from what the book holds in the pods `touched` only.
  [[nodiscard]] absl::StatusOr<SourceChange> plan_pods(
      const SourceInputs& inputs, std::span<const OverlayPrefix> touched) const;

  // A map of what the book will hold after `change`, with room to spare for patches.
  [[nodiscard]] std::shared_ptr<SourceMap> build_map(const SourceChange& change,
                                                     uint64_t seed) const;
  // Changes a map that workers read in place. False when there is no room: build_map(), which is
  // right after a part of the change as well.
  static bool update_map(SourceMap& map, const SourceChange& change);

  // Writes the records of the new slots.
  void prepare(const SourceChange& change);
  // Takes the change over into the book.
  void commit(const SourceChange& change);
  // After every worker has seen the snapshot of the change.
  void retire(std::span<const SourceSlot> slots);
  // After a purge: the slots may be taken again.
  void release(std::span<const SourceSlot> slots);

  [[nodiscard]] size_t size() const { return entries_.size(); }

 private:
  struct Held {
    SourceSlot slot = kNoSource;
    SourceOwner owner;
    uint64_t since = 0;
  };
  [[nodiscard]] absl::StatusOr<SourceChange> plan_keys(const SourceInputs& inputs,
                                                       std::vector<OverlayPrefix> keys) const;
  [[nodiscard]] uint64_t since_of(const OverlayPrefix& key, const SourceOwner& owner) const;
  void renew_above(const OverlayPrefix& key, std::vector<OverlayPrefix>& renewed) const;

  SourceRecords* records_;
  SlotPool pool_;
  PrefixMap<Held> entries_;
  uint64_t turn_ = 0;                                  // changes committed
  absl::flat_hash_map<SourceSlot, uint64_t> leaving_;  // by which, until they are retired
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_SOURCES_H_
