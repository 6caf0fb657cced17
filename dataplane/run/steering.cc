#include "dataplane/run/steering.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "dataplane/run/rss.h"
#include "dataplane/table/toeplitz.h"
#include "dataplane/wire/headers.h"

namespace postern {
namespace {

constexpr uint32_t kPortShift = 3;  // the eight ports of a block have one owner
constexpr uint64_t kPortFields = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP;

// Drivers that take a mask over a part of a port and then do not compare the port at all: a rule
// would send everything to one queue.
constexpr std::array<std::string_view, 2> kForgetMasks = {"net_i40e", "net_i40e_vf"};

// The queue that the owner of a shard polls, or one that spares nobody a handover.
uint16_t queue_of(const OwnerMap& owners, uint32_t shard, uint16_t queues) {
  return static_cast<uint16_t>(owners.worker_of(shard) % queues);
}

// How few of a shard's low bits tell its worker.
uint32_t telling_bits(const OwnerMap& owners) {
  for (uint32_t bits = 0; bits < owners.shard_bits(); ++bits) {
    bool tell = true;
    for (uint32_t shard = 0; shard < owners.shards() && tell; ++shard) {
      tell = owners.worker_of(shard) == owners.worker_of(shard & ((1U << bits) - 1));
    }
    if (tell) return bits;
  }
  return owners.shard_bits();
}

// Rules that bring the packets of a protocol to the owners of their destination ports.
std::vector<SteeringRule> shard_rules(const SteeringAbility& device, const SteeringNeeds& needs,
                                      uint8_t protocol) {
  const uint32_t values = 1U << telling_bits(*needs.owners);
  std::vector<SteeringRule> rules;
  for (uint32_t shard = 0; shard < values; ++shard) {
    const WorkerIndex worker = needs.owners->worker_of(shard);
    if (worker >= device.queues) continue;  // it polls none: let RSS spread them
    rules.push_back({.kind = SteeringRule::Kind::kShard,
                     .mac = needs.mac,
                     .vlan = needs.vlan,
                     .protocol = protocol,
                     .port = static_cast<uint16_t>(shard << kPortShift),
                     .port_mask = static_cast<uint16_t>((values - 1) << kPortShift),
                     .queue = worker});
  }
  return rules;
}

class Planning {
 public:
  Planning(const SteeringAbility& device, const SteeringNeeds& needs, const AcceptsRule& accepts)
      : device_(device), needs_(needs), accepts_(accepts) {}

  SteeringPlan plan() {
    const SteeringWay otherwise = rss_fields(device_.rss_fields, device_.queues) != 0
                                      ? SteeringWay::kRss
                                      : SteeringWay::kNone;
    plan_.tunnels = needs_.role == PortRole::kExternal ? SteeringWay::kNone : otherwise;
    plan_.replies = needs_.role == PortRole::kCluster ? SteeringWay::kNone : otherwise;
    if (device_.queues < 2 || needs_.owners->workers() < 2) return plan_;
    if (needs_.role != PortRole::kExternal) steer_tunnels();
    if (needs_.role != PortRole::kCluster) steer_replies();
    return plan_;
  }

 private:
  using Kind = SteeringRule::Kind;

  bool add(SteeringRule::Kind kind, const TunnelPackets& tunnel) {
    std::vector<SteeringRule> rule = {
        {.kind = kind, .tunnel = tunnel, .mac = needs_.mac, .vlan = needs_.vlan}};
    if (!takes(rule)) return false;
    plan_.rules.push_back(rule.front());
    return true;
  }

  // All of the rules as they are, or else all of them for frames to any MAC address.
  bool takes(std::vector<SteeringRule>& rules) const {
    const auto accepted = [this](const SteeringRule& rule) { return accepts_(plan_, rule); };
    if (std::ranges::all_of(rules, accepted)) return true;
    for (SteeringRule& rule : rules) rule.mac = {};
    return std::ranges::all_of(rules, accepted);
  }

