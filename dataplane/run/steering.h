// How a port's device is made to bring packets to their owners' queues: what to ask it for, by what
// it says that it can do. Pure; any thread. steering_device.h asks it.
//
// A packet's owner follows from the packet (table/owner_map.h), by a shard of 64 or fewer:
//
//   tunnel packets   RSS over the inner addresses and ports, with the owners' own Toeplitz key and
//                    a queue for every value of the hash's lowest bits. Needs a device that hashes
//                    inner headers, and owners that go by Toeplitz.
//   replies          the shard is a few bits of the destination port. Flow rules that compare just
//                    these bits, one for each of their values; or, on a port that takes nothing but
//                    replies, RSS with a key that carries these bits into the redirection table and
//                    nothing else (shard_key()).
//
// Both are exact for TCP and UDP. Whatever the device cannot or will not do is left to ordinary RSS
// and to the handover between workers, as are fragments and ICMP. Correctness never rests on the
// device: workers look whose every packet is.
#ifndef POSTERN_DATAPLANE_RUN_STEERING_H_
#define POSTERN_DATAPLANE_RUN_STEERING_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/table/owner_map.h"
#include "dataplane/table/snapshot.h"

namespace postern {

// What a device says of itself (rte_eth_dev_info), and how it was configured.
struct SteeringAbility {
  std::string driver;
  uint64_t rss_fields = 0;   // RTE_ETH_RSS_* that it offers
  uint32_t key_bytes = 0;    // of its hash key
  uint32_t table_slots = 0;  // of its redirection table
  uint16_t queues = 1;       // receive queues that it has now
};

// Tunnel packets as they are told from others: by the UDP port that they come to.
struct TunnelPackets {
  TunnelType type = TunnelType::kVxlan;
  uint16_t udp_port = 0;
  bool operator==(const TunnelPackets&) const = default;
};

// What a port is for.
struct SteeringNeeds {
  const OwnerMap* owners = nullptr;
  PortRole role = PortRole::kCluster;
  uint16_t vlan = 0;  // of its frames; 0: they are untagged
  MacAddress mac;     // the port's
  std::vector<TunnelPackets> tunnels;
};

// One rule for the device. Those of tunnels come before those of shards, which otherwise match
// tunnel packets, too: they are made with the higher priority.
struct SteeringRule {
  enum class Kind : uint8_t {
    kInnerRss,  // tunnel packets, by their inner headers, over the plan's `inner_queues`
    kOuterRss,  // tunnel packets, by their outer headers, over all queues
    kShard      // of `protocol`, with a destination port whose bits in `port_mask` are `port`
  };
  Kind kind = Kind::kShard;
  TunnelPackets tunnel = {};
  MacAddress mac = {};  // to which the frame is sent; zero: any, where the device takes no other
  uint16_t vlan = 0;
  uint8_t protocol = 0;  // TCP or UDP
  uint16_t port = 0;
  uint16_t port_mask = 0;
  uint16_t queue = 0;
  bool operator==(const SteeringRule&) const = default;
};

// How packets get to queues.
enum class SteeringWay : uint8_t {
  kNone,       // there is one queue, or the device does as it likes
  kRss,        // spread by their outer headers
  kInnerRss,   // to their owners, by RSS over inner headers
  kFlowRules,  // to their owners, by rules on the shard's bits of the port
  kShardRss    // to their owners, by RSS over these bits
};
std::string_view name_of(SteeringWay way);  // "none" "rss" "inner-rss" "flow-rules" "shard-rss"

struct SteeringPlan {
  SteeringWay tunnels = SteeringWay::kNone;  // where the port takes tunnel packets
  SteeringWay replies = SteeringWay::kNone;  // where it takes replies
  std::vector<SteeringRule> rules;           // in the order in which they are made
  std::vector<uint8_t> inner_key;            // of kInnerRss
  std::vector<uint16_t> inner_queues;        // by the lowest bits of its hash
  std::vector<uint8_t> key;                  // kShardRss: the device's, for TCP and UDP
  std::vector<uint16_t> table;               // and its redirection table
  // What stays to be handed over from worker to worker, each a few words for the operator.
  std::vector<std::string> left;
};

// Whether the device takes a rule (rte_flow_validate).
using AcceptsRule = std::function<bool(const SteeringPlan&, const SteeringRule&)>;

[[nodiscard]] SteeringPlan plan_steering(const SteeringAbility& device, const SteeringNeeds& needs,
                                         const AcceptsRule& accepts);

// The ways of a plan for a port of this role in one word, or in two: "inner-rss, flow-rules".
[[nodiscard]] std::string steering_text(const SteeringPlan& plan, PortRole role);

// A Toeplitz key of so many bytes by which the hash of an IPv4 packet with ports has bits 3 to 8 of
// its destination port as its lowest six, in the opposite order. One bit of the key is set: it
// moves the input as it is, and the hash's bits are 32 neighbouring ones of the input.
[[nodiscard]] std::vector<uint8_t> shard_key(uint32_t key_bytes);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_STEERING_H_
