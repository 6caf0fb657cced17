// Explains packets to a gateway under test, and then sends them: what was said must be what
// happens, and saying it must change nothing.
#ifndef POSTERN_TEST_PACKET_EXPLAINER_H_
#define POSTERN_TEST_PACKET_EXPLAINER_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/methods/explain.h"
#include "test/packet/live_gateway.h"

namespace postern::test {

// What the data path did with a packet.
struct Seen {
  std::string end;  // "forwarded", "held", "answered", or the reason of its drop
  std::string port;
  Bytes frame;        // that left
  bool told = false;  // the sender, by a reset or an ICMP error
};

class Explainer {
 public:
  explicit Explainer(LiveGateway& gateway) : gateway_(gateway) {}

  // The answer, which has changed nothing; or {"error": text}.
  nlohmann::json explain(const ExplainQuestion& question);
  // Sends the packet that was explained last.
  Seen send();
  // Both, held against each other: end, reason, addresses, ports, marks, namespace.
  void check(const ExplainQuestion& question, std::string_view what = {});

  // The last ones.
  [[nodiscard]] const nlohmann::json& answer() const { return answer_; }
  [[nodiscard]] const Seen& seen() const { return seen_; }
  // The step of that stage, the last of several, or null.
  [[nodiscard]] nlohmann::json step(std::string_view stage) const;
  // How often packets ended so.
  [[nodiscard]] const std::map<std::string, uint64_t>& ends() const { return ends_; }

 private:
  using Image = std::vector<uint64_t>;
  [[nodiscard]] ExplainGround ground() const;
  [[nodiscard]] Image image(const ExplainQuestion& question);
  void compare(std::string_view what);
  void compare_frames(std::string_view story);
  void compare_session(std::string_view story);

  LiveGateway& gateway_;
  nlohmann::json answer_;
  TrialPacket packet_;
  std::optional<OutboundKey> key_;  // of an outbound one
  Seen seen_;
  std::map<std::string, uint64_t> ends_;
};

inline ExplainQuestion question(std::string_view source, std::string_view destination,
                                uint8_t protocol, std::optional<uint16_t> destination_port = {},
                                std::optional<uint16_t> source_port = {}, std::string node = {}) {
  return {.source = *Ipv4Address::parse(source),
          .destination = *Ipv4Address::parse(destination),
          .protocol = protocol,
          .destination_port = destination_port,
          .source_port = source_port,
          .node = std::move(node)};
}

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_EXPLAINER_H_
