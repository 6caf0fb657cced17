// How much of something there was lately: counters are sampled once a second, and a rate is what
// came in the last seconds. Control thread.
#ifndef POSTERN_CONTROL_METHODS_RATES_H_
#define POSTERN_CONTROL_METHODS_RATES_H_

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "dataplane/packet/counters.h"

namespace postern {

class Rates {
 public:
  // Rates are over so many seconds, or less while there are fewer samples.
  static constexpr size_t kWindow_s = 5;

  explicit Rates(std::vector<const Counters*> workers) : workers_(std::move(workers)) {}

  // To be called once a second with the time.
  void sample(uint64_t now_ms);

  // Packets a second dropped for the reason, over all workers.
  [[nodiscard]] double drops_per_second(Reason reason) const;
  // How much of its time a worker spent on packets, 0 to 100.
  [[nodiscard]] double busy_percent(size_t worker) const;
  // What a packet that it received or took over cost a worker, in TSC cycles; 0 where none came.
  [[nodiscard]] double cycles_per_packet(size_t worker) const;

 private:
  struct Worker {
    uint64_t walked = 0;  // received, or taken from other workers
    uint64_t busy_cycles = 0;
    uint64_t idle_cycles = 0;
  };
  struct Sample {
    uint64_t at_ms = 0;
    std::array<uint64_t, kReasonCount> drops{};
    std::vector<Worker> workers;
  };
  std::vector<const Counters*> workers_;
  std::deque<Sample> samples_;  // oldest first
};

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_RATES_H_
