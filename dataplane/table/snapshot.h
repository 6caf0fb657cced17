// The tables that workers read: one immutable value, built aside by the control thread, published
// by swapping one pointer, freed when every worker has passed to a later one.
//
// Four things are shared between snapshots and written in place because they change with every
// pod or packet: source records (one 64-bit word each), the map that finds them, neighbours (like
// the records), and what nodes' packets taught us of their MAC addresses. A change of pods is
// written there and needs no new snapshot, only a new generation. Everything else is rebuilt for
// each change.
#ifndef POSTERN_DATAPLANE_TABLE_SNAPSHOT_H_
#define POSTERN_DATAPLANE_TABLE_SNAPSHOT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/table/address_drains.h"
#include "dataplane/table/flat_map.h"
#include "dataplane/table/fragment_table.h"
#include "dataplane/table/limits.h"
#include "dataplane/table/neighbour.h"
#include "dataplane/table/policy.h"
#include "dataplane/table/port_forms.h"
#include "dataplane/table/prefix_set.h"
#include "dataplane/table/resolved_names.h"
#include "dataplane/table/router_table.h"
#include "dataplane/table/routes.h"
#include "dataplane/table/source_table.h"
#include "dataplane/wire/address.h"
#include "dataplane/wire/headers.h"

namespace postern {

enum class PortRole : uint8_t { kCluster, kExternal, kBoth };

struct PortEntry {
  uint16_t device = 0;  // DPDK port id
  PortRole role = PortRole::kCluster;
  MacAddress mac;
  uint32_t mtu_bytes = 1500;  // IP bytes
  uint16_t vlan = 0;          // of its frames; 0: they are untagged
  bool device_tags = false;   // its device puts tags on
  bool device_sums = false;   // its device judges checksums of what it receives
  Ipv4Address first_address;  // source of the gateway's own ICMP towards the outside
  bool has_address = false;

  [[nodiscard]] bool takes_tunnels() const { return role != PortRole::kExternal; }
  [[nodiscard]] bool takes_replies() const { return role != PortRole::kCluster; }
};

// What an address of the gateway is. Several may be true (a tunnel's local is often also the
// port's own address).
struct LocalAddress {
  static constexpr uint8_t kInterface = 1;  // of a port: ARP, echo
  static constexpr uint8_t kVtep = 2;       // of a tunnel: ARP, echo, tunnel packets
  static constexpr uint8_t kEgress = 4;     // of a policy: ARP, inbound sessions
  uint8_t kinds = 0;
  // Ports on which ARP for the address is answered, a bit each (64 at most). An egress address
  // is answered on external ports, the others on their own port.
  uint64_t ports = 0;
  AddressSlot slot = kNoAddress;  // of an egress address
};

enum class TunnelType : uint8_t { kVxlan, kGeneve };

struct TunnelEntry {
  TunnelType type = TunnelType::kVxlan;
  Ipv4Address local;
  uint16_t udp_port = 0;
  NetworkId network = 0;                     // of its packets; fixed or wide
  uint32_t vni = 0;                          // of a fixed one
  uint64_t ports = 0;                        // on which its packets are taken, a bit each
  MacAddress inner_mac;                      // source of replies
  std::vector<Ipv4Address> inner_addresses;  // answered for ARP inside the tunnel
};

struct NodeEntry {
  uint32_t tunnel = 0;  // index into Snapshot::tunnels
  Ipv4Address vtep;
  uint16_t port = 0;                      // by which the VTEP is reached
  NeighbourSlot next_hop = kNoNeighbour;  // kNoNeighbour: no route to it
  bool in_use = false;
  uint16_t mss_bytes = 0;     // MSS clamp for its pods; 0: none
  MacAddress configured_mac;  // zero: learned
  // More than the template: options, or a VNI that is the session's.
  bool is_special = false;
  bool takes_any_vni = false;
  uint8_t option_bytes = 0;  // of Geneve: at `options_at` in Snapshot::geneve_options
  uint32_t options_at = 0;
  uint32_t outer_ip_sum = 0;  // of the encapsulation's IP header (checksum.h), folded
  // The whole encapsulation but what differs by packet: both destination MACs, outer length, TOS,
  // IP checksum and UDP source port and length, which are zero, and what `is_special` says.
  TunnelEncapsulation encapsulation;

