#include "dataplane/run/frame_sender.h"

#include <rte_mbuf.h>

#include <cstring>

#include "dataplane/run/channel.h"

namespace postern {

bool WorkerFrameSender::send(uint16_t port, std::span<const std::byte> frame) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_->get());
  if (mbuf == nullptr) return false;
  char* room = rte_pktmbuf_append(mbuf, static_cast<uint16_t>(frame.size()));
  if (room == nullptr) {
    rte_pktmbuf_free(mbuf);
    return false;
  }
  std::memcpy(room, frame.data(), frame.size());
  if (worker_->frames.push({mbuf, port})) return true;
  rte_pktmbuf_free(mbuf);
  return false;
}

}  // namespace postern
