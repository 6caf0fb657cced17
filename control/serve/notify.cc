#include "control/serve/notify.h"

#include <absl/strings/str_cat.h>
#include <systemd/sd-daemon.h>

namespace postern {
namespace {

// An assignment is a line: text from outside must not make further ones.
std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return line;
}

}  // namespace

void Notifier::ready(std::string_view text) { send("READY=1\n", text); }

void Notifier::reloading(uint64_t monotonic_us, std::string_view text) {
  send(absl::StrCat("RELOADING=1\nMONOTONIC_USEC=", monotonic_us, "\n"), text);
}

void Notifier::stopping(std::string_view text) { send("STOPPING=1\n", text); }

void Notifier::status(std::string_view text) {
  if (text != text_) send("", text);
}

void Notifier::alive() { sd_notify(0, "WATCHDOG=1"); }

std::optional<std::chrono::microseconds> Notifier::watchdog() {
  uint64_t interval_us = 0;
  if (sd_watchdog_enabled(0, &interval_us) <= 0) return std::nullopt;
  return std::chrono::microseconds(interval_us);
}

void Notifier::send(std::string_view state, std::string_view text) {
  text_ = text;
  std::string message(state);
  message.append("STATUS=").append(one_line(text));
  sd_notify(0, message.c_str());
}

}  // namespace postern
