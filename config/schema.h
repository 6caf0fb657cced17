// Every setting of the file, one row each: its name, where the model keeps it, the form of its
// value, whether it must be there, and a sentence for the operator. Loader, printer and reference
// walk these tables; nothing else in the tree lists settings. Defaults are the model's
// member initialisers (model.h).
//
// `.not_yet()` marks what is not built: the form is checked, the default passes, anything else is
// refused. Words, VNIs and CPU lists carry the same mark inside their form. Whoever builds the
// function removes the mark.
#ifndef POSTERN_CONFIG_SCHEMA_H_
#define POSTERN_CONFIG_SCHEMA_H_

#include <string_view>
#include <tuple>

#include "config/form.h"
#include "config/model.h"

namespace postern::config {

// A list of values, `[ ]` or `( )`.
template <typename Form>
struct List {
  Form form;
  // For lists whose absence means "all": written out and empty they would be misread.
  bool never_empty = false;
};
// One value, or one for each address family.
template <typename Form>
struct PerFamily {
  Form form;
};
// Lines of text: one text with newlines, or a list of such.
struct Lines {};
// A group with its own table.
template <const auto& keys>
struct Group {
  static constexpr const auto& table() { return keys; }
};
// A list of groups, each with that table.
template <const auto& keys>
struct Groups {
  static constexpr const auto& entry_table() { return keys; }
};

enum class Presence : uint8_t { kRequired, kOptional };
using enum Presence;

template <typename Owner, typename Member, typename Form>
struct Key {
  std::string_view name;
  Member Owner::*member;
  Form form;
  Presence presence;
  std::string_view help;
  bool later = false;
  std::string_view preface;  // opens every complaint about the value; '%' stands for the value

