// Where the frames of a run come from and go to, whatever kind of port that is (--port). One thread
// receives and transmits, on an EAL lcore.
#ifndef POSTERN_BENCH_RUN_TRAFFIC_PORT_H_
#define POSTERN_BENCH_RUN_TRAFFIC_PORT_H_

#include <cstdint>
#include <string>

#include "dataplane/packet/burst.h"

namespace postern::bench {

class TrafficPort {
 public:
  TrafficPort() = default;
  TrafficPort(const TrafficPort&) = delete;
  TrafficPort& operator=(const TrafficPort&) = delete;
  virtual ~TrafficPort() = default;

  // Takes the next frames, which now belong to the caller: kBurst of them where is_endless(), else
  // as many as there are, perhaps none. False when it cannot: then failure() says why.
  virtual bool receive(Burst& burst) = 0;
  // Sends frames. Returns how many it took, the first ones; the others are the caller's still.
  virtual uint32_t transmit(rte_mbuf** frames, uint32_t count) = 0;

  // Whether frames are there whenever they are asked for. Otherwise somebody else sends them, and
  // turns in which none has come are nobody's work.
  [[nodiscard]] virtual bool is_endless() const = 0;
  [[nodiscard]] virtual std::string failure() const { return "no packet buffer is free"; }
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_TRAFFIC_PORT_H_
