#include "dataplane/run/steering_device.h"

#include <rte_ethdev.h>
#include <rte_flow.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "dataplane/wire/headers.h"

namespace postern {
namespace {

constexpr uint64_t kPortFields = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP;

// A rule in the device's words. Its parts point to one another: it stays where it was made.
class FlowRule {
 public:
  FlowRule(const SteeringPlan& plan, const SteeringRule& rule, uint16_t queues) {
    attributes_.ingress = 1;
    attributes_.priority = rule.kind == SteeringRule::Kind::kShard ? 1 : 0;
    if (rule.mac.is_zero()) {
      match(RTE_FLOW_ITEM_TYPE_ETH, nullptr, nullptr);
    } else {
      std::ranges::copy(rule.mac.byte, std::begin(ethernet_.dst.addr_bytes));
      std::ranges::fill(ethernet_mask_.dst.addr_bytes, uint8_t{0xff});
      match(RTE_FLOW_ITEM_TYPE_ETH, &ethernet_, &ethernet_mask_);
    }
    if (rule.vlan != 0) {
      tag_.tci = Be16(rule.vlan).raw();
      tag_mask_.tci = Be16(0x0fff).raw();
      match(RTE_FLOW_ITEM_TYPE_VLAN, &tag_, &tag_mask_);
    }
    match(RTE_FLOW_ITEM_TYPE_IPV4, nullptr, nullptr);
    if (rule.kind == SteeringRule::Kind::kShard) {
      match_shard(rule);
    } else {
      match_tunnel(plan, rule, queues);
    }
    match(RTE_FLOW_ITEM_TYPE_END, nullptr, nullptr);
    actions_[1].type = RTE_FLOW_ACTION_TYPE_END;
  }
  FlowRule(const FlowRule&) = delete;
  FlowRule& operator=(const FlowRule&) = delete;

  [[nodiscard]] bool validate(uint16_t port_id) const {
    rte_flow_error error{};
    return rte_flow_validate(port_id, &attributes_, items_.data(), actions_.data(), &error) == 0;
  }
  // Null where the device refuses.
  [[nodiscard]] rte_flow* create(uint16_t port_id) const {
    rte_flow_error error{};
    return rte_flow_create(port_id, &attributes_, items_.data(), actions_.data(), &error);
  }

 private:
  void match(rte_flow_item_type type, const void* value, const void* mask) {
    items_[used_++] = {.type = type, .spec = value, .last = nullptr, .mask = mask};
  }

  void match_shard(const SteeringRule& rule) {
    if (rule.protocol == kProtocolTcp) {
      tcp_.hdr.dst_port = Be16(rule.port).raw();
      tcp_mask_.hdr.dst_port = Be16(rule.port_mask).raw();
      match(RTE_FLOW_ITEM_TYPE_TCP, &tcp_, &tcp_mask_);
    } else {
      match_udp(rule.port, rule.port_mask);
    }
    queue_.index = rule.queue;
    actions_[0] = {.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue_};
  }

  void match_tunnel(const SteeringPlan& plan, const SteeringRule& rule, uint16_t queues) {
    match_udp(rule.tunnel.udp_port, 0xffff);
    if (rule.kind == SteeringRule::Kind::kInnerRss) {
      match(rule.tunnel.type == TunnelType::kVxlan ? RTE_FLOW_ITEM_TYPE_VXLAN
                                                   : RTE_FLOW_ITEM_TYPE_GENEVE,
            nullptr, nullptr);
      rss_.func = RTE_ETH_HASH_FUNCTION_TOEPLITZ;
      rss_.level = 2;
      rss_.types = RTE_ETH_RSS_IPV4 | kPortFields;
      rss_.key_len = static_cast<uint32_t>(plan.inner_key.size());
      rss_.key = plan.inner_key.data();
      spread_over(plan.inner_queues);
    } else {
      rss_.func = RTE_ETH_HASH_FUNCTION_DEFAULT;
      rss_.level = 1;
      rss_.types = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP;
      all_queues_.resize(queues);
      std::iota(all_queues_.begin(), all_queues_.end(), uint16_t{0});
      spread_over(all_queues_);
    }
  }

  void match_udp(uint16_t port, uint16_t mask) {
    udp_.hdr.dst_port = Be16(port).raw();
    udp_mask_.hdr.dst_port = Be16(mask).raw();
    match(RTE_FLOW_ITEM_TYPE_UDP, &udp_, &udp_mask_);
  }

  void spread_over(const std::vector<uint16_t>& queues) {
    rss_.queue_num = static_cast<uint32_t>(queues.size());
    rss_.queue = queues.data();
    actions_[0] = {.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &rss_};
  }

