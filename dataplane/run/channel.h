// What passes between a worker and the control thread besides snapshots and counters: a few bounded
// single-producer, single-consumer rings, one set per worker.
//
//   punts     worker -> control   "resolve this neighbour", "this neighbour spoke"
//   frames    control -> worker   finished frames to send (ARP requests, gratuitous ARP)
//   commands  control -> worker   "copy these sessions", "end those", "judge all", "purge", "what
//                                 would meet this packet?"
//
// A full ring never blocks: the worker drops the message (it asks again with the next packet), the
// control thread tries again later.
#ifndef POSTERN_DATAPLANE_RUN_CHANNEL_H_
#define POSTERN_DATAPLANE_RUN_CHANNEL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/packet/spsc_ring.h"
#include "dataplane/table/neighbour.h"
#include "dataplane/table/session_table.h"

struct rte_mbuf;

namespace postern {

// A message from a worker to the control thread.
struct Punt {
  enum class Kind : uint8_t {
    kResolve,  // a packet waits for this neighbour
    kHeard,    // an ARP message of this neighbour came: `mac` is its MAC address
  };
  Kind kind = Kind::kResolve;
  NeighbourKey neighbour;
  MacAddress mac;
};

// A finished frame for a port; the worker owns it from push() on. Counted as made.
struct Injection {
  rte_mbuf* frame = nullptr;
  uint16_t port = 0;  // index into Snapshot::ports
};

// A live session as it stood when the worker copied it.
struct SessionCopy {
  SessionHandle handle = 0;
  SessionEntry entry;
  ColdSession cold;
  uint64_t copied_at_ms = 0;
};

// Filled by the worker, then `done` is released. The control thread owns the memory and keeps it
// until then.
struct SessionCopyRequest {
  SessionHandle first = 0;                  // copy from this handle on
  uint32_t limit = 0;                       // at most so many
  SessionHandle next = 0;                   // out: where to go on; capacity() when all were seen
  std::vector<SessionCopy>* out = nullptr;  // reserved for `limit` by the control thread
  std::atomic<bool> done{false};
};

// A session as somebody noted it earlier: its handle may have been given to another one meanwhile.
struct NotedSession {
  SessionHandle handle = 0;
  OutboundKey key{};
};

// Sessions to be ended where the handle still has the key. As with copies, the control thread owns
// the memory and keeps it until `done` is released.
struct SessionRemovalRequest {
  std::span<const NotedSession> sessions;
  uint32_t removed = 0;  // out
  std::atomic<bool> done{false};
};

// Every session of this moment is judged by the tables in use, and ended where it would not be let
// out any more. As with copies, the control thread owns the memory and keeps it until `done` is
// released.
struct SessionRevalidation {
  SessionHandle next = 0;  // written by the worker
  uint32_t ended = 0;      // out: of those whose ground stands
  std::atomic<bool> done{false};
};

struct TrialFactsRequest;  // trial_facts.h

struct WorkerCommand {
  enum class Kind : uint8_t {
    kCopySessions,    // fill `copy`, a bounded number a loop
    kRemoveSessions,  // end the sessions of `removal`, a bounded number a loop
    kRevalidate,      // judge every session for `revalidation`, a bounded number a loop
    kTellFacts,       // fill `facts`, a bounded part a loop
    kPurge,           // look at every session once, ignoring look-not-before (removed slots)
  };
  Kind kind = Kind::kPurge;
  SessionCopyRequest* copy = nullptr;
  SessionRemovalRequest* removal = nullptr;
  SessionRevalidation* revalidation = nullptr;
  TrialFactsRequest* facts = nullptr;
};

struct WorkerChannel {
  SpscRing<Punt, 4096> punts;  // every next hop may answer at once
  SpscRing<Injection, 1024> frames;
  SpscRing<WorkerCommand, 64> commands;

  std::atomic<bool> stop{false};             // control -> worker: leave the loop
  std::atomic<bool> stopped{false};          // worker -> control: nothing leaves any more
  std::atomic<uint64_t> seen_generation{0};  // worker -> control: in use, or a later one
  std::atomic<uint64_t> purges_finished{0};  // worker -> control: full purge sweeps so far
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_CHANNEL_H_
