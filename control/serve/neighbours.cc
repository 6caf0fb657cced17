#include "control/serve/neighbours.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>

#include "control/serve/arp.h"

namespace postern {
namespace {

// After the n-th request, how long an answer is waited for: fast first, since a request is easily
// lost while links come up.
constexpr std::array<uint32_t, 4> kPatience_ms = {100, 300, 1000, 1000};
constexpr uint32_t kProbePatience_ms = 1000;
constexpr uint8_t kProbes = 5;
constexpr uint8_t kUnicastProbes = 2;  // the first ones; later ones find one that moved
constexpr uint32_t kRefreshSpread_ms = 5000;
constexpr size_t kComplaints = 8;
constexpr uint32_t kTryAgain_ms = 10;  // when a request could not be sent
constexpr size_t kDueAtOnce = 256;     // a tick and kind, so that the event loop is not held up

constexpr uint8_t kAnnouncements = 3;
constexpr std::array<uint32_t, kAnnouncements> kAnnouncementGap_ms = {0, 2000, 1000};  // by left
constexpr size_t kAnnouncementsAtOnce = 128;

}  // namespace

Neighbours::Neighbours(Loop* loop, NeighbourTable* table, FrameSender* sender,
                       std::vector<NeighbourPort> ports)
    : loop_(loop), table_(table), sender_(sender), ports_(std::move(ports)) {}

Neighbours::Entry* Neighbours::find(NeighbourKey key) {
  const auto found = entries_.find(key.packed());
  return found == entries_.end() ? nullptr : &found->second;
}

void Neighbours::published(const Snapshot& snapshot, std::span<const NextHop> next_hops) {
  own_.clear();
  snapshot.locals_by_address.for_each(
      [&](uint64_t key, uint64_t) { own_.insert(static_cast<uint32_t>(key)); });
  for (const NextHop& hop : next_hops) add_next_hop(hop);
  announce_new(snapshot);
  tick();
}

void Neighbours::add_next_hop(const NextHop& hop) {
  Entry* before = find(hop.key);
  if (before != nullptr && before->configured && before->slot == hop.slot) return;
  Entry entry{.key = hop.key, .slot = hop.slot, .configured = true};
  hop_keys_[hop.slot] = hop.key;
  if (before != nullptr) {  // met on the link before, or its old slot still cools
    const bool known = before->phase != Phase::kAsking && before->phase != Phase::kFailed;
    if (known) entry.mac = before->mac;
    schedule_of(*before).erase({before->due_ms, hop.key.packed()});
    if (!before->configured) {
      cool(before->slot);
      --on_link_;
    }
    *before = entry;
  }
  Entry& placed = before != nullptr ? *before : entries_[hop.key.packed()] = entry;
  table_->bind(hop.key, hop.slot);
  if (!placed.mac.is_zero()) {
    become_reachable(placed, placed.mac);
  } else {
    schedule(placed, now_ms());
  }
}

void Neighbours::forget(std::span<const NeighbourSlot> slots) {
  for (const NeighbourSlot slot : slots) {
    const auto found = hop_keys_.find(slot);
    if (found == hop_keys_.end()) continue;
    const NeighbourKey key = found->second;
    hop_keys_.erase(found);
    Entry* entry = find(key);
    if (entry != nullptr && entry->configured && entry->slot == slot) remove(key);
    table_->store(slot, {});  // as its next owner wants to find it
  }
}

void Neighbours::take(const Punt& punt) {
  switch (punt.kind) {
    case Punt::Kind::kResolve:
      resolve(punt.neighbour);
      break;
    case Punt::Kind::kHeard:
      hear(punt.neighbour, punt.mac);
      break;
  }
}

// Whether the address can be somebody on that port's link.
bool Neighbours::may_resolve(NeighbourKey key) const {
  if (key.port >= ports_.size() || own_.contains(key.address.value)) return false;
  for (const NeighbourPort::Address& own : ports_[key.port].addresses) {
    if (!own.subnet.contains(key.address)) continue;
    if (own.subnet.length >= 31) return true;  // RFC 3021: no network and broadcast address
    const uint32_t host = key.address.value & ~own.subnet.mask();
    return host != 0 && host != ~own.subnet.mask();
  }
  return false;
}

void Neighbours::resolve(NeighbourKey key) {
  if (Entry* entry = find(key); entry != nullptr) {
    if (entry->phase != Phase::kUnused) return;  // asked for, or bound since
    table_->bind(key, entry->slot);
    entry->lease_until_ms = now_ms() + kLease_ms;
    become_reachable(*entry, entry->mac);
    look_after(*entry);
    return;
  }
  if (!may_resolve(key) || on_link_slots_.available() == 0) return;
  const NeighbourSlot slot = on_link_slots_.peek(0);
  table_->store(slot, {});
  table_->bind(key, slot);
  on_link_slots_.take(1);
  ++on_link_;
  Entry& entry = entries_[key.packed()];
  entry = {.key = key, .slot = slot, .lease_until_ms = now_ms() + kLease_ms};
  schedule(entry, now_ms());
  do_all_due(on_link_due_, on_link_budget_);
}

void Neighbours::hear(NeighbourKey key, MacAddress mac) {
  Entry* entry = find(key);
  if (entry == nullptr || mac.is_multicast() || mac.is_zero()) return;
  if (mac == ports_[key.port].mac) return;  // our own words come back
  if (entry->phase == Phase::kUnused) {
    entry->mac = mac;
  } else if (may_move(*entry, mac)) {
    become_reachable(*entry, mac);
  }
}

// Whether the neighbour may be at that address from now on. Where it was at another one just before
// it is asked where it is when the new one has settled, and the answer counts.
bool Neighbours::may_move(Entry& entry, MacAddress mac) {
  if (entry.mac.is_zero() || mac == entry.mac) return true;
  const uint64_t now = now_ms();
  if (entry.moves != 0 && now < entry.moved_ms + kSettle_ms) {
    entry.phase = Phase::kProbing;
    entry.tries = kUnicastProbes;
    schedule(entry, entry.moved_ms + kSettle_ms);
    return false;
  }
  if (now >= entry.moved_ms + kRecently_ms) entry.moves = 0;
  entry.moves = static_cast<uint8_t>(std::min(entry.moves + 1, 255));
  entry.moved_ms = now;
  entry.mac_before = entry.mac;
  return true;
}

void Neighbours::become_reachable(Entry& entry, MacAddress mac) {
  entry.phase = Phase::kReachable;
  entry.mac = mac;
  entry.tries = 0;
  table_->store(entry.slot, {mac, NeighbourState::kReachable});
  const uint32_t spread = entry.slot * 2654435761u % kRefreshSpread_ms;  // not all at once
  schedule(entry, now_ms() + kRefresh_ms + spread);
}

Neighbours::Schedule& Neighbours::schedule_of(const Entry& entry) {
  return entry.configured ? hops_due_ : on_link_due_;
}

void Neighbours::schedule(Entry& entry, uint64_t due_ms) {
  schedule_of(entry).erase({entry.due_ms, entry.key.packed()});
  entry.due_ms = due_ms;
  schedule_of(entry).insert({due_ms, entry.key.packed()});
}

void Neighbours::tick() {
  do_all_due(hops_due_, hop_budget_);
  do_all_due(on_link_due_, on_link_budget_);
  reuse_cooled();
  send_announcements();
}

void Neighbours::do_all_due(const Schedule& schedule, RequestBudget& budget) {
  const uint64_t now = now_ms();
  for (size_t i = 0; i < kDueAtOnce && !schedule.empty(); ++i) {
    const auto [due, key] = *schedule.begin();
    if (due > now || !budget.has(now)) break;
    do_due(entries_.at(key));
  }
}

void Neighbours::do_due(Entry& entry) {
  switch (entry.phase) {
    case Phase::kAsking:
      return ask_on(entry, kPatience_ms.size());
    case Phase::kReachable:
      if (!entry.configured && now_ms() >= entry.lease_until_ms) return leave_unused(entry);
      return look_after(entry);
    case Phase::kProbing:
      return ask_on(entry, kProbes);
    case Phase::kFailed:
      if (!entry.configured) return remove(entry.key);
      schedule(entry, now_ms() + (ask(entry) ? kRetryFailed_ms : kTryAgain_ms));
      return;
    case Phase::kUnused:
      return remove(entry.key);
  }
}

// Asks a neighbour that is in use whether it is still there.
void Neighbours::look_after(Entry& entry) {
  entry.phase = Phase::kProbing;
  entry.tries = 0;
  ask_on(entry, kProbes);
}

// The next request of a row, or the end of it.
void Neighbours::ask_on(Entry& entry, uint8_t tries_max) {
  if (entry.tries >= tries_max) return fail(entry);
  if (!ask(entry)) return schedule(entry, now_ms() + kTryAgain_ms);
  const uint32_t patience =
      entry.phase == Phase::kProbing ? kProbePatience_ms : kPatience_ms[entry.tries];
  ++entry.tries;
  schedule(entry, now_ms() + patience);
}

void Neighbours::fail(Entry& entry) {
  entry.phase = Phase::kFailed;
  entry.tries = 0;
  entry.mac = {};
  table_->store(entry.slot, {{}, NeighbourState::kFailed});
  schedule(entry, now_ms() + (entry.configured ? kRetryFailed_ms : kForgetFailed_ms));
}

// No packet finds it any more. If one asks, it is taken up again at once; if none does for a while,
// nobody needs it. The slot keeps its MAC for those that found it just before.
void Neighbours::leave_unused(Entry& entry) {
  entry.phase = Phase::kUnused;
  table_->unbind(entry.key);
  schedule(entry, now_ms() + kRememberUnused_ms);
}

void Neighbours::remove(NeighbourKey key) {
  const auto found = entries_.find(key.packed());
  const Entry& entry = found->second;
  schedule_of(entry).erase({entry.due_ms, key.packed()});
  if (table_->find(key) == entry.slot) table_->unbind(key);
  if (!entry.configured) {
    cool(entry.slot);
    --on_link_;
  }
  entries_.erase(found);
}

bool Neighbours::ask(const Entry& entry) {
  RequestBudget& budget = entry.configured ? hop_budget_ : on_link_budget_;
  if (!budget.take(now_ms())) return false;
  const NeighbourPort& port = ports_[entry.key.port];
  Ipv4Address sender;
  if (!port.addresses.empty()) sender = port.addresses[0].address;
  if (!port.external) {
    for (const NeighbourPort::Address& own : port.addresses) {
      if (own.subnet.contains(entry.key.address)) sender = own.address;
    }
  }
  const bool unicast = entry.phase == Phase::kProbing && entry.tries < kUnicastProbes;
  const ArpFrame frame = arp_request(port.mac, sender, entry.key.address,
                                     unicast ? entry.mac : MacAddress::broadcast());
  return sender_->send(entry.key.port, frame);
}

void Neighbours::cool(NeighbourSlot slot) { cooling_.emplace_back(now_ms() + kCool_ms, slot); }

void Neighbours::reuse_cooled() {
  while (!cooling_.empty() && cooling_.front().first <= now_ms()) {
    on_link_slots_.release(cooling_.front().second);
    cooling_.pop_front();
  }
}

// Every address that the gateway answers for, on every port where it does, is announced once when
// it appears there.
void Neighbours::announce_new(const Snapshot& snapshot) {
  Announced current;
  snapshot.locals_by_address.for_each([&](uint64_t key, uint64_t index) {
    const Ipv4Address address{static_cast<uint32_t>(key)};
    for (size_t port = 0; port < ports_.size(); ++port) {
      if ((snapshot.locals[index].ports >> port & 1) == 0) continue;
      current.emplace(address, static_cast<uint16_t>(port));
    }
  });
  for (const auto& [address, port] : current) {
    if (announced_.contains({address, port})) continue;
    announcements_.push_back({address, port, kAnnouncements, now_ms()});
  }
  announced_ = std::move(current);
}

void Neighbours::link_up(uint16_t port) {
  const uint64_t now = now_ms();
  for (auto& [packed, entry] : entries_) {
    if (entry.key.port != port || entry.phase == Phase::kUnused) continue;
    if (entry.phase == Phase::kReachable) entry.phase = Phase::kProbing;
    entry.tries = 0;
    // Those that failed on the link stay failed until they are forgotten, which they are soon.
    if (entry.configured || entry.phase != Phase::kFailed) schedule(entry, now);
  }
  std::erase_if(announcements_, [&](const Announcement& each) { return each.port == port; });
  for (const auto& [address, at] : announced_) {
    if (at == port) announcements_.push_back({address, at, kAnnouncements, now});
  }
}

void Neighbours::send_announcements() {
  const uint64_t now = now_ms();
  size_t room = kAnnouncementsAtOnce;
  for (Announcement& each : announcements_) {
    if (each.due_ms > now) continue;
    if (room-- == 0) break;
    if (!announced_.contains({each.address, each.port})) {  // gone since
      each.left = 0;
      continue;
    }
    if (!sender_->send(each.port, arp_announcement(ports_[each.port].mac, each.address))) break;
    --each.left;
    each.due_ms = now + kAnnouncementGap_ms[each.left];
  }
  std::erase_if(announcements_, [](const Announcement& each) { return each.left == 0; });
}

std::vector<std::string> Neighbours::complaints() const {
  std::vector<std::string> texts;
  for (const auto& [packed, entry] : entries_) {
    if (std::string text = complaint(entry); !text.empty()) texts.push_back(std::move(text));
  }
  std::sort(texts.begin(), texts.end());
  if (texts.size() > kComplaints) {
    const size_t more = texts.size() - kComplaints;
    texts.resize(kComplaints);
    texts.push_back(absl::StrCat("... and ", more, " more next hops like these"));
  }
  return texts;
}

std::string Neighbours::complaint(const Entry& entry) const {
  if (!entry.configured) return "";
  const std::string who = absl::StrCat("the next hop ", entry.key.address.text(), " on port ",
                                       ports_[entry.key.port].name);
  if (entry.phase == Phase::kFailed) {
    return absl::StrCat(who, " does not answer ARP: check that it is up and on that link");
  }
  if (entry.moves < kManyMoves || now_ms() >= entry.moved_ms + kRecently_ms) return "";
  return absl::StrCat(who, " is claimed by ", entry.mac_before.text(), " and ", entry.mac.text(),
                      " in turn: check that only one device has that address");
}

}  // namespace postern
