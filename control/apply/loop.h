// What the control plane needs of the event loop it runs on. The daemon's is control/serve's
// EventLoop; tests bring their own.
#ifndef POSTERN_CONTROL_APPLY_LOOP_H_
#define POSTERN_CONTROL_APPLY_LOOP_H_

#include <chrono>
#include <cstdint>
#include <functional>

namespace postern {

class Loop {
 public:
  virtual ~Loop() = default;
  // Runs `work` on the one helper thread for changes, after what was given before; then `then` on
  // the control thread. `work` is for what takes long: parsing, checking, compiling.
  virtual void beside(std::function<void()> work, std::function<void()> then) = 0;
  // The same on a thread of its own, for what changes nothing: whoever only asks, with as many
  // large files as he likes, holds up no change.
  virtual void read_beside(std::function<void()> work, std::function<void()> then) = 0;
  // The same on a thread of its own, for what waits for disks: neither waits for the other.
  virtual void write_beside(std::function<void()> work, std::function<void()> then) = 0;
  // Calls `what` on the control thread once `delay` has passed.
  virtual void after(std::chrono::microseconds delay, std::function<void()> what) = 0;
  // Microseconds of a monotonic clock.
  [[nodiscard]] virtual uint64_t now_us() const = 0;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_LOOP_H_
