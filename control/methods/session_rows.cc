#include "control/methods/session_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "control/methods/session_reader.h"
#include "dataplane/table/tcp_state.h"

namespace postern {
namespace {

using nlohmann::json;

constexpr uint8_t kProtocolIcmpV6 = 58;

SourceRecord source_of(const Snapshot& snapshot, const SessionEntry& entry) {
  return snapshot.shared->source_records.load(entry.source_slot_epoch & 0xffffff);
}

uint32_t timeout_s(const SessionTimeouts& timeouts, const SessionEntry& entry) {
  switch (entry.protocol()) {
    case kProtocolTcp:
      return tcp_state(entry) == TcpState::kEstablished ? timeouts.tcp_established_s
                                                        : timeouts.tcp_transitory_s;
    case kProtocolUdp:
      return timeouts.udp_s;
    case kProtocolIcmp:
      return timeouts.icmp_s;
    default:
      return timeouts.other_s;
  }
}

// Seconds until the session ends if no packet comes: 16 bits of the second after which it does.
uint32_t expires_in_s(const SessionEntry& entry, uint64_t now_s) {
  const auto left = static_cast<uint16_t>(entry.expires_s - now_s - 1);
  return left > kMaxSessionTimeout_s ? 0 : left;
}

json endpoints(Ipv4Address source, uint16_t source_port, Ipv4Address destination,
               uint16_t destination_port) {
  return {{"src", source.text()},
          {"sport", source_port},
          {"dst", destination.text()},
          {"dport", destination_port}};
}

std::string_view name_at(const std::vector<std::string>& names, uint32_t index) {
  return index < names.size() ? std::string_view(names[index]) : std::string_view();
}

std::string_view state_of(const SessionEntry& entry) {
  return entry.protocol() == kProtocolTcp ? tcp_state_name(tcp_state(entry)) : "active";
}

}  // namespace

std::string protocol_name(uint8_t protocol) {
  switch (protocol) {
    case kProtocolTcp:
      return "tcp";
    case kProtocolUdp:
      return "udp";
    case kProtocolIcmp:
      return "icmp";
    case kProtocolIcmpV6:
      return "icmp6";
    default:
      return std::to_string(protocol);
  }
}

bool session_serves(const Snapshot& snapshot, const SessionEntry& entry) {
  const auto& addresses = snapshot.policy.addresses;
  if (entry.address_slot >= addresses.size()) return false;
  if (addresses[entry.address_slot].epoch != entry.address_epoch) return false;
  const SourceRecords& records = snapshot.shared->source_records;
  if (records.is_current(entry.source_slot_epoch)) return true;
  // The record was replaced: the session goes on if the pod is still the namespace's.
  const SourceSlot slot = snapshot.find_source_again(
      entry.source_slot_epoch & 0xffffff, entry.vni(), Ipv4Address::from(entry.source_ip));
  return slot != kNoSource &&
         records.load(slot).namespace_index == source_of(snapshot, entry).namespace_index;
}

void read_serving(const MethodContext& context,
                  std::function<void(const Snapshot& snapshot, const SessionCopy& copy)> visit,
                  std::function<void()> done) {
  read_sessions(
      context, {}, kSessionsAtOnce,
      [&context, visit = std::move(visit)](const SessionCopy& copy, size_t) {
        const Snapshot& snapshot = context.gateway->snapshot();
        if (session_serves(snapshot, copy.entry)) visit(snapshot, copy);
        return Reading::kGoOn;
      },
      [done = std::move(done)](std::optional<SessionPlace>) { done(); });
}

SessionFacts session_facts(const Snapshot& snapshot, const Names& names, const SessionCopy& copy) {
  const SessionEntry& entry = copy.entry;
  const SourceRecord source = source_of(snapshot, entry);
  const OutboundKey asked = outbound_key_of(entry, copy.cold);
  return {.name_space = name_at(names.namespaces, source.namespace_index),
          .node = name_at(names.nodes, source.node),
          .state = state_of(entry),
          .protocol = entry.protocol(),
          .source = Ipv4Address::from(asked.source_ip),
          .destination = Ipv4Address::from(asked.remote_ip),
          .egress = Ipv4Address::from(entry.egress_ip),
          .source_port = asked.source_port.host(),
          .destination_port = asked.remote_port.host(),
          .egress_port = entry.egress_port.host()};
}

json session_row(const Snapshot& snapshot, const Names& names, const SessionCopy& copy,
                 size_t worker) {
  const SessionEntry& entry = copy.entry;
  const SessionFacts facts = session_facts(snapshot, names, copy);
  const uint64_t now_s = copy.copied_at_ms / 1000;
  const uint32_t left_s = expires_in_s(entry, now_s);
  const uint32_t timeout = timeout_s(snapshot.timeouts, entry);
  const SessionTotals sum = totals(entry, copy.cold);
  const uint64_t age_ms = copy.copied_at_ms - std::min(copy.copied_at_ms, copy.cold.created_ms());
  return {{"namespace", facts.name_space},
          {"protocol", protocol_name(facts.protocol)},
          {"state", facts.state},
          {"original",
           endpoints(facts.source, facts.source_port, facts.destination, facts.destination_port)},
          {"translated", endpoints(facts.egress, facts.egress_port,
                                   Ipv4Address::from(entry.remote_ip), entry.remote_port.host())},
          {"node", facts.node},
          {"worker", worker},
          {"age_s", age_ms / 1000},
          {"idle_s", timeout - std::min(timeout, left_s)},
          {"expires_in_s", left_s},
          {"packets", {{"out", sum.outbound_packets}, {"in", sum.inbound_packets}}},
          {"bytes", {{"out", sum.outbound_bytes}, {"in", sum.inbound_bytes}}}};
}

}  // namespace postern