  // What the tunnel adds to an inner IP packet, in IP bytes.
  [[nodiscard]] uint32_t overhead_bytes() const { return kTunnelIpv4OverheadBytes + option_bytes; }
};

// Timeouts of config.md `sessions`, in seconds.
struct SessionTimeouts {
  uint32_t tcp_established_s = 7440;
  uint32_t tcp_transitory_s = 240;
  uint32_t udp_s = 300;
  uint32_t icmp_s = 60;
  uint32_t other_s = 300;
  uint32_t port_hold_s = 60;  // `sessions.port_hold`
};

// Inner MAC addresses of nodes as last seen in their packets, by NodeIndex; zero: nothing seen.
// Written by workers (every one stores the same), read by workers.
class NodeMacs {
 public:
  explicit NodeMacs(uint32_t capacity) : words_(capacity) {}
  [[nodiscard]] uint64_t load(NodeIndex node) const {
    return words_[node].load(std::memory_order_relaxed);
  }
  // No host has a multicast address or none (IEEE 802): whoever sends so teaches nothing, or the
  // replies for all pods of the node would be flooded inside the overlay.
  void learn(NodeIndex node, const MacAddress& mac) {
    const uint64_t packed = mac.packed();
    if (load(node) == packed) [[likely]]
      return;
    if (!mac.is_multicast() && packed != 0) {
      words_[node].store(packed, std::memory_order_relaxed);
    }
  }
  // Control thread, for an index that no worker knows yet.
  void forget(NodeIndex node) { words_[node].store(0, std::memory_order_relaxed); }

 private:
  std::vector<std::atomic<uint64_t>> words_;
};

// What lives as long as the gateway and is shared by all snapshots.
struct SharedTables {
  SharedTables(uint32_t sources, uint32_t neighbours_max, uint32_t nodes, uint64_t seed)
      : source_records(sources), neighbours(neighbours_max, seed), node_macs(nodes) {}
  SourceRecords source_records;
  NeighbourTable neighbours;
  NodeMacs node_macs;
  // Ports whose link is down, a bit each. Written by the control thread, read by workers.
  std::atomic<uint64_t> ports_down{0};
  AddressDrains drains;
};

struct Snapshot {
  uint64_t generation = 0;  // with which it came into force; pods may have changed since
  SharedTables* shared = nullptr;

  std::vector<PortEntry> ports;
  std::vector<PortForms> port_forms;  // by port
  std::vector<TunnelEntry> tunnels;
  std::vector<NodeEntry> nodes;         // by NodeIndex; slots of removed nodes have in_use = false
  std::vector<uint8_t> geneve_options;  // of all nodes, one after the other
  std::shared_ptr<const SourceMap> sources;
  PolicyTable policy;
  LimitTable limits;
  RouterTable routers;
  std::shared_ptr<const ResolvedNames> names;  // null while nothing refers to a name
  PrefixSet inside;  // pod CIDRs, nodes, VTEPs, no_snat, routers: never leaves by an uplink
  RouteTable external_routes;
  RouteTable cluster_routes;
  SessionTimeouts timeouts;
  FragmentLimits fragments;

  // Our own addresses, by index found in `locals_by_address`.
  std::vector<LocalAddress> locals;
  FlatMap locals_by_address{2, 0};  // local_key(address) -> index into `locals`
  FlatMap endpoints{2, 0};          // endpoint_key(local, udp_port) -> endpoint
  FlatMap tunnels_by_vni{2, 0};     // tunnel_key(endpoint, vni) -> index into `tunnels`
  FlatMap nodes_by_vtep{2, 0};      // node_key(tunnel, vtep) -> NodeIndex

