// The doors by which packets leave: forward, answer, make, drop, hold. Every packet that was
// received goes through exactly one of them, and each counts, so that
// received + made = forwarded + answered + dropped + held closes exactly (product.md, promise 7).
//
// Frames for a port wait here until the worker flushes them into the port's queue at the end of
// the burst; what the queue does not take is dropped as tx-full. Owned by one worker.
#ifndef POSTERN_DATAPLANE_PACKET_DOORS_H_
#define POSTERN_DATAPLANE_PACKET_DOORS_H_

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/packet/burst.h"
#include "dataplane/packet/counters.h"
#include "dataplane/packet/now.h"

namespace postern {

class Doors {
 public:
  // A burst and the early fragments that it wakes may leave by one port, all of them cut in seven
  // (9,000 bytes into a tunnel with room for 1,450), and provoke an ICMP error each: the bound of
  // what can wait.
  static constexpr uint32_t kFramesPerPort = 16 * kBurst;

  Doors(Counters& counters, uint32_t ports)
      : counters_(counters), queues_(std::make_unique<Queue[]>(ports)), ports_(ports) {}
  ~Doors();
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;

  // At the start of every burst.
  void set_time(Now now) { now_ = now; }

  // The packet goes on to the link of `port`. For frames that were received, made or held.
  void forward(rte_mbuf* frame, uint16_t port) { enqueue(frame, port, false); }
  // The packet was for the gateway itself and goes back as its own answer.
  void answer(rte_mbuf* frame, uint16_t port) { enqueue(frame, port, true); }
  // The packet was for the gateway itself and needs no answer.
  void consume(rte_mbuf* frame) {
    counters_.answered.add();
    rte_pktmbuf_free(frame);
  }
  // The packet ends here. `meta` may be null when nothing is known of it.
  void drop(rte_mbuf* frame, Reason reason, const PacketMeta* meta);
  void drop(const Burst& burst, uint32_t i, Reason reason) {
    drop(burst.frame[i], reason, &burst.meta[i]);
  }
  // Somebody keeps the packet (waiting for a neighbour, or for a first fragment) and brings it back
  // with release().
  void hold() { counters_.held.add(); }
  void release() { counters_.held.subtract(); }
  // A frame was created by the gateway; it must go through forward() or drop().
  void made() { counters_.made.add(); }

  // The frames that wait for `port`.
  [[nodiscard]] std::span<rte_mbuf* const> waiting(uint16_t port) const {
    return {queues_[port].frame.data(), queues_[port].size};
  }
  // Puts a tag on every waiting frame, or has the device of `port` do it; what there is no room for
  // is dropped. Once, before they are given to the port.
  void tag(uint16_t port, uint16_t vlan, bool by_device);
  // The first `taken` waiting frames of `port` now belong to its queue; the rest is dropped.
  void sent(uint16_t port, uint32_t taken);
  [[nodiscard]] uint32_t ports() const { return ports_; }

 private:
  struct Queue {
    std::array<rte_mbuf*, kFramesPerPort> frame;
    std::array<bool, kFramesPerPort> is_answer;
    uint32_t size = 0;
    uint32_t answers = 0;
  };

  void enqueue(rte_mbuf* frame, uint16_t port, bool is_answer) {
    Queue& queue = queues_[port];
    if (queue.size == kFramesPerPort) {
      drop(frame, Reason::kTxFull, nullptr);
      return;
    }
    queue.frame[queue.size] = frame;
    queue.is_answer[queue.size] = is_answer;
    queue.answers += is_answer;
    ++queue.size;
  }

  Counters& counters_;
  std::unique_ptr<Queue[]> queues_;
  uint32_t ports_;
  Now now_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_PACKET_DOORS_H_
