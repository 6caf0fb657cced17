// Watches the ports' links: which are down, and whether what they carry still fits the ports' MTUs
// and buffers, which somebody may change under a running gateway (ip link set mtu). Changes are
// logged once; what stays wrong is there to be asked for. Control thread.
#ifndef POSTERN_CONTROL_SERVE_LINK_WATCH_H_
#define POSTERN_CONTROL_SERVE_LINK_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/serve/log.h"
#include "dataplane/run/complaint.h"

namespace postern {

class LinkWatch {
 public:
  // How to ask a port.
  struct Link {
    std::string port;
    std::function<bool()> is_up;
    std::function<std::optional<Complaint>()> check_mtu;
  };
  struct Parts {
    Log* log = nullptr;  // outlives the watch
    // Called with a bit for each port whose link is down: at once, and when that changes.
    std::function<void(uint64_t)> down;
    // Called with the index of a port whose link came up.
    std::function<void(uint16_t)> came_up;
  };
  LinkWatch(std::vector<Link> links, Parts parts);

  // Asks all of them; to be called a few times a second.
  void look();

  [[nodiscard]] bool is_up(size_t port) const { return (down_ >> port & 1) == 0; }
  // What is wrong with MTUs, each a sentence that says what to do.
  [[nodiscard]] std::vector<std::string> complaints() const;

 private:
  void look_at_state(size_t port);
  void look_at_mtu(size_t port);

  std::vector<Link> links_;
  Parts parts_;
  uint64_t down_ = 0;
  std::vector<std::string> wrong_;  // by port; empty: nothing
};

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_LINK_WATCH_H_
