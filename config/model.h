// The desired state: what a configuration file says, as plain values. Names follow the file's keys,
// units are in the names, defaults are the documented ones, and a setting that may be absent is
// optional. Words of the file ("external", "vxlan") are enumerators.
//
// Everything that a message may have to point at is an At<T>: the value and the line that holds it.
// Lines are no part of what a configuration says: they are left out of comparisons, so two models
// are equal when they ask for the same.
//
// References between entries stay names; check.h has made sure that they lead somewhere.
// Addresses are IPv4: IPv6 values are refused while loading until the data path knows them.
// Values only; any thread.
#ifndef POSTERN_CONFIG_MODEL_H_
#define POSTERN_CONFIG_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/wire/address.h"

namespace postern::config {

// Where something was written. Line 0: nowhere (a default, or a model made by a program).
struct SourceLine {
  uint16_t file = 0;  // index into Model::files
  uint32_t line = 0;
  // Always true: see the top of this file.
  friend constexpr bool operator==(const SourceLine&, const SourceLine&) { return true; }
};

// A value and its line. Stands for the value wherever one is read.
template <typename T>
struct At {
  T value{};
  SourceLine line{};

  // NOLINTNEXTLINE(google-explicit-constructor): reading through is the purpose.
  constexpr operator const T&() const { return value; }
  constexpr const T* operator->() const { return &value; }
  friend bool operator==(const At&, const At&) = default;
};

template <typename T>
using ListOf = std::vector<At<T>>;

// The files a model was read from, the main one first. Compares equal always, as lines do.
struct SourceFiles {
  std::vector<std::string> name;
  friend bool operator==(const SourceFiles&, const SourceFiles&) { return true; }
};

enum class LogLevel : uint8_t { kError, kWarn, kInfo, kDebug };
enum class LogFormat : uint8_t { kText, kJson };

struct Gateway {
  SourceLine line;
  std::string name;
  std::string control_socket = "/run/postern/postern.sock";
  std::optional<std::string> control_group;    // members may change things
  std::optional<std::string> control_readers;  // members may read
  std::string metrics = "off";                 // "off", "ADDRESS:PORT" or "unix:/PATH"
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  std::optional<std::string> state_dir;
  bool operator==(const Gateway&) const = default;
};

enum class MemoryMode : uint8_t { kAuto, kHugepages, kInMemory, kNoHuge };

struct Eal {
  SourceLine line;
  MemoryMode memory = MemoryMode::kAuto;
  uint32_t memory_mb = 1024;
  ListOf<std::string> args;  // handed to EAL after postern's own
  bool operator==(const Eal&) const = default;
};

enum class IdleMode : uint8_t { kPoll, kSleep };

struct Workers {
  SourceLine line;
  At<std::vector<uint16_t>> cpus{{1}, {}};  // one worker each, in this order
  IdleMode idle = IdleMode::kPoll;
  bool operator==(const Workers&) const = default;
};

enum class PortRole : uint8_t { kCluster, kExternal, kBoth };

// An address on a port, with the length of the subnet around it.
struct PortAddress {
  Ipv4Address address;
  uint8_t length = 32;

