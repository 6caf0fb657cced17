// A memif port of compare-latency, with one queue each way: as many as a program with one worker
// has at the other end, since memif refuses to connect more.
//
// Opened and closed by the main thread, used by one worker.
#ifndef POSTERN_BENCH_COMPARE_PROBE_PORTS_H_
#define POSTERN_BENCH_COMPARE_PROBE_PORTS_H_

#include <cstdint>
#include <string>

struct rte_mbuf;
struct rte_mempool;

namespace postern::bench {

class ProbePort {
 public:
  ProbePort() = default;
  ProbePort(const ProbePort&) = delete;
  ProbePort& operator=(const ProbePort&) = delete;
  ~ProbePort();

  // Connects to the socket `path`, where the tested program listens. `pool` outlives the port.
  // Returns "" or what went wrong.
  std::string open(uint32_t number, const std::string& path, rte_mempool* pool);
  [[nodiscard]] bool is_linked() const;

  uint16_t receive(rte_mbuf** frames, uint16_t most);
  // What finds no room is freed and not counted.
  uint16_t send(rte_mbuf** frames, uint16_t count);

 private:
  static constexpr uint16_t kNone = 0xffff;
  static constexpr uint16_t kSlots = 1024;
  int start(rte_mempool* pool);

  uint16_t id_ = kNone;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_COMPARE_PROBE_PORTS_H_
