// The egress addresses that are being drained: no new sessions, live ones finish. An operator's
// measure, not configuration: it stays over changes of the file as long as the address does, and
// ends with the gateway. Control thread.
#ifndef POSTERN_CONTROL_APPLY_DRAINS_H_
#define POSTERN_CONTROL_APPLY_DRAINS_H_

#include <cstdint>
#include <map>
#include <optional>

#include "control/apply/books.h"
#include "dataplane/table/address_drains.h"
#include "dataplane/wire/address.h"

namespace postern {

struct Drain {
  AddressSlot slot = kNoAddress;
  std::optional<uint64_t> deadline_us;  // of the loop's clock: what is left then is ended
  uint64_t ticket = 0;                  // of this request; a later one has another

  // Seconds until the deadline, rounded up; nothing where there is none.
  [[nodiscard]] std::optional<uint32_t> left_s(uint64_t now_us) const;
};

// A change of them, to be made.
struct DrainChange {
  Ipv4Address address;
  AddressSlot slot = kNoAddress;
  bool undo = false;
  std::optional<uint64_t> deadline_us;
};

class Drains {
 public:
  // `shared` is what workers read, and outlives it.
  explicit Drains(AddressDrains* shared) : shared_(shared) {}

  void make(const DrainChange& change);
  // Forgets those whose address is not there any more.
  void keep_only(const Books& books);

  // Whether the change would leave everything as it is.
  [[nodiscard]] bool is_made(const DrainChange& change) const;
  [[nodiscard]] const Drain* find(Ipv4Address address) const;
  [[nodiscard]] const std::map<Ipv4Address, Drain>& all() const { return drains_; }

 private:
  AddressDrains* shared_;
  std::map<Ipv4Address, Drain> drains_;
  uint64_t tickets_ = 0;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_DRAINS_H_
