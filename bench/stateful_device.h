// A gateway as RFC 9693 looks at it: a table that begins empty, connections that are established at
// a rate, checked, used and torn down. Every connection is a UDP conversation of its own, in random
// order (the RFC's pseudorandom enumeration of distinct four-tuples).
//
// Made by the main thread; used on the worker's lcore.
#ifndef POSTERN_BENCH_STATEFUL_DEVICE_H_
#define POSTERN_BENCH_STATEFUL_DEVICE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/nat_traffic.h"
#include "bench/paced_service.h"

namespace postern::bench {

// Test phase 1, and the RFC's validation of connection establishment.
struct Establishment {
  Served served;          // the first packets
  uint32_t live = 0;      // sessions that the gateway says it has
  uint64_t answered = 0;  // replies, one to each connection, that reached the pods
  uint64_t replies = 0;   // that were sent; 0: not all first packets came through
  bool disturbed = false;
  // Every first packet came out, made a connection, and every connection carries a reply.
  [[nodiscard]] bool valid(uint32_t connections) const {
    return served.lost() == 0 && live == connections && replies == connections &&
           answered == connections;
  }
};

struct TearDown {
  uint32_t connections = 0;
  double seconds = 0;
};

class StatefulDevice {
 public:
  // `room`: connections that the table is configured for. `most`: that will ever be asked for.
  StatefulDevice(rte_mempool* pool, uint32_t room, uint32_t most, uint32_t frame_bytes);

  // "" or what went wrong; the rest needs it. Main thread.
  std::string prepare(bool huge_pages);

  // Phase 1 with an empty table (it tears down what there is): `connections` first packets at a
  // rate, then the check, replies to all of them at `check_share` of that rate.
  Establishment establish(uint32_t connections, double per_second, double check_share);

  // Phase 2 over what the last establish() made: random packets of existing connections in both
  // directions, half of the rate each.
  Served carry(double per_second, double duration_s);

  // Ends everything that lives, by the sweep that ends idle sessions, after their time.
  TearDown tear_down();

  [[nodiscard]] const PortlessGateway& gateway() const { return *gateway_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  [[nodiscard]] std::vector<FrameRecord> replies(uint32_t connections) const;
  void draw_for_phase_2(uint32_t connections);
  void note(const PacedService& service);

  rte_mempool* pool_;
  uint32_t most_;
  Scenario scenario_;
  Frames outbound_;
  Frames inbound_;
  std::unique_ptr<CompiledTables> tables_;
  std::unique_ptr<PortlessGateway> gateway_;
  std::vector<uint32_t> order_;        // of the conversations
  std::vector<FrameRecord> firsts_;    // in that order
  std::vector<FrameRecord> drawn_[2];  // for phase 2: outbound, inbound
  uint32_t established_ = 0;
  std::string failure_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_STATEFUL_DEVICE_H_
