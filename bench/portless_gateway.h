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
#include "dataplane/packet/counters.h"
#include "dataplane/run/clock.h"
#include "dataplane/run/session_memory.h"
#include "dataplane/run/walk.h"
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
                                                        const Others* others = nullptr);

  // Walks a burst that was received on `port` through all stages, and frees what leaves.
  void carry(Burst& burst, uint16_t port) {
    walk_burst(burst, port);
    send_all();
    if (fragments_.has_woken()) carry_woken(burst);
  }
  // The first half of it, without what the driver and woken fragments cost; then send_all().
  void walk_burst(Burst& burst, uint16_t port) {
    counters_.received.add(burst.size);
    walk(tables_.snapshot(), port, burst, clock_.now(), walk_);
  }
  // Frees what waits for ports.
  void send_all() {
    for (uint16_t out = 0; out < doors_.ports(); ++out) send(out);
  }

  // Likewise what another worker handed over, at most a burst; how many packets that was.
  uint32_t carry_handed(HandoverRing& from, Burst& burst) {
    const uint32_t taken = walk_handed(tables_.snapshot(), from, burst, clock_.now(), walk_);
    send_all();
    return taken;
  }

  // "none", or which packets did not leave and why: reasons with their counts.
  [[nodiscard]] std::string lost() const;
  // Packets that left by a port.
  [[nodiscard]] uint64_t forwarded() const { return counters_.forwarded.read(); }
  // Packets that it handed over to other workers.
  [[nodiscard]] uint64_t handed_over() const { return counters_.handover_packets.read(); }

  [[nodiscard]] const SessionTable& sessions() const { return table_; }
  [[nodiscard]] SessionMemory::Pages session_pages() const { return memory_.pages(); }
  [[nodiscard]] size_t session_table_bytes() const { return table_bytes_; }

 private:
  PortlessGateway(const CompiledTables& tables, rte_mempool* pool, const SessionTableConfig& config,
                  SessionMemory memory, SessionMemory fragment_memory, const Others* others);

  void carry_woken(Burst& burst);
  void send(uint16_t port) {
    const std::span<rte_mbuf* const> frames = doors_.waiting(port);
    if (frames.empty()) return;
    const auto count = static_cast<uint32_t>(frames.size());
    rte_pktmbuf_free_bulk(const_cast<rte_mbuf**>(frames.data()), count);
    doors_.sent(port, count);
  }

  const CompiledTables& tables_;
  size_t table_bytes_;
  SessionMemory memory_;
  SessionTable table_;
  Clock clock_;
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
