// Every pod belongs to one namespace, every pod CIDR to one node, and pods have nodes.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "config/check_parts.h"
#include "config/form.h"

namespace postern::config {
namespace {

struct Pods {
  Network network;
  Interval interval;
  uint32_t name_space;  // index into Model::namespaces
  uint32_t pod;         // index into its pods
};

class PodCheck {
 public:
  PodCheck(const Model& model, Report& report) : model_(model), report_(report) {}

  // Reports every entry that lies inside another one, with the widest around it. Prefixes nest or
  // are apart, so that in sorted order the last one that reached furthest decides.
  template <typename Concerned>
  void find_overlaps(std::vector<Pods>& pods, Concerned concerned) {
    std::sort(pods.begin(), pods.end(), [](const Pods& a, const Pods& b) {
      const auto order = [](const Pods& p) {
        return std::tuple(p.network, p.interval.first, ~p.interval.last, p.name_space, p.pod);
      };
      return order(a) < order(b);
    });
    const Pods* widest = nullptr;
    for (const Pods& next : pods) {
      const bool apart = widest == nullptr || widest->network != next.network ||
                         next.interval.first > widest->interval.last;
      if (apart) {
        widest = &next;
      } else if (concerned(*widest, next)) {
        complain(*widest, next);
      }
    }
  }

 private:
  [[nodiscard]] const At<Ipv4Prefix>& prefix(const Pods& pods) const {
    return model_.namespaces[pods.name_space].pods[pods.pod];
  }

  void complain(const Pods& a, const Pods& b) {
    const auto place = [&](const Pods& p) {
      return std::tuple(prefix(p).line.file, prefix(p).line.line, p.name_space, p.pod);
    };
    const bool in_order = place(a) < place(b);
    const Pods& first = in_order ? a : b;
    const Pods& second = in_order ? b : a;
    const Namespace& owner = model_.namespaces[first.name_space];
    const std::string whose = first.name_space == second.name_space
                                  ? "of the same namespace"
                                  : "of namespace " + quoted(owner.name.value);
    const Namespace& late = model_.namespaces[second.name_space];
    report_.error(
        prefix(second).line,
        member_path(entry_path("namespaces", late, second.name_space), "pods", second.pod),
        prefix(second)->text() + " overlaps " + prefix(first)->text() + " " + whose + " on " +
            report_.call(prefix(first).line, prefix(second).line));
  }

  const Model& model_;
  Report& report_;
};

void append(std::vector<Pods>& out, Network network, const Namespace& name_space, size_t index) {
  for (size_t j = 0; j < name_space.pods.size(); ++j) {
    out.push_back({network, Interval::of(name_space.pods[j].value), static_cast<uint32_t>(index),
                   static_cast<uint32_t>(j)});
  }
}

void check_overlaps(const Model& model, const Directory& directory, Report& report) {
  PodCheck check(model, report);
  std::vector<Pods> pods;
  for (size_t i = 0; i < model.namespaces.size(); ++i) {
    const auto network = directory.network(model.namespaces[i]);
    if (network) append(pods, *network, model.namespaces[i], i);
  }
  check.find_overlaps(pods, [](const Pods&, const Pods&) { return true; });

  // In a tunnel with vni = "any", a namespace that names no VNI is in all of them.
  std::vector<Pods> wide;
  for (size_t i = 0; i < model.namespaces.size(); ++i) {
    const auto tunnel = directory.tunnel(model.namespaces[i].tunnel.value);
    if (!tunnel || model.tunnels[*tunnel].vni.value) continue;
    append(wide, network_of_tunnel(*tunnel), model.namespaces[i], i);
  }
  check.find_overlaps(wide, [&](const Pods& a, const Pods& b) {
    return model.namespaces[a.name_space].vni.has_value() !=
           model.namespaces[b.name_space].vni.has_value();
  });
}

// Nodes may nest: only the same prefix twice is refused.
void check_cidrs(const Model& model, const Directory& directory, Report& report) {
  struct First {
    size_t node;
    SourceLine line;
  };
  std::map<std::pair<Network, Ipv4Prefix>, First> first;
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    const auto network = directory.network(node);
    if (!network) continue;
    for (size_t j = 0; j < node.pod_cidrs.size(); ++j) {
      const At<Ipv4Prefix>& cidr = node.pod_cidrs[j];
      const auto [known, fresh] =
          first.try_emplace(std::pair(*network, cidr.value), First{i, cidr.line});
      if (fresh) continue;
      const std::string path = member_path(entry_path("nodes", node, i), "pod_cidrs", j);
      const std::string where = " on " + report.call(known->second.line, cidr.line);
      if (known->second.node == i) {
        report.warn(cidr.line, path, cidr->text() + " is listed twice, first" + where);
      } else {
        report.error(cidr.line, path,
                     cidr->text() + " belongs to node " +
                         quoted(model.nodes[known->second.node].name.value) + where);
      }
    }
  }
}

// Pods that no node can have send in vain: every packet of theirs is dropped. Said only where
// nothing else is wrong: a node that could not be read may be their home.
void check_homes(const Model& model, const Directory& directory, Report& report) {
  if (report.has_errors()) return;
  std::map<Network, std::vector<Interval>> nodes;
  for (const Node& node : model.nodes) {
    const auto network = directory.network(node);
    if (!network) continue;
    for (const At<Ipv4Prefix>& cidr : node.pod_cidrs) {
      nodes[*network].push_back(Interval::of(cidr.value));
    }
  }
  for (auto& [network, intervals] : nodes) intervals = joined(std::move(intervals));
  for (size_t i = 0; i < model.namespaces.size(); ++i) {
    const Namespace& name_space = model.namespaces[i];
    const auto tunnel = directory.tunnel(name_space.tunnel.value);
    if (!tunnel) continue;
    const auto& vni = model.tunnels[*tunnel].vni.value;
    const auto& homes = nodes[vni ? network_of_vni(*vni) : network_of_tunnel(*tunnel)];
    size_t homeless = 0;
    const At<Ipv4Prefix>* example = nullptr;
    for (const At<Ipv4Prefix>& pod : name_space.pods) {
      if (touches(homes, Interval::of(pod.value))) continue;
      ++homeless;
      if (example == nullptr) example = &pod;
    }
    if (homeless == 0) continue;
    report.warn(example->line, member_path(entry_path("namespaces", name_space, i), "pods"),
                std::to_string(homeless) + " of " + std::to_string(name_space.pods.size()) +
                    " outside of every node's pod_cidrs, first " + example->value.text());
  }
}

}  // namespace

void check_pods(const Model& model, const Directory& directory, Report& report) {
  check_overlaps(model, directory, report);
  check_cidrs(model, directory, report);
  check_homes(model, directory, report);
}

}  // namespace postern::config
