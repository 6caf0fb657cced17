// A worker's tables and its walk, without ports: bursts are put in by hand, and what would leave is
// freed as a driver frees what it has sent.
//
// The session table lies in the same kind of memory as the daemon's and is as large as the
// configuration says, so with as many sessions as that it is at its design load. Made by the main
// thread; then owned by the one that carries bursts.
#ifndef POSTERN_BENCH_PORTLESS_GATEWAY_H_
#define POSTERN_BENCH_PORTLESS_GATEWAY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "bench/compiled_tables.h"
#include "bench/scenario.h"
#include "dataplane/packet/counters.h"
#include "dataplane/run/clock.h"
#include "dataplane/run/session_memory.h"
#include "dataplane/run/walk.h"
#include "dataplane/stage/arrive.h"
#include "dataplane/table/shared_sessions.h"

namespace postern::bench {

class PortlessGateway {
 public:
  // What one of several workers is given.
  struct Others {
    SharedSessions& sessions;
    const HandoverEnds& ends;
  };
  // `tables`, `pool` and `others` outlive the gateway. After EAL has started. Null: the only
  // worker.
  static Outcome<std::unique_ptr<PortlessGateway>> make(const CompiledTables& tables,
                                                        rte_mempool* pool, bool huge_pages,
                                                        const Others* others = nullptr) {
    return make({tables.snapshot(), tables.shared(), tables.model()}, pool, huge_pages, others);
  }
  // The same with tables that change: use() gives it others.
  struct Tables {
    const Snapshot& snapshot;
    const SharedTables& shared;
    const config::Model& model;
  };
  static Outcome<std::unique_ptr<PortlessGateway>> make(const Tables& tables, rte_mempool* pool,
                                                        bool huge_pages, const Others* others);
  // Walks by this one from now on. Between bursts.
  void use(const Snapshot& snapshot) { snapshot_ = &snapshot; }

  // Walks a burst that was received on `port` through all stages. What leaves is given to
  // `sink(frames, count)`, which returns how many it took, the first ones; the others are dropped.
  template <typename Sink>
  void carry(Burst& burst, uint16_t port, Sink&& sink) {
    walk_burst(burst, port);
    send_all(sink);
    if (fragments_.has_woken()) carry_woken(burst);
  }
  // The same, and frees what leaves.
  void carry(Burst& burst, uint16_t port) { carry(burst, port, free_all); }
  // The first half of it, without what the driver and woken fragments cost; then send_all().
  void walk_burst(Burst& burst, uint16_t port) {
    counters_.received.add(burst.size);
    walk(*snapshot_, port, burst, now(), walk_);
  }
  // Frees what waits for ports.
  void send_all() { send_all(free_all); }
  // Tunnel packets of pods only arrive, lose their tunnel and leave as they are inside.
  template <typename Sink>
  void decapsulate(Burst& burst, uint16_t port, Sink&& sink) {
    counters_.received.add(burst.size);
    Arrivals arrivals;
    doors_.set_time(now());
    arrive(*snapshot_, port, burst, arrivals, doors_);
    for (const uint32_t i : arrivals.outbound) {
      const auto outside = static_cast<uint16_t>(burst.meta[i].ip_offset - sizeof(EthernetHeader));
      rte_pktmbuf_adj(burst.frame[i], outside);
      doors_.forward(burst.frame[i], Scenario::kUplinkPort);
    }
    send_all(sink);
  }

  // Likewise what another worker handed over, at most a burst; how many packets that was.
  uint32_t carry_handed(HandoverRing& from, Burst& burst) {
    const uint32_t taken = walk_handed(*snapshot_, from, burst, now(), walk_);
    send_all();
    return taken;
  }

  // The time by which packets are walked: the clock's, and what was skipped.
  [[nodiscard]] Now now() const { return {clock_.now().ms + skipped_ms_}; }
  void skip_ms(uint64_t ms) { skipped_ms_ += ms; }
  // Looks at the next `positions` of the session table, as the worker does between bursts: what has
  // expired ends. Returns the number of sessions that did.
  uint32_t sweep(uint32_t positions);
  // Ends a live session.
  void end_session(SessionHandle handle) { sessions_.remove(handle, now()); }
  // For those that call stages one by one: what walk() is given.
  [[nodiscard]] const Snapshot& snapshot() const { return *snapshot_; }
  [[nodiscard]] WalkContext& context() { return walk_; }

  // "none", or which packets did not leave and why: reasons with their counts.
  [[nodiscard]] std::string lost() const;
  // Packets that left by a port.
  [[nodiscard]] uint64_t forwarded() const { return counters_.forwarded.read(); }
  // Packets that it handed over to other workers.
  [[nodiscard]] uint64_t handed_over() const { return counters_.handover_packets.read(); }

  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const SessionTable& sessions() const { return table_; }
  [[nodiscard]] SessionTable& table() { return table_; }
  [[nodiscard]] SessionMemory::Pages session_pages() const { return memory_.pages(); }
  [[nodiscard]] size_t session_table_bytes() const { return table_bytes_; }

 private:
  PortlessGateway(const Tables& tables, rte_mempool* pool, const SessionTableConfig& config,
                  SessionMemory memory, SessionMemory fragment_memory, const Others* others);

  void carry_woken(Burst& burst);
  static uint32_t free_all(rte_mbuf** frames, uint32_t count) {
    rte_pktmbuf_free_bulk(frames, count);
    return count;
  }
  template <typename Sink>
  void send_all(Sink&& sink) {
    for (uint16_t out = 0; out < doors_.ports(); ++out) send(out, sink);
  }
  template <typename Sink>
  void send(uint16_t port, Sink&& sink) {
    const std::span<rte_mbuf* const> frames = doors_.waiting(port);
    if (frames.empty()) return;
    doors_.sent(port,
                sink(const_cast<rte_mbuf**>(frames.data()), static_cast<uint32_t>(frames.size())));
  }

  const Snapshot* snapshot_;
  size_t table_bytes_;
  SessionMemory memory_;
  SessionTable table_;
  Clock clock_;
  uint64_t skipped_ms_ = 0;
  Counters counters_;
  SessionAccounts accounts_;
  std::unique_ptr<SharedSessions> own_;  // of the only worker
  Sessions sessions_;
  Doors doors_;
  HoldQueue holds_;
  SessionMemory fragment_memory_;
  FragmentTable fragment_table_;
  FragmentGatherer fragments_;
  RateLimiter answers_;
  WalkContext walk_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_PORTLESS_GATEWAY_H_