  void steer_tunnels() {
    const OwnerMap& owners = *needs_.owners;
    const bool predicted = owners.toeplitz_key().has_value();
    if (predicted) {
      const auto& key = *owners.toeplitz_key();
      plan_.inner_key.assign(std::max<size_t>(device_.key_bytes, key.size()), 0);
      std::ranges::copy(key, plan_.inner_key.begin());
      for (uint32_t low = 0; low < owners.shards(); ++low) {
        plan_.inner_queues.push_back(
            queue_of(owners, reversed(low, owners.shard_bits()), device_.queues));
      }
    }
    for (const TunnelPackets& tunnel : needs_.tunnels) {
      if (std::ranges::find(known_, tunnel) != known_.end()) continue;
      known_.push_back(tunnel);
      if (predicted && add(Kind::kInnerRss, tunnel)) {
        plan_.tunnels = SteeringWay::kInnerRss;
        continue;
      }
      const char* type = tunnel.type == TunnelType::kVxlan ? "vxlan" : "geneve";
      plan_.left.push_back(std::string(type) + " to UDP port " + std::to_string(tunnel.udp_port));
      // Where replies arrive, too, their rules must not take tunnel packets.
      if (needs_.role == PortRole::kBoth) told_apart_ = add(Kind::kOuterRss, tunnel) && told_apart_;
    }
  }

  void steer_replies() {
    std::vector<SteeringRule> tcp = shard_rules(device_, needs_, kProtocolTcp);
    std::vector<SteeringRule> udp = shard_rules(device_, needs_, kProtocolUdp);
    const bool takes_tcp = takes_shard_rules(tcp);
    const bool takes_udp = told_apart_ && takes_shard_rules(udp);
    if (!(takes_tcp && takes_udp) && steer_by_key()) return;
    if (takes_tcp || takes_udp) plan_.replies = SteeringWay::kFlowRules;
    if (takes_tcp) {
      plan_.rules.insert(plan_.rules.end(), tcp.begin(), tcp.end());
    } else {
      plan_.left.emplace_back("TCP replies");
    }
    if (takes_udp) {
      plan_.rules.insert(plan_.rules.end(), udp.begin(), udp.end());
    } else {
      plan_.left.emplace_back("UDP replies");
      // They only kept tunnel packets out of rules that are not there.
      std::erase_if(plan_.rules, [](const auto& rule) { return rule.kind == Kind::kOuterRss; });
    }
  }

  bool takes_shard_rules(std::vector<SteeringRule>& rules) const {
    if (std::ranges::find(kForgetMasks, device_.driver) != kForgetMasks.end()) return false;
    return takes(rules);
  }

  bool steer_by_key() {
    const OwnerMap& owners = *needs_.owners;
    const uint32_t slots = device_.table_slots;
    if (needs_.role != PortRole::kExternal || device_.key_bytes < 40) return false;
    if ((device_.rss_fields & kPortFields) != kPortFields) return false;
    if (!std::has_single_bit(slots) || slots < OwnerMap::kMaxShards) return false;
    plan_.key = shard_key(device_.key_bytes);
    for (uint32_t slot = 0; slot < slots; ++slot) {
      // The hash's lowest bit is the shard's sixth.
      const uint32_t shard = reversed(slot & 63, 6) & (owners.shards() - 1);
      plan_.table.push_back(queue_of(owners, shard, device_.queues));
    }
    plan_.replies = SteeringWay::kShardRss;
    return true;
  }

  const SteeringAbility& device_;
  const SteeringNeeds& needs_;
  const AcceptsRule& accepts_;
  SteeringPlan plan_;
  std::vector<TunnelPackets> known_;
  bool told_apart_ = true;  // tunnel packets have rules of their own
};

}  // namespace

std::string_view name_of(SteeringWay way) {
  switch (way) {
    case SteeringWay::kNone:
      return "none";
    case SteeringWay::kRss:
      return "rss";
    case SteeringWay::kInnerRss:
      return "inner-rss";
    case SteeringWay::kFlowRules:
      return "flow-rules";
    case SteeringWay::kShardRss:
      return "shard-rss";
  }
  return "none";
}

SteeringPlan plan_steering(const SteeringAbility& device, const SteeringNeeds& needs,
                           const AcceptsRule& accepts) {
  return Planning(device, needs, accepts).plan();
}

std::string steering_text(const SteeringPlan& plan, PortRole role) {
  if (role == PortRole::kCluster) return std::string(name_of(plan.tunnels));
  std::string replies(name_of(plan.replies));
  if (role == PortRole::kExternal || plan.tunnels == plan.replies) return replies;
  return std::string(name_of(plan.tunnels)) + ", " + replies;
}

std::vector<uint8_t> shard_key(uint32_t key_bytes) {
  // Of the input (addresses 8 bytes, source port 2, destination port 2) the port's bit 8 is the
  // 88th on the wire. It shall be the last of the hash's 32.
  constexpr uint32_t kBit = 87 + 31;
  std::vector<uint8_t> key(key_bytes, 0);
  key[kBit / 8] = static_cast<uint8_t>(0x80 >> kBit % 8);
  return key;
}

}  // namespace postern
