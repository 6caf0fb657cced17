#include "control/methods/session_top.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace postern {
namespace {

using nlohmann::json;
using Entry = std::pair<uint64_t, SessionSum>;

uint64_t bytes_of(const SessionSum& sum) {
  return sum.totals.outbound_bytes + sum.totals.inbound_bytes;
}

// The same order whatever order the sums are met in.
bool is_larger(const Entry& a, const Entry& b) {
  if (bytes_of(a.second) != bytes_of(b.second)) return bytes_of(a.second) > bytes_of(b.second);
  if (a.second.sessions != b.second.sessions) return a.second.sessions > b.second.sessions;
  return static_cast<uint32_t>(a.first) != static_cast<uint32_t>(b.first)
             ? static_cast<uint32_t>(a.first) < static_cast<uint32_t>(b.first)
             : a.first < b.first;
}

std::string namespace_name(const Names& names, uint32_t index) {
  return index < names.namespaces.size() ? names.namespaces[index] : std::string();
}

}  // namespace

std::optional<TopBy> top_by_named(std::string_view name) {
  if (name == "pods") return TopBy::kPods;
  if (name == "namespaces") return TopBy::kNamespaces;
  if (name == "destinations") return TopBy::kDestinations;
  if (name == "egress-ips") return TopBy::kEgressIps;
  return std::nullopt;
}

uint64_t SessionTop::key_of(const Snapshot& snapshot, const SessionCopy& copy) const {
  const SessionEntry& entry = copy.entry;
  const auto name_space = [&] {
    const uint32_t slot = entry.source_slot_epoch & 0xffffff;
    return uint64_t{snapshot.shared->source_records.load(slot).namespace_index} << 32;
  };
  switch (by_) {
    case TopBy::kPods:
      return name_space() | Ipv4Address::from(entry.source_ip).value;
    case TopBy::kNamespaces:
      return name_space();
    case TopBy::kDestinations:
      return Ipv4Address::from(outbound_key_of(entry, copy.cold).remote_ip).value;
    case TopBy::kEgressIps:
      return Ipv4Address::from(entry.egress_ip).value;
  }
  return 0;
}

void SessionTop::add(const Snapshot& snapshot, const SessionCopy& copy) {
  sums_[key_of(snapshot, copy)].add(totals(copy.entry, copy.cold));
  if (sums_.size() > most_sums_) give_up_half();
}

void SessionTop::give_up_half() {
  std::vector<Entry> all(sums_.begin(), sums_.end());
  const auto half = all.begin() + static_cast<ptrdiff_t>(all.size() / 2);
  std::nth_element(all.begin(), half, all.end(), is_larger);
  sums_ = Sums(all.begin(), half);
}

json SessionTop::rows(const Names& names, size_t limit) const {
  std::vector<Entry> all(sums_.begin(), sums_.end());
  const size_t shown = std::min(limit, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(shown), all.end(), is_larger);
  all.resize(shown);
  json rows = json::array();
  for (const auto& [key, sum] : all) {
    const auto name_space = static_cast<uint32_t>(key >> 32);
    json row = {{"key", by_ == TopBy::kNamespaces
                            ? namespace_name(names, name_space)
                            : Ipv4Address{static_cast<uint32_t>(key)}.text()}};
    if (by_ == TopBy::kPods) row["namespace"] = namespace_name(names, name_space);
    sum.put_into(row);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace postern
