#include "control/methods/explain.h"

#include <span>

#include "control/methods/explain_steps.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

// As the stages make the keys from a packet (track.h).
OutboundKey outbound_key_of(const ExplainFlow& flow, uint32_t vni) {
  return {.source_ip = flow.source.wire(),
          .vni_protocol = OutboundKey::pack(vni, flow.protocol),
          .remote_ip = flow.destination.wire(),
          .remote_port = Be16(flow.destination_port),
          .source_port = Be16(flow.source_port)};
}
InboundKey inbound_key_of(const ExplainFlow& flow) {
  return {.protocol = flow.protocol,
          .remote_ip = flow.source.wire(),
          .remote_port = Be16(flow.source_port),
          .ignored = Be16(0),
          .egress_ip = flow.destination.wire(),
          .egress_port = Be16(flow.destination_port),
          .padding = 0};
}

}  // namespace

absl::StatusOr<TrialQuestion> Explanation::question(const ExplainGround& ground) {
  absl::StatusOr<ExplainWay> way = find_way(ground, question_);
  if (!way.ok()) return way.status();
  way_ = *way;
  flow_ = flow_of(question_, way_, source_port_);
  decision_ = {};
  TrialQuestion question;
  question.waiting = waiting_;
  if (flow_.protocol == kProtocolAh) return question;  // has no sessions
  if (!way_.is_outbound) {
    question.inbound = inbound_key_of(flow_);
    return question;
  }
  const uint32_t vni = way_.vni;
  question.outbound = outbound_key_of(flow_, vni);
  const bool draws_port = has_ports(flow_.protocol) || flow_.protocol == kProtocolIcmp;
  question.any_source_port = draws_port && !question_.source_port;
  if (way_.node == kNoNode) return question;
  const Flow flow{.source = flow_.source,
                  .destination = flow_.destination,
                  .source_port = flow_.source_port,
                  .destination_port = flow_.destination_port,
                  .protocol = flow_.protocol,
                  .vni = vni,
                  .node = way_.node};
  classify(ground.snapshot, {&flow, 1}, {&decision_, 1});
  question.name = decision_.namespace_index;
  if (decision_.allowed) add_remotes(ground, question);
  return question;
}

// Where a port might be asked for: of every address that the session may come to bear.
void Explanation::add_remotes(const ExplainGround& ground, TrialQuestion& question) const {
  const PolicyTable& policy = ground.snapshot.policy;
  const auto add = [&](uint32_t index) {
    const Range range = policy.policies[index].addresses;
    for (uint32_t i = 0; i < range.count; ++i) {
      const AddressSlot slot = policy.address_slots[range.first + i];
      question.remotes.push_back(InboundWords::of(flow_.protocol, decision_.remote.wire(),
                                                  Be16(decision_.remote_port),
                                                  policy.addresses[slot].address.wire()));
    }
  };
  add(decision_.policy);
  if (!policy.policies[decision_.policy].fall_back_to_node_ip) return;
  const uint32_t fallback = node_ip_policy(policy, decision_.namespace_index, way_.node);
  if (fallback != kNoEgressPolicy) add(fallback);
}

absl::StatusOr<Explanation::Progress> Explanation::take(const ExplainGround& ground,
                                                        const TrialQuestion& question,
                                                        const TrialFacts& facts) {
  if (takes_another_port(question, facts)) return Progress::kAnotherPort;
  made_ = make_packet(ground.snapshot, way_, flow_, facts.session);
  const std::optional<TrialOutcome> outcome =
      try_packet(ground.snapshot, made_.packet, question, facts, ground.pool);
  if (!outcome) {
    return absl::ResourceExhaustedError("no packet buffer is free; try again in a moment");
  }
  if (outcome->end == TrialOutcome::End::kHeld && !waiting_) {
    waiting_ = waiting_for(ground, *outcome);
    return Progress::kAskAgain;
  }
  const Explained explained{.ground = ground,
                            .way = way_,
                            .flow = flow_,
                            .source_port_given = question_.source_port.has_value(),
                            .made = made_,
                            .facts = facts,
                            .outcome = *outcome,
                            .decision = decision_};
  answer_ = ExplainSteps(explained).answer();
  return Progress::kAnswered;
}

// A packet without a given source port begins something: it is none of a session that is there.
bool Explanation::takes_another_port(const TrialQuestion& question, const TrialFacts& facts) {
  if (!question.any_source_port || facts.source_port == flow_.source_port) return false;
  source_port_ = facts.source_port;
  return true;
}

TrialQuestion::Waiting Explanation::waiting_for(const ExplainGround& ground,
                                                const TrialOutcome& outcome) const {
  const Ipv4Address next = way_.is_outbound ? Ipv4Address::from(outcome.session->entry.remote_ip)
                                            : ground.snapshot.nodes[outcome.meta.node].vtep;
  return {
      .key = {outcome.meta.out_port, next}, .slot = outcome.meta.next_hop, .meta = outcome.meta};
}

}  // namespace postern
