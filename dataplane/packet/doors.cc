#include "dataplane/packet/doors.h"

#include <algorithm>

#include "dataplane/packet/vlan.h"

namespace postern {

Doors::~Doors() {
  for (uint32_t port = 0; port < ports_; ++port) {
    for (rte_mbuf* frame : waiting(static_cast<uint16_t>(port))) rte_pktmbuf_free(frame);
  }
}

void Doors::drop(rte_mbuf* frame, Reason reason, const PacketMeta* meta) {
  const auto index = static_cast<size_t>(reason);
  counters_.dropped.add();
  counters_.drops[index].add();
  DropSample sample{.at_ms = now_.ms};
  if (meta != nullptr) {
    sample.source = meta->source;
    sample.destination = meta->destination;
    sample.source_port = meta->source_port;
    sample.destination_port = meta->destination_port;
    sample.protocol = meta->protocol;
    sample.has_addresses = meta->has_addresses;
    sample.port = meta->port;
  }
  counters_.last_drops[index].write(sample);
  rte_pktmbuf_free(frame);
}

void Doors::tag(uint16_t port, uint16_t vlan, bool by_device) {
  Queue& queue = queues_[port];
  uint32_t kept = 0;
  for (uint32_t i = 0; i < queue.size; ++i) {
    rte_mbuf* const frame = queue.frame[i];
    const bool is_answer = queue.is_answer[i];
    if (!put_tag_on(*frame, vlan, by_device)) [[unlikely]] {
      queue.answers -= is_answer;
      drop(frame, Reason::kNoBuffer, nullptr);
      continue;
    }
    queue.frame[kept] = frame;
    queue.is_answer[kept++] = is_answer;
  }
  queue.size = kept;
}

void Doors::sent(uint16_t port, uint32_t taken) {
  Queue& queue = queues_[port];
  if (queue.size == 0) return;
  uint32_t answers = queue.answers;
  if (taken < queue.size) {
    answers = static_cast<uint32_t>(
        std::count(queue.is_answer.begin(), queue.is_answer.begin() + taken, true));
    for (uint32_t i = taken; i < queue.size; ++i) drop(queue.frame[i], Reason::kTxFull, nullptr);
  }
  counters_.answered.add(answers);
  counters_.forwarded.add(taken - answers);
  counters_.ports[port].forwarded.add(taken - answers);
  queue.size = 0;
  queue.answers = 0;
}

}  // namespace postern