  [[nodiscard]] constexpr Key not_yet() const {
    Key marked = *this;
    marked.later = true;
    return marked;
  }
  // For settings that people know from elsewhere, with the words that they search for.
  [[nodiscard]] constexpr Key prefaced(std::string_view words) const {
    Key marked = *this;
    marked.preface = words;
    return marked;
  }
};

template <typename Owner, typename Member, typename Form>
constexpr auto key(std::string_view name, Member Owner::*member, Form form, Presence presence,
                   std::string_view help) {
  return Key<Owner, Member, Form>{name, member, form, presence, help, false, {}};
}

template <typename Form>
constexpr List<Form> list(Form form) {
  return {form};
}
template <typename Form>
constexpr List<Form> filled_list(Form form) {
  return {form, /*never_empty=*/true};
}

inline constexpr int64_t kMax32 = 0xffffffff;
inline constexpr bool kLater = true;
inline constexpr size_t kLongestSocketPath = 107;  // sun_path, unix(7)

inline constexpr auto kGatewayKeys = std::tuple(
    key("name", &Gateway::name, Name{}, kRequired, "The gateway's name in output and logs."),
    key("control_socket", &Gateway::control_socket, Text{kLongestSocketPath}, kOptional,
        "Path of the control socket. Who may do what is decided by peer credentials."),
    key("control_group", &Gateway::control_group, Text{32}, kOptional,
        "Members of this group may change things over the socket; root always may."),
    key("control_readers", &Gateway::control_readers, Text{32}, kOptional,
        "Members of this group may read over the socket; everybody else is refused."),
    key("metrics", &Gateway::metrics, Target{Target::Kind::kMetrics}, kOptional,
        "Where metrics are served.")
        .not_yet(),
    key("log_level", &Gateway::log_level,
        words<LogLevel>({{"error", LogLevel::kError},
                         {"warn", LogLevel::kWarn},
                         {"info", LogLevel::kInfo},
                         {"debug", LogLevel::kDebug}}),
        kOptional, "The least important messages that are logged."),
    key("log_format", &Gateway::log_format,
        words<LogFormat>({{"text", LogFormat::kText}, {"json", LogFormat::kJson, kLater}}),
        kOptional, "Log lines for people or for programs."),
    key("state_dir", &Gateway::state_dir, Text{4095}, kOptional,
        "Directory for what survives a restart, the pods of `namespaces.patch`; without it nothing "
        "does. It must be there, and be this gateway's alone."));

inline constexpr auto kEalKeys =
    std::tuple(key("memory", &Eal::memory,
                   words<MemoryMode>({{"auto", MemoryMode::kAuto},
                                      {"hugepages", MemoryMode::kHugepages},
                                      {"in-memory", MemoryMode::kInMemory},
                                      {"no-huge", MemoryMode::kNoHuge}}),
                   kOptional, "Which memory DPDK takes; auto: hugepages where there are any."),
               key("memory_mb", &Eal::memory_mb, Integer{32, 1 << 20, "MiB"}, kOptional,
                   "How much memory DPDK takes, in MiB."),
               key("args", &Eal::args, list(Text{4095}), kOptional,
                   "Further EAL arguments, after those that postern makes."));

inline constexpr auto kWorkersKeys = std::tuple(
    key("cpus", &Workers::cpus, CpuList{.most = 32}, kOptional,
        "The CPUs that forward packets, one worker each, at most 32."),
    key("idle", &Workers::idle,
        words<IdleMode>({{"poll", IdleMode::kPoll}, {"sleep", IdleMode::kSleep}}), kOptional,
        "What a worker without packets does; sleep: for hosts shared with others."));

inline constexpr auto kPortKeys = std::tuple(
    key("name", &Port::name, Name{}, kRequired, "The port's name."),
    key("device", &Port::device, Text{512}, kRequired,
        "A PCI address, or a vdev string such as \"net_tap0,iface=gw-up\"."),
    key("role", &Port::role,
        words<PortRole>({{"cluster", PortRole::kCluster},
                         {"external", PortRole::kExternal},
                         {"both", PortRole::kBoth}}),
        kRequired,
        "A session leaves by an external port only, a tunnel packet by a cluster port only; both: "
        "the cluster and the world are behind one port."),
    key("addresses", &Port::addresses, list(AddressInSubnet{}), kRequired,
        "The gateway's own addresses on this port, with the lengths of their subnets."),
    key("mtu", &Port::mtu, Integer{576, 9702}, kOptional, "The MTU of IP packets on this port."),
    key("gateway", &Port::gateway, PerFamily<Address>{}, kOptional,
        "The next hop of the default route through this port, or one for each address family."),
    key("vlan", &Port::vlan, Integer{1, 4094}, kOptional,
        "The VLAN that the port speaks; without it, frames are untagged."),
    key("mac", &Port::mac, Mac{}, kOptional,
        "The port's MAC address; without it, the device's own.")
        .not_yet());

inline constexpr auto kRouteKeys = std::tuple(
    key("to", &Route::to, Prefix{}, kRequired, "The destinations of the route."),
    key("via", &Route::via, Address{}, kRequired, "The next hop, in a subnet of the port."),
    key("port", &Route::port, Name{}, kRequired, "The port that leads there."));

inline constexpr auto kTunnelKeys = std::tuple(
    key("name", &Tunnel::name, Name{}, kRequired, "The tunnel's name."),
    key("type", &Tunnel::type,
        words<TunnelType>({{"vxlan", TunnelType::kVxlan}, {"geneve", TunnelType::kGeneve}}),
        kRequired, "The encapsulation."),
    key("local", &Tunnel::local, Address{}, kRequired,
        "The gateway's end of the tunnel: an address of a cluster port."),
    key("vni", &Tunnel::vni, Vni{}, kRequired,
        "The virtual network; \"any\" takes all that no other tunnel names."),
    key("udp_port", &Tunnel::udp_port, Integer{1, 65535}, kOptional,
        "The UDP port; the default is 4789 for VXLAN and 6081 for Geneve."),
    key("inner_addresses", &Tunnel::inner_addresses, list(Address{}), kOptional,
        "The gateway's addresses inside the tunnel: ARP and ND for them are answered there."),
    key("inner_mac", &Tunnel::inner_mac, Mac{}, kOptional,
        "The source MAC address of replies; without it, one derived from the tunnel's name."));

inline constexpr auto kNodeKeys = std::tuple(
    key("name", &Node::name, Name{}, kRequired, "The node's name."),
    key("tunnel", &Node::tunnel, Name{}, kRequired, "The tunnel that leads to the node."),
    key("vtep", &Node::vtep, Address{}, kRequired, "The node's end of the tunnel."),
    key("pod_cidrs", &Node::pod_cidrs, list(Prefix{}), kRequired,
        "Where the node's pods have their addresses. Nodes may nest, the longest prefix wins."),
    key("addresses", &Node::addresses, list(Address{}), kOptional,
        "The node's own addresses inside the overlay (platform traffic)."),
    key("external_ip", &Node::external_ip, Address{}, kOptional,
        "The address that stands for this node when node_ip.mode is \"per-node\"."),
    key("geneve_options", &Node::geneve_options, GeneveOptions{}, kOptional,
        "Geneve options to send with replies, in hexadecimal."),
    key("mac", &Node::mac, Mac{}, kOptional,
        "The inner MAC address of replies; without it, learned from the node's own packets."));

inline constexpr auto kClusterKeys =
    std::tuple(key("no_snat", &Cluster::no_snat, list(Prefix{}), kOptional,
                   "Destinations inside the cluster: packets for them never leave by an uplink."));

inline constexpr auto kLimitsKeys = std::tuple(
    key("sessions", &Limits::sessions, Integer{1, kMax32}, kOptional,
        "How many sessions the namespace may have, half-open and closing ones counted."),
    key("new_sessions_per_second", &Limits::new_sessions_per_second, Integer{1, kMax32}, kOptional,
        "How many sessions a second it may begin, with a burst of one second."),
    key("bandwidth", &Limits::bandwidth_bits_per_second, Rate{}, kOptional,
        "Its rate in each direction by itself, in inner IP bytes."));

inline constexpr auto kNamespaceKeys = std::tuple(
    key("name", &Namespace::name, Name{}, kRequired, "The namespace's name."),
    key("pods", &Namespace::pods, list(Prefix{}), kOptional,
        "The addresses and prefixes of its pods."),
    key("tunnel", &Namespace::tunnel, Name{}, kOptional,
        "The tunnel of its pods; may be left out when there is only one."),
    key("vni", &Namespace::vni, Integer{0, 0xffffff}, kOptional,
        "Its virtual network, in a tunnel with vni = \"any\"."),
    key("limits", &Namespace::limits, Group<kLimitsKeys>{}, kOptional, "What it may use at most."));

inline constexpr auto kNodeIpKeys = std::tuple(
    key("mode", &NodeIp::mode,
        words<NodeIpMode>({{"off", NodeIpMode::kOff},
                           {"gateway", NodeIpMode::kGateway},
                           {"per-node", NodeIpMode::kPerNode}}),
        kOptional,
        "The shared way out; gateway: by `addresses`, per-node: by the node's external_ip."),
    key("addresses", &NodeIp::addresses, list(Address{}), kOptional,
        "The shared addresses of mode \"gateway\"."),
    key("for", &NodeIp::for_whom,
        words<NodeIpFor>({{"all", NodeIpFor::kAll}, {"platform", NodeIpFor::kPlatform}}), kOptional,
        "Every pod and node, or only the nodes' own traffic."));

inline constexpr auto kEgressIpKeys = std::tuple(
    key("name", &EgressIp::name, Name{}, kRequired, "The entry's name."),
    key("namespaces", &EgressIp::namespaces, list(Name{}), kRequired,
        "The namespaces that may leave by these addresses."),
    key("pods", &EgressIp::pods, filled_list(Prefix{}), kOptional,
        "Only these of the namespaces' pods; such an entry goes before one without."),
    key("destinations", &EgressIp::destinations, filled_list(Prefix{}), kOptional,
        "The destinations that the entry is for; the longest prefix over all entries wins."),
    key("except", &EgressIp::except, list(Prefix{}), kOptional,
        "Destinations that it is not for, against `destinations` of equal or shorter length."),
    key("addresses", &EgressIp::addresses, list(Address{}), kRequired,
        "The source addresses that the outside sees."),
    key("spread", &EgressIp::spread,
        words<Spread>({{"source", Spread::kSource},
                       {"session", Spread::kSession},
                       {"first", Spread::kFirst}}),
        kOptional,
        "How sessions choose an address; source: a pod keeps one, first: the first usable."),
    key("when_exhausted", &EgressIp::when_exhausted,
        words<WhenExhausted>(
            {{"drop", WhenExhausted::kDrop}, {"next-address", WhenExhausted::kNextAddress}}),
        kOptional, "What happens to a new session when the chosen address has no port left."),
    key("fallback", &EgressIp::fallback,
        words<Fallback>({{"drop", Fallback::kDrop}, {"node-ip", Fallback::kNodeIp}}), kOptional,
        "What happens to a new session when no address of the entry is usable."));

inline constexpr auto kEgressRouterKeys = std::tuple(
    key("name", &EgressRouter::name, Name{}, kRequired, "The router's name."),
    key("namespaces", &EgressRouter::namespaces, list(Name{}), kRequired,
        "The namespaces that may use it."),
    key("listen", &EgressRouter::listen, Address{}, kRequired,
        "The address in the cluster that pods dial."),
    key("source", &EgressRouter::source, Address{}, kRequired,
        "The source address that the outside sees.")
        .prefaced("EGRESS_SOURCE unspecified or invalid"),
    key("mode", &EgressRouter::mode,
        words<RouterMode>({{"redirect", RouterMode::kRedirect},
                           {"dns-proxy", RouterMode::kDnsProxy},
                           {"http-proxy", RouterMode::kHttpProxy, kLater}}),
        kOptional, "The grammar of `destinations`, as in OpenShift's egress router images.")
        .prefaced("Unrecognized EGRESS_ROUTER_MODE '%'"),
    // Without them, the check complains in the words of the mode.
    key("destinations", &EgressRouter::destinations, Lines{}, kOptional,
        "Where it leads: the lines of EGRESS_DESTINATION and its kin, unchanged."));

inline constexpr auto kFirewallActions =
    words<FirewallAction>({{"allow", FirewallAction::kAllow}, {"deny", FirewallAction::kDeny}});

inline constexpr auto kFirewallRuleKeys = std::tuple(
    key("namespace", &FirewallRule::name_space, Name{.star = true}, kRequired,
        "The namespace that the rule is for; \"*\" for every one."),
    key("action", &FirewallRule::action, kFirewallActions, kRequired, "What the rule decides."),
    key("to", &FirewallRule::to, filled_list(Prefix{}), kOptional,
        "The destinations; without them (and names), all."),
    key("to_names", &FirewallRule::to_names, filled_list(HostName{.wildcard_later = true}),
        kOptional, "Destinations by name; \"*.example.org\" is all under it."),
    key("ports", &FirewallRule::ports, filled_list(Service{}), kOptional,
        "Protocols and destination ports; without them, all."),
    key("log", &FirewallRule::log, Boolean{}, kOptional,
        "Whether each first packet that it decides on is logged, at a bounded rate."));

inline constexpr auto kFirewallKeys =
    std::tuple(key("default", &Firewall::default_action, kFirewallActions, kOptional,
                   "What a namespace gets when none of its rules match."),
               key("refuse", &Firewall::refuse,
                   words<FirewallRefuse>(
                       {{"drop", FirewallRefuse::kDrop}, {"reject", FirewallRefuse::kReject}}),
                   kOptional, "Whether refusals are silent, or answered with TCP RST and ICMP."),
               key("rules", &Firewall::rules, Groups<kFirewallRuleKeys>{}, kOptional,
                   "The rules, in order: the first match wins."));

inline constexpr auto kQosKeys = std::tuple(
    key("namespace", &QosRule::name_space, Name{}, kRequired, "The namespace that sends."),
    key("to", &QosRule::to, filled_list(Prefix{}), kOptional,
        "The destinations; without them, all."),
    key("dscp", &QosRule::dscp, Integer{0, 63}, kRequired, "The DSCP that its packets bear."));

inline constexpr auto kFragmentsKeys =
    std::tuple(key("timeout", &Fragments::timeout_s, Duration{1, 30}, kOptional,
                   "How long the fragments of a packet are waited for."),
               key("max", &Fragments::max, Integer{1, 1 << 24}, kOptional,
                   "How many fragmented packets are followed at a time."),
               key("max_per_source", &Fragments::max_per_source, Integer{1, 1 << 24}, kOptional,
                   "How many of one source."));

inline constexpr auto kTimeoutForm = Duration{1, 8 * 3600};

inline constexpr auto kTimeoutsKeys = std::tuple(
    key("tcp_established", &Timeouts::tcp_established_s, kTimeoutForm, kOptional,
        "After how much silence an established TCP session ends."),
    key("tcp_transitory", &Timeouts::tcp_transitory_s, kTimeoutForm, kOptional,
        "The same for one that opens or closes."),
    key("udp", &Timeouts::udp_s, kTimeoutForm, kOptional, "The same for UDP."),
    key("icmp", &Timeouts::icmp_s, kTimeoutForm, kOptional, "The same for ICMP echo."),
    key("other", &Timeouts::other_s, kTimeoutForm, kOptional, "The same for other protocols."));

inline constexpr auto kSessionsKeys =
    std::tuple(key("max", &Sessions::max, Integer{1, 1 << 27}, kOptional,
                   "How many sessions the gateway holds; memory for them is taken at start."),
               key("port_range", &Sessions::port_range, ExternalPorts{}, kOptional,
                   "The external ports of translated sessions, the last one included."),
               key("port_hold", &Sessions::port_hold_s, Duration{0, 600}, kOptional,
                   "How long an external port rests after its session ended."),
               key("fragments", &Sessions::fragments, Group<kFragmentsKeys>{}, kOptional,
                   "How fragments are followed."),
               key("mss_clamp", &Sessions::mss_clamp, Mss{}, kOptional,
                   "The MSS that SYNs are lowered to; auto: what fits through tunnel and uplink."),
               key("timeouts", &Sessions::timeouts, Group<kTimeoutsKeys>{}, kOptional,
                   "When silent sessions end."));

inline constexpr auto kLogSessionsKeys =
    std::tuple(key("target", &LogSessions::target, Target{Target::Kind::kSessionLog}, kOptional,
                   "Where a record goes when a session begins and one when it ends.")
                   .not_yet());

inline constexpr auto kModelKeys = std::tuple(
    key("version", &Model::version, Integer{1, 1}, kRequired, "The version of this grammar."),
    key("gateway", &Model::gateway, Group<kGatewayKeys>{}, kOptional, "The gateway itself."),
    key("eal", &Model::eal, Group<kEalKeys>{}, kOptional, "DPDK's environment."),
    key("workers", &Model::workers, Group<kWorkersKeys>{}, kOptional, "Who forwards packets."),
    key("ports", &Model::ports, Groups<kPortKeys>{}, kRequired, "The network devices."),
    key("routes", &Model::routes, Groups<kRouteKeys>{}, kOptional,
        "Routes beyond the ports' subnets and gateways; the longest prefix wins."),
    key("tunnels", &Model::tunnels, Groups<kTunnelKeys>{}, kRequired,
        "The overlay networks that pods come from."),
    key("nodes", &Model::nodes, Groups<kNodeKeys>{}, kRequired,
        "The machines of the cluster: packets of others are dropped."),
    key("cluster", &Model::cluster, Group<kClusterKeys>{}, kOptional, "What is inside."),
    key("namespaces", &Model::namespaces, Groups<kNamespaceKeys>{}, kOptional,
        "Whose pods are whose."),
    key("node_ip", &Model::node_ip, Group<kNodeIpKeys>{}, kOptional, "The shared way out."),
    key("egress_ips", &Model::egress_ips, Groups<kEgressIpKeys>{}, kOptional,
        "The ways out that belong to namespaces."),
    key("egress_routers", &Model::egress_routers, Groups<kEgressRouterKeys>{}, kOptional,
        "The ways out that pods dial."),
    key("firewall", &Model::firewall, Group<kFirewallKeys>{}, kOptional,
        "Which destinations namespaces may reach."),
    key("qos", &Model::qos, Groups<kQosKeys>{}, kOptional,
        "How packets to the outside are marked; the longest of a namespace's prefixes decides."),
    key("sessions", &Model::sessions, Group<kSessionsKeys>{}, kOptional,
        "How sessions are kept and ended."),
    key("log_sessions", &Model::log_sessions, Group<kLogSessionsKeys>{}, kOptional,
        "A record of every session."));

}  // namespace postern::config

#endif  // POSTERN_CONFIG_SCHEMA_H_
