// Several workers that share the sessions of one gateway, each with packets to carry: all its own,
// as a device brings them that knows the owners, or anybody's, as one brings them that does not, so
// that workers hand packets over to each other. Both directions, in turns.
//
// Prepared by one thread; then each worker's part is used by its own thread, and they may run at
// the same time.
#ifndef POSTERN_BENCH_RUN_WORKER_TEAM_H_
#define POSTERN_BENCH_RUN_WORKER_TEAM_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/nat_traffic.h"
#include "bench/receive_ring.h"
#include "dataplane/run/handover_mesh.h"

namespace postern::bench {

// Whose packets a worker receives.
enum class Arrival : uint8_t { kOwn, kAnybodys };

class WorkerTeam {
 public:
  // A team of one is a gateway with a single worker. All references outlive it.
  WorkerTeam(uint32_t workers, const Scenario& scenario, const CompiledTables& tables,
             rte_mempool* pool);

  // Opens every session at its owner and draws packets. "" or what went wrong.
  std::string prepare(bool huge_pages, uint32_t frame_bytes, uint64_t seed);

  // One turn of a worker: a burst each way, and what others handed over. False when buffers ran
  // out.
  bool turn(uint32_t worker, Arrival arrival);
  // Forwards frames unseen for one turn.
  bool turn_unseen(uint32_t worker);
  // What others handed over, until nothing is on its way any more. All workers at once.
  void drain(uint32_t worker);

  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(members_.size()); }
  [[nodiscard]] uint64_t forwarded(uint32_t worker) const {
    return members_[worker]->gateway->forwarded();
  }
  [[nodiscard]] uint64_t received(uint32_t worker) const { return members_[worker]->received; }
  [[nodiscard]] uint64_t handed_over() const;
  // "none", or what was lost and why.
  [[nodiscard]] std::string lost() const;
  [[nodiscard]] const PortlessGateway& gateway(uint32_t worker) const {
    return *members_[worker]->gateway;
  }

 private:
  // Packets that may be on their way between workers: fewer than a ring holds with what a turn
  // adds.
  static constexpr uint64_t kInFlight = 512;

  // Frames of one direction for one worker.
  struct Source {
    std::vector<FrameRecord> records;
    std::unique_ptr<ReceiveRing> ring;
  };
  struct Member {
    std::unique_ptr<PortlessGateway> gateway;
    std::array<std::array<Source, 2>, 2> sources;  // by Arrival and direction
    Burst burst;
    uint64_t received = 0;
    // For the others to read once a turn, on a line of their own.
    alignas(64) std::atomic<uint64_t> handed{0};
    std::atomic<uint64_t> taken{0};
  };

  std::string open(uint32_t worker, const std::vector<uint32_t>& numbers);
  void draw(uint32_t worker, Arrival arrival, const std::vector<uint32_t>& numbers, uint64_t seed);
  [[nodiscard]] uint32_t owner_of(uint32_t number) const;
  [[nodiscard]] bool others_keep_up() const;
  void take_handed(uint32_t worker);

  const Scenario& scenario_;
  const CompiledTables& tables_;
  rte_mempool* pool_;
  SharedSessions sessions_;
  HandoverMesh mesh_;
  std::vector<std::unique_ptr<Member>> members_;
  std::array<std::unique_ptr<Frames>, 2> frames_;  // outbound, inbound
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_WORKER_TEAM_H_