  rte_flow_attr attributes_{};
  std::array<rte_flow_item, 6> items_{};
  std::array<rte_flow_action, 2> actions_{};
  size_t used_ = 0;
  rte_flow_item_eth ethernet_{};
  rte_flow_item_eth ethernet_mask_{};
  rte_flow_item_vlan tag_{};
  rte_flow_item_vlan tag_mask_{};
  rte_flow_item_tcp tcp_{};
  rte_flow_item_tcp tcp_mask_{};
  rte_flow_item_udp udp_{};
  rte_flow_item_udp udp_mask_{};
  rte_flow_action_queue queue_{};
  rte_flow_action_rss rss_{};
  std::vector<uint16_t> all_queues_;
};

bool set_redirection(uint16_t port_id, const std::vector<uint16_t>& table) {
  std::vector<rte_eth_rss_reta_entry64> groups((table.size() + RTE_ETH_RETA_GROUP_SIZE - 1) /
                                               RTE_ETH_RETA_GROUP_SIZE);
  for (size_t slot = 0; slot < table.size(); ++slot) {
    rte_eth_rss_reta_entry64& group = groups[slot / RTE_ETH_RETA_GROUP_SIZE];
    group.mask |= uint64_t{1} << slot % RTE_ETH_RETA_GROUP_SIZE;
    group.reta[slot % RTE_ETH_RETA_GROUP_SIZE] = table[slot];
  }
  return rte_eth_dev_rss_reta_update(port_id, groups.data(), static_cast<uint16_t>(table.size())) ==
         0;
}

// False where the device does not take it, or says afterwards that it has another one.
bool set_key(uint16_t port_id, std::vector<uint8_t> key) {
  const auto bytes = static_cast<uint8_t>(key.size());
  rte_eth_rss_conf wanted{};
  wanted.rss_key = key.data();
  wanted.rss_key_len = bytes;
  wanted.rss_hf = kPortFields;
  if (rte_eth_dev_rss_hash_update(port_id, &wanted) != 0) return false;
  std::vector<uint8_t> has(key.size());
  rte_eth_rss_conf now{};
  now.rss_key = has.data();
  now.rss_key_len = bytes;
  return rte_eth_dev_rss_hash_conf_get(port_id, &now) != 0 || has == key;
}

}  // namespace

bool validate_rule(uint16_t port_id, const SteeringPlan& plan, const SteeringRule& rule,
                   uint16_t queues) {
  return FlowRule(plan, rule, queues).validate(port_id);
}

SteeringAbility ability_of(uint16_t port_id, uint16_t queues) {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(port_id, &info) != 0) return {};
  return {.driver = info.driver_name,
          .rss_fields = info.flow_type_rss_offloads,
          // 40 is what drivers have that do not say it.
          .key_bytes = info.hash_key_size != 0 ? info.hash_key_size : uint32_t{40},
          .table_slots = info.reta_size,
          .queues = queues};
}

void SteeringDevice::steer(uint16_t port_id, uint16_t queues, const SteeringNeeds& needs) {
  remove();
  port_id_ = port_id;
  role_ = needs.role;
  SteeringAbility ability = ability_of(port_id, queues);
  std::vector<SteeringRule> refused;
  const AcceptsRule accepts = [&](const SteeringPlan& plan, const SteeringRule& rule) {
    return std::ranges::find(refused, rule) == refused.end() &&
           validate_rule(port_id, plan, rule, queues);
  };
  // Every turn asks for less.
  while (true) {
    plan_ = plan_steering(ability, needs, accepts);
    const SteeringRule* stuck = make_rules(queues);
    if (stuck != nullptr) {
      refused.push_back(*stuck);
    } else if (!set_table()) {
      ability.key_bytes = 0;
    } else {
      return;
    }
    remove();
  }
}

// Null: all of them, else the first one that the device does not make.
const SteeringRule* SteeringDevice::make_rules(uint16_t queues) {
  for (const SteeringRule& rule : plan_.rules) {
    rte_flow* flow = FlowRule(plan_, rule, queues).create(port_id_);
    if (flow == nullptr) return &rule;
    flows_.push_back(flow);
  }
  return nullptr;
}

bool SteeringDevice::set_table() const {
  if (plan_.key.empty()) return true;
  if (!set_redirection(port_id_, plan_.table)) return false;
  if (set_key(port_id_, plan_.key)) return true;
  const uint16_t queues = static_cast<uint16_t>(std::ranges::max(plan_.table) + 1);
  std::vector<uint16_t> even(plan_.table.size());
  for (size_t slot = 0; slot < even.size(); ++slot) {
    even[slot] = static_cast<uint16_t>(slot % queues);
  }
  set_redirection(port_id_, even);
  return false;
}

void SteeringDevice::remove() {
  while (!flows_.empty()) {
    rte_flow_error error{};
    rte_flow_destroy(port_id_, flows_.back(), &error);
    flows_.pop_back();
  }
}

}  // namespace postern
