// What an operator should look at, each a sentence that says what to do: `attention` of `status`.
//
//   a port whose link is down              a node whose VTEP there is no route to
//   a next hop that does not answer,       a session table that is nearly full
//   or that two devices claim to be        an egress address whose ports to one
//   a host name that does not resolve      destination are nearly used up
//   a configuration that nobody confirmed  a state file that cannot be kept
//   an egress address that is drained
//
// The ports take a reading of all sessions; it is done only while an address has enough of them
// in use that it could be so. Of many sessions that takes seconds: then what the last reading found
// is said at once, and another one begun in the background, one at a time and seldom enough that it
// costs the workers little. Control thread.
#ifndef POSTERN_CONTROL_METHODS_ATTENTION_H_
#define POSTERN_CONTROL_METHODS_ATTENTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "control/methods/context.h"
#include "control/methods/session_sums.h"

namespace postern {

inline constexpr uint64_t kPortsWarning_percent = 80;
inline constexpr uint64_t kSessionsWarning_percent = 90;

// Up to so many sessions are read while who asks waits.
inline constexpr uint64_t kReadAtOnce = 65'536;
// Between the end of a reading in the background and the begin of the next.
inline constexpr uint64_t kReadAgain_us = 5'000'000;

// Keeps itself alive while it reads; the context outlives it.
class Attention : public std::enable_shared_from_this<Attention> {
 public:
  explicit Attention(const MethodContext& context) : context_(context) {}

  // Calls `done` with the sentences: at once, or a moment later where there are few sessions.
  void find(std::function<void(nlohmann::json)> done);

 private:
  // What a reading found of one egress address.
  struct Nearly {
    Ipv4Address address;
    uint64_t percent = 0;  // of its ports towards the destination to which most are in use
    std::string text;
  };
  [[nodiscard]] std::vector<Nearly> nearly_used_up(const std::vector<AddressSlot>& slots,
                                                   const SessionSums& sums) const;
  void read_in_background(std::vector<AddressSlot> slots);

  const MethodContext& context_;
  std::vector<Nearly> last_;  // of the last reading in the background, the fullest first
  uint64_t read_at_us_ = 0;   // when that ended; 0: there was none
  bool reading_ = false;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_ATTENTION_H_
