// A trial: what would become of this packet now?
//
// The packet walks through the very stages (walk.h), over tables made for it alone that are in the
// state of the worker's, as far as that can matter to it: its session, what its namespace has used,
// which ports are taken, whether there is room. So the answer is the data path's own, and nothing
// that anybody else sees has changed: sessions, ports, tokens, counters, rules' hits and the frames
// that wait are those of the trial and end with it. What all workers share (the snapshot, source
// records, neighbours) is only read: the frame bears no source MAC that could be learned.
//
// Any thread that may read the snapshot; EAL is there.
#ifndef POSTERN_DATAPLANE_RUN_TRIAL_H_
#define POSTERN_DATAPLANE_RUN_TRIAL_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/reason.h"
#include "dataplane/run/trial_facts.h"
#include "dataplane/table/snapshot.h"

struct rte_mempool;

namespace postern {

struct TrialPacket {
  uint16_t port = 0;  // on which it arrives
  // From its Ethernet header on, at most 1,500 bytes. The source MAC address inside a tunnel is
  // zero.
  std::vector<uint8_t> frame;
};

struct TrialOutcome {
  enum class End : uint8_t {
    kForwarded,
    kHeld,      // until its next hop is resolved; where that has failed, it is dropped
    kAnswered,  // by the gateway itself
    kDropped,
  };
  enum class Told : uint8_t { kNobody, kReset, kIcmpError };  // of a drop

  End end = End::kDropped;
  Reason reason = Reason::kNotForUs;  // of a drop
  Told told = Told::kNobody;
  PacketMeta meta;                     // as far as the stages came
  std::vector<uint8_t> frame;          // as it leaves, without the MAC address while it is held
  std::optional<SessionCopy> session;  // to which it belongs in the end
  bool was_there = false;              // that session was live before
};

// Walks the packet. `facts` are the answer to `question`. Nothing where no buffer is free.
std::optional<TrialOutcome> try_packet(const Snapshot& snapshot, const TrialPacket& packet,
                                       const TrialQuestion& question, const TrialFacts& facts,
                                       rte_mempool* pool);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_TRIAL_H_
