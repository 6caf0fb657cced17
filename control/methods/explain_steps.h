// The steps of an explanation: what the stages did with the packet, in their order, each with the
// entry of the configuration that decided it. What happened is what the trial says; this puts it
// into words. Reads only; control thread.
#ifndef POSTERN_CONTROL_METHODS_EXPLAIN_STEPS_H_
#define POSTERN_CONTROL_METHODS_EXPLAIN_STEPS_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/methods/explain_places.h"
#include "control/methods/explain_way.h"
#include "dataplane/run/trial.h"
#include "dataplane/stage/classify.h"

namespace postern {

// Everything that is known of a packet that was tried.
struct Explained {
  const ExplainGround& ground;
  const ExplainWay& way;
  const ExplainFlow& flow;
  bool source_port_given = false;
  const MadePacket& made;
  const TrialFacts& facts;
  const TrialOutcome& outcome;
  const Decision& decision;  // of an outbound flow from a known node
};

class ExplainSteps {
 public:
  // `explained` outlives this.
  explicit ExplainSteps(const Explained& explained)
      : e_(explained), places_(explained.ground), snapshot_(explained.ground.snapshot) {}

  // {verdict, reason?, steps, translated?}.
  nlohmann::json answer();

 private:
  void add(std::string_view stage, std::string text, config::SourceLine line = {});
  void tell_outbound();
  void tell_inbound();
  void tell_packet();
  void tell_tunnel();
  void tell_session();
  void tell_policy();
  bool tell_source();
  void tell_source_refused();
  void tell_source_elsewhere(NodeIndex owner);
  void tell_source_unknown(uint32_t vni);
  void tell_bad_address();
  bool tell_destination();
  bool tell_router();
  bool tell_firewall();
  bool tell_egress();
  void tell_limits(NamespaceIndex name);
  bool tell_address();
  [[nodiscard]] std::vector<Ipv4Address> drawn_addresses() const;
  void tell_unusable_addresses();
  [[nodiscard]] bool has_no_port(uint32_t place) const;
  [[nodiscard]] std::string kept_port_text() const;
  [[nodiscard]] std::string used_up_text(Ipv4Address address) const;
  void tell_mark();
  void tell_route();
  void tell_way_to_node();
  void tell_neighbour(Ipv4Address next, config::SourceLine line);
  void tell_drop();
  [[nodiscard]] nlohmann::json translated() const;

  [[nodiscard]] bool is_dropped() const { return e_.outcome.end == TrialOutcome::End::kDropped; }
  [[nodiscard]] bool is_dropped(Reason reason) const {
    return is_dropped() && e_.outcome.reason == reason;
  }
  // It may leave, and there is no port to leave by.
  [[nodiscard]] bool is_out_of_ports() const {
    return is_dropped(Reason::kNoPort) ||
           (is_dropped(Reason::kUnsupportedProtocol) && e_.decision.allowed);
  }
  // The session judges the packet, and no policy.
  [[nodiscard]] bool by_session() const { return e_.outcome.was_there && !e_.made.opens_again; }
  [[nodiscard]] std::string namespace_name(NamespaceIndex index) const;
  [[nodiscard]] std::string service() const;  // "tcp/443"
  [[nodiscard]] std::string remote_end() const;

  const Explained& e_;
  ExplainPlaces places_;
  const Snapshot& snapshot_;
  nlohmann::json steps_ = nlohmann::json::array();
  config::SourceLine last_;  // of the step before
  std::string advice_;       // better than the reason's own, or empty
};

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_EXPLAIN_STEPS_H_
