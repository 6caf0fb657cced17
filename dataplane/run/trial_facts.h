// What a worker tells of its own state, so that the walk of a made packet can be tried elsewhere
// (trial.h): the packet's session, what namespaces have used of their limits, whether ports and
// room are left. Looking changes nothing, and is done in bounded pieces between bursts.
//
// The control thread owns a request and keeps it until `done` is released; the errand belongs to
// one worker.
#ifndef POSTERN_DATAPLANE_RUN_TRIAL_FACTS_H_
#define POSTERN_DATAPLANE_RUN_TRIAL_FACTS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/now.h"
#include "dataplane/run/channel.h"
#include "dataplane/stage/hold.h"
#include "dataplane/table/limits.h"
#include "dataplane/table/sessions.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// What is asked. A packet has one of the two keys, or none.
struct TrialQuestion {
  // A frame that is to wait for its next hop.
  struct Waiting {
    NeighbourKey key;
    NeighbourSlot slot = kNoNeighbour;
    PacketMeta meta;
  };
  std::optional<OutboundKey> outbound;
  bool any_source_port = false;  // of `outbound`: the next one that has no session
  std::optional<InboundKey> inbound;
  NamespaceIndex name = kNoNamespace;  // whose session would begin
  std::vector<InboundWords> remotes;   // of `outbound`, without port: where one might be asked for
  std::optional<Waiting> waiting;
};

struct NamespaceFacts {
  NamespaceIndex name = kNoNamespace;
  NamespaceUsage usage;
  uint64_t active = 0;                   // live sessions
  std::optional<SessionCopy> gives_way;  // half open, where one would at the limit of sessions
};

struct TrialFacts {
  Now now;  // at which the rest was so
  std::optional<SessionCopy> session;
  uint16_t source_port = 0;  // of `outbound`, host order: the one that is looked at
  // Of the question's namespace, and of the session's.
  std::array<NamespaceFacts, 2> namespaces;
  bool is_table_full = false;   // of live sessions,
  bool can_make_room = false;   // of which one would give way
  std::vector<PortRoom> rooms;  // by TrialQuestion::remotes; as long as that from the beginning
  bool may_wait = true;
};

struct TrialFactsRequest {
  TrialQuestion question;
  TrialFacts facts;  // out
  std::atomic<bool> done{false};
};

class FactsErrand {
 public:
  FactsErrand(Sessions& sessions, HoldQueue& holds) : sessions_(sessions), holds_(holds) {}

  [[nodiscard]] bool busy() const { return request_ != nullptr; }
  // Not while it is busy.
  void begin(TrialFactsRequest* request);
  // Goes on, if there is anything to do.
  void turn(const Snapshot& snapshot, Now now);
  // The worker stops: whoever waits is told that it is over.
  void abandon();

 private:
  void look_at_once(const Snapshot& snapshot, Now now);
  void look_for_ports();
  SessionHandle find_outbound(const TrialQuestion& question, TrialFacts& facts) const;
  [[nodiscard]] NamespaceFacts facts_of(const Snapshot& snapshot, NamespaceIndex name,
                                        Now now) const;
  [[nodiscard]] SessionCopy copy_of(SessionHandle handle, Now now) const;
  void finish();

  Sessions& sessions_;
  HoldQueue& holds_;
  TrialFactsRequest* request_ = nullptr;
  bool begun_ = false;
  size_t remote_ = 0;   // of the question's, which is looked at
  uint32_t block_ = 0;  // of its ports, from which on
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_TRIAL_FACTS_H_
