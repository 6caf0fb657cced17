#include "control/serve/names.h"

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <algorithm>

namespace postern {
namespace {

constexpr size_t kComplaints = 10;  // that are listed by name

std::string time_text(uint64_t unix_s) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(static_cast<int64_t>(unix_s)),
                          absl::UTCTimeZone());
}

}  // namespace

HostNames::HostNames(Parts parts) : parts_(std::move(parts)) {}

void HostNames::want(const std::set<std::string>& names) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (names.contains(entry->first)) {
      ++entry;
      continue;
    }
    due_.erase({entry->second.due_ms, entry->first});
    if (!entry->second.addresses.empty()) note_change();
    entry = entries_.erase(entry);  // an answer on its way finds nobody
  }
  for (const std::string& name : names) {
    const auto [entry, fresh] = entries_.try_emplace(name);
    if (fresh) schedule(name, entry->second, now_ms());
  }
}

void HostNames::retry() {
  for (auto& [name, entry] : entries_) {
    if (entry.failures > 0 && entry.question == 0) schedule(name, entry, now_ms());
  }
}

void HostNames::tick() {
  const uint64_t now = now_ms();
  while (!due_.empty() && due_.begin()->first <= now && in_flight_ < kInFlight &&
         budget_.take(now)) {
    const std::string name = due_.begin()->second;
    ask(name, entries_.at(name));
  }
  if (untold_ && now >= tell_at_ms_) tell();
}

void HostNames::schedule(const std::string& name, Entry& entry, uint64_t due_ms) {
  due_.erase({entry.due_ms, name});
  entry.due_ms = due_ms;
  due_.insert({due_ms, name});
}

void HostNames::ask(const std::string& name, Entry& entry) {
  due_.erase({entry.due_ms, name});
  entry.question = ++questions_;
  ++in_flight_;
  ++counts_.queries;
  parts_.queries->ask(name, [this, name, question = entry.question](NameAnswer answer) {
    take(name, question, std::move(answer));
  });
}

// An answer. Its name may have gone since it was asked for, and may have come back.
void HostNames::take(const std::string& name, uint64_t question, NameAnswer answer) {
  --in_flight_;
  if (answer.addresses.empty()) ++counts_.failures;
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second.question != question) return;
  Entry& entry = found->second;
  entry.question = 0;
  if (answer.addresses.empty()) return fail(name, entry, std::move(answer.why));
  succeed(name, entry, std::move(answer));
}

void HostNames::succeed(const std::string& name, Entry& entry, NameAnswer answer) {
  const uint64_t ttl_ms = uint64_t{std::clamp(answer.ttl_s, kShortestTtl_s, kLongestTtl_s)} * 1000;
  entry.failures = 0;
  entry.why.clear();
  entry.answered_ms = now_ms();
  schedule(name, entry, entry.answered_ms + ttl_ms - std::min<uint64_t>(ttl_ms / 10, kEarly_ms));
  // Servers rotate their answers: the order means nothing.
  auto& addresses = answer.addresses;
  if (addresses.size() > kMaxNameAddresses) addresses.resize(kMaxNameAddresses);
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  if (addresses == entry.addresses) return;
  entry.addresses = std::move(addresses);
  note_change();
}

void HostNames::fail(const std::string& name, Entry& entry, std::string why) {
  if (entry.failures == 0) entry.failing_since_unix_s = parts_.unix_s();
  const uint64_t retry_ms = uint64_t{kShortestRetry_ms} << std::min(entry.failures, 10u);
  ++entry.failures;
  entry.why = std::move(why);
  schedule(name, entry, now_ms() + std::min<uint64_t>(retry_ms, kLongestRetry_ms));
}

void HostNames::note_change() {
  if (untold_) return;
  untold_ = true;
  tell_at_ms_ = now_ms() + kGather_ms;
  if (told_at_ms_ != 0) tell_at_ms_ = std::max(tell_at_ms_, told_at_ms_ + kTellEvery_ms);
}

void HostNames::tell() {
  untold_ = false;
  told_at_ms_ = now_ms();
  auto resolved = std::make_shared<NameAddresses>();
  for (const auto& [name, entry] : entries_) {
    if (!entry.addresses.empty()) resolved->emplace_hint(resolved->end(), name, entry.addresses);
  }
  parts_.changed(std::move(resolved));
}

HostNames::View HostNames::view(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return {};
  const Entry& entry = found->second;
  View view{.addresses = entry.addresses, .failing = entry.failures > 0, .why = entry.why};
  if (!entry.addresses.empty()) view.age_s = (now_ms() - entry.answered_ms) / 1000;
  return view;
}

std::vector<std::string> HostNames::complaints() const {
  std::vector<std::string> texts;
  size_t more = 0;
  for (const auto& [name, entry] : entries_) {
    if (entry.failures == 0) continue;
    if (texts.size() == kComplaints) {
      ++more;
      continue;
    }
    const size_t count = entry.addresses.size();
    texts.push_back(absl::StrCat("the name ", name, " has not been resolved since ",
                                 time_text(entry.failing_since_unix_s), ": ", entry.why, "; ",
                                 count == 0
                                     ? "it has no address, what needs it is refused"
                                     : absl::StrCat("its last answer stays in use (", count,
                                                    count == 1 ? " address)" : " addresses)")));
  }
  if (more > 0) {
    texts.push_back(absl::StrCat(more, " more names are not resolved: check /etc/resolv.conf of ",
                                 "the gateway's host and the servers it names"));
  }
  return texts;
}

}  // namespace postern
