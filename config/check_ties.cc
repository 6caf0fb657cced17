// No two egress_ips entries may tie (product.md, way 4): for a source that both name alike (both by
// pods, or both by namespace) and a destination that both match with their longest prefix at the
// same length, nothing would decide between them.
//
// Entries can tie only at a prefix that both list. So the prefixes that occur twice are found
// first; then, by namespace, the entries that share one; then, for pods, those whose pods overlap;
// and of these the pairs for which something of the prefix is left that neither a longer
// destination nor an `except` takes out.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "config/check_parts.h"
#include "config/form.h"

namespace postern::config {
namespace {

// An entry's claim to a prefix for a namespace.
struct Claim {
  uint32_t name_space;
  bool by_pods;
  Ipv4Prefix destination;
  uint32_t entry;

  [[nodiscard]] auto key() const { return std::tuple(name_space, by_pods, destination); }
};

// Whether a packet to somewhere in `at` may reach both entries with `at` as the longest match.
bool is_open(const EgressIp& a, const EgressIp& b, const Ipv4Prefix& at) {
  std::vector<Interval> taken;
  for (const EgressIp* entry : {&a, &b}) {
    for (const At<Ipv4Prefix>& longer : entry->destinations) {
      if (longer->length > at.length && at.contains(longer.value)) {
        taken.push_back(Interval::of(longer.value));
      }
    }
    for (const At<Ipv4Prefix>& except : entry->except) {
      if (at.contains(except.value)) taken.push_back(Interval::of(except.value));
    }
  }
  return !covers(joined(std::move(taken)), Interval::of(at));
}

class TieCheck {
 public:
  TieCheck(const Model& model, const Gaps& gaps, const Directory& directory, Report& report)
      : model_(model), gaps_(gaps), directory_(directory), report_(report) {}

  void run() {
    const std::vector<Claim> claims = collect();
    for (size_t begin = 0; begin < claims.size();) {
      size_t end = begin;
      while (end < claims.size() && claims[end].key() == claims[begin].key()) ++end;
      if (end - begin > 1)
        judge({claims.begin() + static_cast<ptrdiff_t>(begin),
               claims.begin() + static_cast<ptrdiff_t>(end)});
      begin = end;
    }
  }

 private:
  // Whether what the entry is for could not be read.
  [[nodiscard]] bool is_vague(const EgressIp& entry) const {
    return gaps_.unread.contains(&entry.pods) || gaps_.unread.contains(&entry.destinations) ||
           gaps_.unread.contains(&entry.except);
  }

  // The claims to prefixes that several entries list, sorted and each once.
  std::vector<Claim> collect() const {
    std::map<std::pair<bool, Ipv4Prefix>, size_t> listed;
    for (const EgressIp& entry : model_.egress_ips) {
      if (is_vague(entry)) continue;
      for (const At<Ipv4Prefix>& to : entry.destinations) {
        ++listed[{!entry.pods.empty(), to.value}];
      }
    }
    std::vector<Claim> claims;
    for (size_t i = 0; i < model_.egress_ips.size(); ++i) {
      const EgressIp& entry = model_.egress_ips[i];
      if (is_vague(entry)) continue;
      const bool by_pods = !entry.pods.empty();
      for (const At<Ipv4Prefix>& to : entry.destinations) {
        if (listed[{by_pods, to.value}] < 2) continue;
        for (const At<std::string>& name : entry.namespaces) {
          const auto index = directory_.name_space(name.value);
          if (!index) continue;
          claims.push_back(
              {static_cast<uint32_t>(*index), by_pods, to.value, static_cast<uint32_t>(i)});
        }
      }
    }
    const auto order = [](const Claim& c) { return std::tuple_cat(c.key(), std::tuple(c.entry)); };
    std::sort(claims.begin(), claims.end(),
              [&](const Claim& a, const Claim& b) { return order(a) < order(b); });
    claims.erase(std::unique(claims.begin(), claims.end(),
                             [&](const Claim& a, const Claim& b) { return order(a) == order(b); }),
                 claims.end());
    return claims;
  }

  // Claims of several entries to one prefix for one namespace.
  void judge(const std::vector<Claim>& claims) {
    if (claims.front().by_pods) return judge_pods(claims);
    for (size_t later = 1; later < claims.size(); ++later) {
      for (size_t earlier = 0; earlier < later; ++earlier) {
        if (complain(claims[earlier], claims[later])) break;
      }
    }
  }

  // Of entries that name pods, only those whose pods overlap can tie.
  void judge_pods(const std::vector<Claim>& claims) {
    struct Part {
      Interval interval;
      size_t claim;
    };
    std::vector<Part> parts;
    for (size_t i = 0; i < claims.size(); ++i) {
      for (const At<Ipv4Prefix>& pod : model_.egress_ips[claims[i].entry].pods) {
        parts.push_back({Interval::of(pod.value), i});
      }
    }
    std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
      return std::tuple(a.interval.first, ~a.interval.last, a.claim) <
             std::tuple(b.interval.first, ~b.interval.last, b.claim);
    });
    std::vector<Part> around;  // the prefixes that the current one lies in, the widest first
    for (const Part& part : parts) {
      while (!around.empty() && around.back().interval.last < part.interval.first) {
        around.pop_back();
      }
      for (const Part& outer : around) {
        if (outer.claim == part.claim) continue;
        const auto [earlier, later] = std::minmax(outer.claim, part.claim);
        if (complain(claims[earlier], claims[later])) break;
      }
      around.push_back(part);
    }
  }

  // Whether the two tie. Each pair of entries is reported once.
  bool complain(const Claim& a, const Claim& b) {
    const EgressIp& first = model_.egress_ips[a.entry];
    const EgressIp& second = model_.egress_ips[b.entry];
    if (!is_open(first, second, a.destination)) return false;
    if (!reported_.emplace(a.entry, b.entry).second) return true;
    const SourceLine line = second.line;
    report_.error(line, entry_path("egress_ips", second, b.entry),
                  "ties with " + entry_path("egress_ips", first, a.entry) + " on " +
                      report_.call(first.line, line) + ": both hold for " +
                      (a.by_pods ? "the same pods of namespace " : "namespace ") +
                      quoted(model_.namespaces[a.name_space].name.value) + " and destination " +
                      a.destination.text(),
                  "give one of them other destinations, an except, or pods");
    return true;
  }

  const Model& model_;
  const Gaps& gaps_;
  const Directory& directory_;
  Report& report_;
  std::set<std::pair<uint32_t, uint32_t>> reported_;
};

}  // namespace

void check_ties(const Model& model, const Gaps& gaps, const Directory& directory, Report& report) {
  TieCheck(model, gaps, directory, report).run();
}

}  // namespace postern::config
