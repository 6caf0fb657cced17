#include "control/serve/link_watch.h"

#include <absl/strings/str_cat.h>

#include <utility>

namespace postern {

LinkWatch::LinkWatch(std::vector<Link> links, Parts parts)
    : links_(std::move(links)), parts_(std::move(parts)), wrong_(links_.size()) {
  for (size_t i = 0; i < links_.size(); ++i) down_ |= uint64_t{!links_[i].is_up()} << i;
  parts_.down(down_);
}

void LinkWatch::look() {
  for (size_t i = 0; i < links_.size(); ++i) {
    look_at_state(i);
    look_at_mtu(i);
  }
}

void LinkWatch::look_at_state(size_t port) {
  const bool up = links_[port].is_up();
  if (up == is_up(port)) return;
  down_ ^= uint64_t{1} << port;
  parts_.down(down_);
  if (up) parts_.came_up(static_cast<uint16_t>(port));
  parts_.log->warn(absl::StrCat("port ", links_[port].port, ": link ", up ? "up" : "down"));
}

void LinkWatch::look_at_mtu(size_t port) {
  const std::optional<Complaint> complaint = links_[port].check_mtu();
  std::string text = complaint ? complaint->text() : "";
  if (text == wrong_[port]) return;
  if (complaint) {
    parts_.log->error(text);
  } else {
    parts_.log->info(absl::StrCat("port ", links_[port].port, ": the MTU of its link fits again"));
  }
  wrong_[port] = std::move(text);
}

std::vector<std::string> LinkWatch::complaints() const {
  std::vector<std::string> texts;
  for (const std::string& text : wrong_) {
    if (!text.empty()) texts.push_back(text);
  }
  return texts;
}

}  // namespace postern
