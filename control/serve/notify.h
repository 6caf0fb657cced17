// What whoever started the daemon is told of its life: systemd's notification protocol
// (sd_notify(3)), as a unit of Type=notify asks for it. Datagrams to the socket that NOTIFY_SOCKET
// names; where it names none, nothing happens. A notification that is lost is nobody's failure.
//
//   starting .. ready .. reloading, ready .. stopping         and `status` and `alive` in between
//
// Control thread.
#ifndef POSTERN_CONTROL_SERVE_NOTIFY_H_
#define POSTERN_CONTROL_SERVE_NOTIFY_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern {

class Notifier {
 public:
  // Traffic passes and the control socket answers, from the start or again after a reload. `text`,
  // here and below, is the line that `systemctl status` shows.
  void ready(std::string_view text);
  // The configuration is read again, since `monotonic_us` (CLOCK_MONOTONIC). ready() ends it,
  // whether the configuration was taken or refused.
  void reloading(uint64_t monotonic_us, std::string_view text);
  void stopping(std::string_view text);
  // Sent only where the text is another than the last.
  void status(std::string_view text);
  // The watchdog need not bark.
  void alive();

  // How often alive() is expected at least; nothing where no watchdog was asked for.
  [[nodiscard]] static std::optional<std::chrono::microseconds> watchdog();

 private:
  void send(std::string_view state, std::string_view text);

  std::string text_;  // the last one sent
};

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_NOTIFY_H_
