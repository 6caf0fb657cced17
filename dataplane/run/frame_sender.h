// The way of a finished frame from the control thread to a port: a worker's ring, because only
// workers touch ports.
#ifndef POSTERN_DATAPLANE_RUN_FRAME_SENDER_H_
#define POSTERN_DATAPLANE_RUN_FRAME_SENDER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/run/mbuf_pool.h"

namespace postern {

struct WorkerChannel;

class FrameSender {
 public:
  virtual ~FrameSender() = default;
  // Hands a frame (from the Ethernet header on, without checksum) to a port, an index into
  // Snapshot::ports. False when there is no room now: try again later. Control thread.
  [[nodiscard]] virtual bool send(uint16_t port, std::span<const std::byte> frame) = 0;
};

// Sends by a worker's ring, in buffers of the pool that ports and workers use.
class WorkerFrameSender : public FrameSender {
 public:
  // Both outlive the sender.
  WorkerFrameSender(WorkerChannel* worker, const MbufPool* pool) : worker_(worker), pool_(pool) {}
  bool send(uint16_t port, std::span<const std::byte> frame) override;

 private:
  WorkerChannel* worker_;
  const MbufPool* pool_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_FRAME_SENDER_H_