  static uint64_t local_key(Ipv4Address address) { return uint64_t{1} << 63 | address.value; }
  static uint64_t endpoint_key(Ipv4Address local, uint16_t udp_port) {
    return uint64_t{1} << 63 | uint64_t{udp_port} << 32 | local.value;
  }
  // An endpoint: its number, and behind it whether it speaks Geneve.
  static uint64_t endpoint_of(uint64_t number, TunnelType type) {
    return number << 1 | static_cast<uint64_t>(type == TunnelType::kGeneve);
  }
  static bool speaks_geneve(uint64_t endpoint) { return (endpoint & 1) != 0; }
  static constexpr uint32_t kAnyVni = 1u << 24;  // the key's VNI of a tunnel that takes any
  static uint64_t tunnel_key(uint64_t endpoint, uint32_t vni) {
    return uint64_t{1} << 63 | endpoint << 25 | vni;
  }
  static uint64_t node_key(uint32_t tunnel, Ipv4Address vtep) {
    return uint64_t{1} << 63 | uint64_t{tunnel} << 32 | vtep.value;
  }

  // What no packet from elsewhere may bear as its source: 0/8, 127/8, multicast and above (RFC 1122
  // 3.2.1.3, RFC 1812 5.3.7), and our own addresses.
  [[nodiscard]] bool is_bad_source(Ipv4Address address) const {
    return address.is_martian() || local(address) != nullptr;
  }
  // Whether the link of that port is down.
  [[nodiscard]] bool is_down(uint16_t port) const {
    return (shared->ports_down.load(std::memory_order_relaxed) >> port & 1) != 0;
  }
  // The slot of who sends from `address` inside a packet of that node, or kNoSource.
  [[nodiscard]] SourceSlot find_source(NodeIndex node, uint32_t vni, Ipv4Address address) const {
    if (node >= nodes.size()) return kNoSource;
    return sources->find_sender(tunnels[nodes[node].tunnel].network, vni, address);
  }
  // Asks for what find_source() will read first.
  void prefetch_source(NodeIndex node, uint32_t vni, Ipv4Address address) const {
    if (node >= nodes.size()) return;
    sources->prefetch_sender(tunnels[nodes[node].tunnel].network, vni, address);
  }
  // As find_source(), of a session, whose source was `slot` and may be another by now.
  [[nodiscard]] SourceSlot find_source_again(SourceSlot slot, uint32_t vni,
                                             Ipv4Address address) const {
    return sources->find_sender(shared->source_records.network(slot), vni, address);
  }
  // What is inside the cluster or is the gateway: no packet leaves for there.
  [[nodiscard]] bool is_inside(Ipv4Address destination) const {
    return local(destination) != nullptr || inside.contains(destination);
  }
  // The gateway's own address, or null.
  [[nodiscard]] const LocalAddress* local(Ipv4Address address) const {
    const uint64_t index = locals_by_address.find(local_key(address));
    return index == FlatMap::kAbsent ? nullptr : &locals[index];
  }
};

// Where workers find the current snapshot and the generation in force. One writer (the control
// thread), one seen-word per worker. A worker loads both once per loop, the generation first, and
// keeps nothing of what it read before, so once it has seen a generation it uses nothing that this
// one replaced: neither earlier snapshots, nor what was changed in place before.
class PublishedSnapshot {
 public:
  // Workers. What is read after this is of that generation or a later one.
  [[nodiscard]] uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  [[nodiscard]] const Snapshot* current() const { return current_.load(std::memory_order_acquire); }

  // Control thread. The old one must be kept until every worker has seen the new one's generation.
  void publish(const Snapshot* snapshot) {
    current_.store(snapshot, std::memory_order_release);
    if (snapshot != nullptr) advance(snapshot->generation);
  }
  // Control thread: shared tables were changed in place, the snapshot stays.
  void advance(uint64_t generation) { generation_.store(generation, std::memory_order_release); }

 private:
  std::atomic<const Snapshot*> current_{nullptr};
  std::atomic<uint64_t> generation_{0};
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_SNAPSHOT_H_