  [[nodiscard]] constexpr Ipv4Prefix subnet() const {
    return {Ipv4Address{address.value & Ipv4Prefix::mask_of(length)}, length};
  }
  bool operator==(const PortAddress&) const = default;
};

struct Port {
  SourceLine line;
  At<std::string> name;
  At<std::string> device;  // a PCI address or a vdev string
  At<PortRole> role;
  ListOf<PortAddress> addresses;
  uint16_t mtu = 1500;                     // of IP, not of the frame
  std::optional<At<Ipv4Address>> gateway;  // the default route through this port
  std::optional<uint16_t> vlan;
  std::optional<MacAddress> mac;
  bool operator==(const Port&) const = default;
};

struct Route {
  SourceLine line;
  At<Ipv4Prefix> to;
  At<Ipv4Address> via;
  At<std::string> port;
  bool operator==(const Route&) const = default;
};

enum class TunnelType : uint8_t { kVxlan, kGeneve };

inline constexpr uint16_t kVxlanUdpPort = 4789;   // RFC 7348 5
inline constexpr uint16_t kGeneveUdpPort = 6081;  // RFC 8926 3.3

struct Tunnel {
  SourceLine line;
  At<std::string> name;
  TunnelType type = TunnelType::kVxlan;
  At<Ipv4Address> local;
  At<std::optional<uint32_t>> vni;           // nothing: "any"
  At<uint16_t> udp_port{kVxlanUdpPort, {}};  // of Geneve: kGeneveUdpPort where the file is silent
  ListOf<Ipv4Address> inner_addresses;       // answered for inside the tunnel
  std::optional<MacAddress> inner_mac;       // source of replies; nothing: derived from the name
  bool operator==(const Tunnel&) const = default;
};

struct Node {
  SourceLine line;
  At<std::string> name;
  At<std::string> tunnel;
  At<Ipv4Address> vtep;
  ListOf<Ipv4Prefix> pod_cidrs;   // may nest over nodes: the longest wins
  ListOf<Ipv4Address> addresses;  // the node's own, inside the overlay (platform traffic)
  std::optional<At<Ipv4Address>> external_ip;
  At<std::vector<uint8_t>> geneve_options;  // sent back with Geneve, whole options
  std::optional<MacAddress> mac;            // nothing: learned from the node's own packets
  bool operator==(const Node&) const = default;
};

struct Cluster {
  SourceLine line;
  ListOf<Ipv4Prefix> no_snat;
  bool operator==(const Cluster&) const = default;
};

struct Limits {
  SourceLine line;
  std::optional<uint32_t> sessions;
  std::optional<uint32_t> new_sessions_per_second;
  std::optional<uint64_t> bandwidth_bits_per_second;  // key: bandwidth; each direction by itself
  bool operator==(const Limits&) const = default;
};

struct Namespace {
  SourceLine line;
  At<std::string> name;
  ListOf<Ipv4Prefix> pods;
  At<std::string> tunnel;  // filled in while loading where the file leaves it out
  std::optional<At<uint32_t>> vni;
  Limits limits;
  bool operator==(const Namespace&) const = default;
};

enum class NodeIpMode : uint8_t { kOff, kGateway, kPerNode };
enum class NodeIpFor : uint8_t { kAll, kPlatform };

struct NodeIp {
  SourceLine line;
  At<NodeIpMode> mode{NodeIpMode::kOff, {}};
  ListOf<Ipv4Address> addresses;
  NodeIpFor for_whom = NodeIpFor::kAll;  // key: for
  bool operator==(const NodeIp&) const = default;
};

enum class Spread : uint8_t { kSource, kSession, kFirst };
enum class WhenExhausted : uint8_t { kDrop, kNextAddress };
enum class Fallback : uint8_t { kDrop, kNodeIp };

struct EgressIp {
  SourceLine line;
  At<std::string> name;
  ListOf<std::string> namespaces;
  ListOf<Ipv4Prefix> pods;  // empty: every pod of the namespaces
  ListOf<Ipv4Prefix> destinations{{Ipv4Prefix{}, {}}};
  ListOf<Ipv4Prefix> except;
  ListOf<Ipv4Address> addresses;
  Spread spread = Spread::kSource;
  WhenExhausted when_exhausted = WhenExhausted::kDrop;
  Fallback fallback = Fallback::kDrop;
  bool operator==(const EgressIp&) const = default;
};

enum class RouterMode : uint8_t { kRedirect, kDnsProxy, kHttpProxy };

struct EgressRouter {
  SourceLine line;
  At<std::string> name;
  ListOf<std::string> namespaces;
  At<Ipv4Address> listen;
  At<Ipv4Address> source;
  RouterMode mode = RouterMode::kRedirect;
  ListOf<std::string> destinations;  // lines of the mode's grammar, one each, as written
  bool operator==(const EgressRouter&) const = default;
};

enum class FirewallAction : uint8_t { kAllow, kDeny };
enum class FirewallRefuse : uint8_t { kDrop, kReject };
enum class FirewallProtocol : uint8_t { kTcp, kUdp, kIcmp };

// "tcp/443", "tcp/8000-8999", "udp", "icmp": a protocol and the destination ports it means. Without
// ports in the text, and for ICMP, 0 to 65535.
struct FirewallPorts {
  FirewallProtocol protocol = FirewallProtocol::kTcp;
  uint16_t first = 0;
  uint16_t last = 65535;
  bool operator==(const FirewallPorts&) const = default;
};

inline constexpr char kEveryNamespace[] = "*";

struct FirewallRule {
  SourceLine line;
  At<std::string> name_space;  // key: namespace; "*" stands for every namespace
  FirewallAction action = FirewallAction::kDeny;
  ListOf<Ipv4Prefix> to;         // empty, and to_names empty: every destination
  ListOf<std::string> to_names;  // host names, "*.example.org" for all under a domain
  ListOf<FirewallPorts> ports;   // empty: every protocol and port
  bool log = false;
  bool operator==(const FirewallRule&) const = default;
};

struct Firewall {
  SourceLine line;
  FirewallAction default_action = FirewallAction::kDeny;  // key: default
  FirewallRefuse refuse = FirewallRefuse::kDrop;
  std::vector<FirewallRule> rules;  // in order, the first match wins
  bool operator==(const Firewall&) const = default;
};

struct QosRule {
  SourceLine line;
  At<std::string> name_space;  // key: namespace
  ListOf<Ipv4Prefix> to;       // empty: every destination
  uint8_t dscp = 0;
  bool operator==(const QosRule&) const = default;
};

// External ports, both ends included.
struct PortRange {
  uint16_t first = 1024;
  uint16_t last = 65535;

