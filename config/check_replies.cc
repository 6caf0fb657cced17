// Whether replies to the addresses that sessions get come back to the gateway.
#include <algorithm>
#include <optional>

#include "config/check_parts.h"

namespace postern::config {
namespace {

// Prefixes whose packets the network takes elsewhere.
struct Elsewhere {
  const At<Ipv4Prefix>* prefix;
  std::string path;
};

class Replies {
 public:
  Replies(const Model& model, Report& report) : report_(report) {
    std::vector<Interval> all;
    const auto take = [&](const ListOf<Ipv4Prefix>& list, const std::string& owner, const char* key,
                          std::vector<Elsewhere>& to) {
      for (size_t i = 0; i < list.size(); ++i) {
        all.push_back(Interval::of(list[i].value));
        to.push_back({&list[i], member_path(owner, key, i)});
      }
    };
    for (size_t i = 0; i < model.nodes.size(); ++i) {
      take(model.nodes[i].pod_cidrs, entry_path("nodes", model.nodes[i], i), "pod_cidrs", pods_);
    }
    take(model.cluster.no_snat, "cluster", "no_snat", cluster_);
    all_ = joined(std::move(all));
    for (const Port& port : model.ports) {
      if (port.role.value == PortRole::kCluster) continue;
      for (const At<PortAddress>& own : port.addresses) beside_.push_back(own->subnet());
    }
  }

  void judge(const At<Ipv4Address>& address, const std::string& path) {
    if (address->value == 0 || !touches(all_, {address->value, address->value})) return;
    const Elsewhere* found = find(pods_, address);
    // In the subnet of an external port, the gateway itself answers for the address.
    if (found == nullptr && !is_beside(address)) found = find(cluster_, address);
    if (found == nullptr) return;
    report_.warn(address.line, path,
                 address->text() + " is inside " + found->prefix->value.text() + ", " +
                     found->path + " on " + report_.call(found->prefix->line, address.line) +
                     ": replies to it stay inside the cluster",
                 "use an address that the network outside routes to the gateway");
  }

 private:
  static const Elsewhere* find(const std::vector<Elsewhere>& list, Ipv4Address address) {
    const auto found =
        std::find_if(list.begin(), list.end(), [address](const Elsewhere& elsewhere) {
          return elsewhere.prefix->value.contains(address);
        });
    return found != list.end() ? &*found : nullptr;
  }
  [[nodiscard]] bool is_beside(Ipv4Address address) const {
    return std::any_of(beside_.begin(), beside_.end(),
                       [address](const Ipv4Prefix& subnet) { return subnet.contains(address); });
  }

  Report& report_;
  std::vector<Elsewhere> pods_;
  std::vector<Elsewhere> cluster_;
  std::vector<Interval> all_;
  std::vector<Ipv4Prefix> beside_;
};

}  // namespace

void check_replies(const Model& model, Report& report) {
  Replies replies(model, report);
  const auto judge_all = [&](const ListOf<Ipv4Address>& list, const std::string& owner) {
    for (size_t i = 0; i < list.size(); ++i) {
      replies.judge(list[i], member_path(owner, "addresses", i));
    }
  };
  for (size_t i = 0; i < model.egress_ips.size(); ++i) {
    judge_all(model.egress_ips[i].addresses, entry_path("egress_ips", model.egress_ips[i], i));
  }
  judge_all(model.node_ip.addresses, "node_ip");
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    if (!node.external_ip) continue;
    replies.judge(*node.external_ip, member_path(entry_path("nodes", node, i), "external_ip"));
  }
  for (size_t i = 0; i < model.egress_routers.size(); ++i) {
    const EgressRouter& router = model.egress_routers[i];
    replies.judge(router.source, member_path(entry_path("egress_routers", router, i), "source"));
  }
}

}  // namespace postern::config
