#include "control/methods/session_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

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

std::string name_at(const std::vector<std::string>& names, uint32_t index) {
  return index < names.size() ? names[index] : std::string();
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
  const SourceSlot slot = snapshot.sources->find(entry.vni(), Ipv4Address::from(entry.source_ip));
  return slot != kNoSource &&
         records.load(slot).namespace_index == source_of(snapshot, entry).namespace_index;
}

json session_row(const Snapshot& snapshot, const Names& names, const SessionCopy& copy,
                 size_t worker) {
  const SessionEntry& entry = copy.entry;
  const SourceRecord source = source_of(snapshot, entry);
  const auto pod = Ipv4Address::from(entry.source_ip);
  const auto remote = Ipv4Address::from(entry.remote_ip);
  const bool router = (entry.flags & kSessionRouter) != 0;
  const auto asked = router ? Ipv4Address::from(copy.cold.original_ip) : remote;
  const uint16_t asked_port = router ? copy.cold.original_port.host() : entry.remote_port.host();
  const bool is_tcp = entry.protocol() == kProtocolTcp;
  const uint64_t now_s = copy.copied_at_ms / 1000;
  const uint32_t left_s = expires_in_s(entry, now_s);
  const uint32_t timeout = timeout_s(snapshot.timeouts, entry);
  const SessionTotals sum = totals(entry, copy.cold);
  const uint64_t age_ms = copy.copied_at_ms - std::min(copy.copied_at_ms, copy.cold.created_ms());
  return {{"namespace", name_at(names.namespaces, source.namespace_index)},
          {"protocol", protocol_name(entry.protocol())},
          {"state", is_tcp ? std::string_view(tcp_state_name(tcp_state(entry))) : "active"},
          {"original", endpoints(pod, entry.source_port.host(), asked, asked_port)},
          {"translated", endpoints(Ipv4Address::from(entry.egress_ip), entry.egress_port.host(),
                                   remote, entry.remote_port.host())},
          {"node", name_at(names.nodes, source.node)},
          {"worker", worker},
          {"age_s", age_ms / 1000},
          {"idle_s", timeout - std::min(timeout, left_s)},
          {"expires_in_s", left_s},
          {"packets", {{"out", sum.outbound_packets}, {"in", sum.inbound_packets}}},
          {"bytes", {{"out", sum.outbound_bytes}, {"in", sum.inbound_bytes}}}};
}

}  // namespace postern