  [[nodiscard]] constexpr uint32_t size() const { return uint32_t{last} - first + 1; }
  bool operator==(const PortRange&) const = default;
};

struct MssClamp {
  enum class Mode : uint8_t { kOff, kAuto, kNumber };
  Mode mode = Mode::kAuto;
  uint16_t mss = 0;  // with kNumber
  bool operator==(const MssClamp&) const = default;
};

struct Fragments {
  SourceLine line;
  uint32_t timeout_s = 30;
  uint32_t max = 65536;
  uint32_t max_per_source = 1024;
  bool operator==(const Fragments&) const = default;
};

struct Timeouts {
  SourceLine line;
  uint32_t tcp_established_s = 7440;  // RFC 5382 REQ-5
  uint32_t tcp_transitory_s = 240;    // RFC 5382 REQ-5
  uint32_t udp_s = 300;               // RFC 4787 REQ-5
  uint32_t icmp_s = 60;               // RFC 5508 REQ-2
  uint32_t other_s = 300;
  bool operator==(const Timeouts&) const = default;
};

struct Sessions {
  SourceLine line;
  uint32_t max = 1048576;
  At<PortRange> port_range;
  uint32_t port_hold_s = 60;
  Fragments fragments;
  MssClamp mss_clamp;
  Timeouts timeouts;
  bool operator==(const Sessions&) const = default;
};

struct LogSessions {
  SourceLine line;
  std::string target = "off";  // "off", "file:/PATH", "syslog" or "ipfix:ADDRESS:PORT"
  bool operator==(const LogSessions&) const = default;
};

struct Model {
  SourceFiles files;
  uint32_t version = 1;
  Gateway gateway;
  Eal eal;
  Workers workers;
  std::vector<Port> ports;
  std::vector<Route> routes;
  std::vector<Tunnel> tunnels;
  std::vector<Node> nodes;
  Cluster cluster;
  std::vector<Namespace> namespaces;
  NodeIp node_ip;
  std::vector<EgressIp> egress_ips;
  std::vector<EgressRouter> egress_routers;
  Firewall firewall;
  std::vector<QosRule> qos;
  Sessions sessions;
  LogSessions log_sessions;
  bool operator==(const Model&) const = default;
};

}  // namespace postern::config

#endif  // POSTERN_CONFIG_MODEL_H_
