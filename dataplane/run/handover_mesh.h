// The rings by which workers hand each other packets: one for every ordered pair.
//
// A ring holds what comes while its taker is away for a moment; how many packets that is, is
// divided among those that give to the same worker. Made by the control thread before the workers,
// and ended after them: what is in the rings then is freed.
#ifndef POSTERN_DATAPLANE_RUN_HANDOVER_MESH_H_
#define POSTERN_DATAPLANE_RUN_HANDOVER_MESH_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/packet/handover_ring.h"
#include "dataplane/stage/hand_over.h"
#include "dataplane/table/owner_map.h"

namespace postern {

class HandoverMesh {
 public:
  // Packets that wait for one worker at most, as long as there are at least kLeastSlots a ring. As
  // many as two receive queues hold: a bound of what a slow worker costs in buffers, and of time
  // (longer rings cost nothing more a packet: bench/structure_bench).
  static constexpr uint32_t kSlotsPerTaker = 4096;
  static constexpr uint32_t kMostSlots = 2048;
  static constexpr uint32_t kLeastSlots = 256;

  // Of one ring.
  static constexpr uint32_t slots(uint32_t workers) {
    if (workers < 2) return 0;
    return std::clamp(std::bit_floor(kSlotsPerTaker / (workers - 1)), kLeastSlots, kMostSlots);
  }
  // Of all rings: so many buffers may be in them.
  static constexpr uint32_t buffers(uint32_t workers) {
    return workers * (workers - 1) * slots(workers);
  }

  // `owners` outlives the mesh.
  explicit HandoverMesh(const OwnerMap& owners) : HandoverMesh(owners, slots(owners.workers())) {}
  // With rings of another size, a power of two.
  HandoverMesh(const OwnerMap& owners, uint32_t slots) : ends_(owners.workers()) {
    const uint32_t workers = owners.workers();
    for (uint32_t worker = 0; worker < workers; ++worker) {
      ends_[worker].owners = &owners;
      ends_[worker].self = static_cast<WorkerIndex>(worker);
      ends_[worker].to.resize(workers);
      ends_[worker].from.resize(workers);
    }
    for (uint32_t giver = 0; giver < workers; ++giver) {
      for (uint32_t taker = 0; taker < workers; ++taker) {
        if (giver == taker) continue;
        HandoverRing* const ring = rings_.emplace_back(std::make_unique<HandoverRing>(slots)).get();
        ends_[giver].to[taker] = ring;
        ends_[taker].from[giver] = ring;
      }
    }
  }
  HandoverMesh(const HandoverMesh&) = delete;
  HandoverMesh& operator=(const HandoverMesh&) = delete;

  [[nodiscard]] const HandoverEnds& ends(uint32_t worker) const { return ends_[worker]; }

 private:
  std::vector<std::unique_ptr<HandoverRing>> rings_;
  std::vector<HandoverEnds> ends_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_HANDOVER_MESH_H_
