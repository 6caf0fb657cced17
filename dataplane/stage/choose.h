// Choose: which address of a policy does a new session bear?
//
//   source   rendezvous hashing of (VNI, pod, address): a pod keeps one address, and when
//            addresses come and go only the pods of a lost address move
//   session  likewise, over the whole flow
//   first    the first that can be used
//
// Addresses are tried in the order that the spread gives, the next one only where the policy says
// so (when_exhausted = "next-address") or where one takes no new sessions. Any thread; no state.
#ifndef POSTERN_DATAPLANE_STAGE_CHOOSE_H_
#define POSTERN_DATAPLANE_STAGE_CHOOSE_H_

#include <cstdint>

#include "dataplane/stage/classify.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// Goes through the addresses of a policy, best first.
class AddressChoice {
 public:
  // `source_port` (host order) separates the sessions of one pod for spread = session.
  AddressChoice(const PolicyTable& policies, const EgressPolicy& policy, const Flow& flow,
                uint16_t source_port);

  // The next address slot, or kNoAddress when there is none left.
  AddressSlot next();

 private:
  // What an address scores for this flow; the highest comes first.
  [[nodiscard]] uint64_t score(uint32_t position) const;

  const PolicyTable& policies_;
  const EgressPolicy& policy_;
  uint64_t flow_hash_ = 0;
  uint64_t last_score_ = ~uint64_t{0};
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_STAGE_CHOOSE_H_
