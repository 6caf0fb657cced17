#include "control/methods/session_sums.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "control/methods/session_rows.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

const SessionSum& at(const std::vector<SessionSum>& sums, size_t index) {
  static const SessionSum nothing;
  return index < sums.size() ? sums[index] : nothing;
}

void add_at(std::vector<SessionSum>& sums, size_t index, const SessionTotals& totals) {
  if (index < sums.size()) sums[index].add(totals);
}

}  // namespace

void SessionSum::add(const SessionTotals& of_session) { add(SessionSum{1, of_session}); }

void SessionSum::add(const SessionSum& other) {
  sessions += other.sessions;
  totals.outbound_bytes += other.totals.outbound_bytes;
  totals.inbound_bytes += other.totals.inbound_bytes;
  totals.outbound_packets += other.totals.outbound_packets;
  totals.inbound_packets += other.totals.inbound_packets;
}

void SessionSum::put_into(nlohmann::json& row) const {
  row["sessions"] = sessions;
  row["packets"] = {{"out", totals.outbound_packets}, {"in", totals.inbound_packets}};
  row["bytes"] = {{"out", totals.outbound_bytes}, {"in", totals.inbound_bytes}};
}

SessionSums::SessionSums(const MethodContext& context)
    : namespaces_(context.gateway->names().namespaces.size()),
      nodes_(context.gateway->names().nodes.size()),
      ports_(context.gateway->snapshot().ports.size()),
      addresses_(context.gateway->snapshot().policy.addresses.size()),
      remotes_(addresses_.size()) {}

void SessionSums::add(const Snapshot& snapshot, const SessionCopy& copy) {
  const SessionEntry& entry = copy.entry;
  const SourceRecord source =
      snapshot.shared->source_records.load(entry.source_slot_epoch & 0xffffff);
  const SessionTotals sum = totals(entry, copy.cold);
  add_at(namespaces_, source.namespace_index, sum);
  add_at(nodes_, source.node, sum);
  if (source.node < snapshot.nodes.size()) add_at(ports_, snapshot.nodes[source.node].port, sum);
  const auto remote = Ipv4Address::from(entry.remote_ip);
  const Route* route = snapshot.external_routes.find(remote, Ipv4Address::from(entry.egress_ip));
  if (route != nullptr) add_at(ports_, route->port, sum);
  if (entry.address_slot >= addresses_.size()) return;
  addresses_[entry.address_slot].add(sum);
  if (is_other_protocol(entry.protocol())) return;  // uses no port
  ++remotes_[entry.address_slot][{remote, entry.remote_port.host(), entry.protocol()}];
}

const SessionSum& SessionSums::of_namespace(NamespaceIndex index) const {
  return at(namespaces_, index);
}
const SessionSum& SessionSums::of_node(NodeIndex index) const { return at(nodes_, index); }
const SessionSum& SessionSums::of_address(AddressSlot slot) const { return at(addresses_, slot); }
const SessionSum& SessionSums::of_port(size_t index) const { return at(ports_, index); }

std::vector<SessionSums::Fullness> SessionSums::fullest(std::span<const AddressSlot> slots,
                                                        size_t count) const {
  const auto is_fuller = [](const Fullness& a, const Fullness& b) {
    if (a.ports != b.ports) return a.ports > b.ports;
    if (a.remote.address != b.remote.address) return a.remote.address < b.remote.address;
    return a.remote.port < b.remote.port;
  };
  std::vector<Fullness> first;  // in order; there may be as many remotes as sessions
  for (const AddressSlot slot : slots) {
    if (slot >= remotes_.size()) continue;
    for (const auto& [remote, ports] : remotes_[slot]) {
      const Fullness each{remote, ports};
      if (first.size() == count && !is_fuller(each, first.back())) continue;
      if (first.size() == count) first.pop_back();
      first.insert(std::upper_bound(first.begin(), first.end(), each, is_fuller), each);
    }
  }
  return first;
}

void sum_sessions(const MethodContext& context, std::function<void(const SessionSums&)> done) {
  auto sums = std::make_shared<SessionSums>(context);
  read_serving(
      context,
      [sums](const Snapshot& snapshot, const SessionCopy& copy) { sums->add(snapshot, copy); },
      [sums, done = std::move(done)] { done(*sums); });
}

}  // namespace postern
