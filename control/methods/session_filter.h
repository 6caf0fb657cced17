// The filter of `sessions.list`, `sessions.count` and `sessions.delete`, as tcpdump's are written:
//
//   filter     = condition { ( "and" | "or" ) condition }       both bind alike, from the left
//   condition  = "not" condition | "(" filter ")"
//              | "namespace" NAME | "node" NAME | "state" STATE | [ "protocol" ] PROTOCOL
//              | [ "src" | "dst" ] ( "port" PORT[-PORT] | [ "host" | "net" ] ADDRESS[/LENGTH] )
//              | "egress" ( "port" PORT[-PORT] | ADDRESS[/LENGTH] )
//
// "src" and "dst" are the pod and what it dialled, before translation; without either of them a
// port or an address may be on any of the two sides. "&&", "||" and "!" stand for the words.
// A filter is parsed once into steps of postfix notation and then asked about any number of
// sessions without allocating. Values only; any thread.
#ifndef POSTERN_CONTROL_METHODS_SESSION_FILTER_H_
#define POSTERN_CONTROL_METHODS_SESSION_FILTER_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/wire/address.h"

namespace postern {

// What a filter looks at. The texts belong to somebody else.
struct SessionFacts {
  std::string_view name_space;
  std::string_view node;
  std::string_view state;
  uint8_t protocol = 0;
  Ipv4Address source;       // the pod
  Ipv4Address destination;  // as the pod sent it
  Ipv4Address egress;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint16_t egress_port = 0;
};

// The words that a condition begins with, for messages and help: "namespace, node, ...".
std::string session_filter_keys();

class SessionFilter {
 public:
  // An error names the word that does not fit and what would.
  static absl::StatusOr<SessionFilter> parse(std::string_view text);

  [[nodiscard]] bool matches(const SessionFacts& facts) const;

  // What stands after "namespace", and after "node", in the order of the text; as long-lived as
  // the filter.
  [[nodiscard]] std::vector<std::string_view> namespaces() const {
    return names(Action::kNamespace);
  }
  [[nodiscard]] std::vector<std::string_view> nodes() const { return names(Action::kNode); }

 private:
  friend class SessionFilterParser;

  enum class Action : uint8_t {
    kNamespace,
    kNode,
    kState,
    kProtocol,
    kAddress,
    kPort,
    // On the results before:
    kNot,
    kAnd,
    kOr,
  };
  static constexpr uint8_t kSource = 1;
  static constexpr uint8_t kDestination = 2;
  static constexpr uint8_t kEgress = 4;
  struct Step {
    Action action = Action::kNot;
    std::string text = {};
    uint8_t protocol = 0;
    uint8_t sides = 0;  // of kAddress and kPort; any of them
    Ipv4Prefix prefix = {};
    uint16_t low = 0;
    uint16_t high = 0;
  };

  [[nodiscard]] std::vector<std::string_view> names(Action after) const;
  static bool holds(const Step& step, const SessionFacts& facts);

  std::vector<Step> steps_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_SESSION_FILTER_H_
