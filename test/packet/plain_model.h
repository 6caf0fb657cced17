// What the gateway is to do, said plainly: lists that are searched from end to end, written from
// the specification's sentences and not from the compiler's code. The random editor compares the
// data path with it.
#ifndef POSTERN_TEST_PACKET_PLAIN_MODEL_H_
#define POSTERN_TEST_PACKET_PLAIN_MODEL_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dataplane/packet/reason.h"
#include "dataplane/wire/address.h"

namespace postern::test {

struct PlainNode {
  std::string name;
  Ipv4Address vtep;
  std::vector<Ipv4Prefix> cidrs;
  std::vector<Ipv4Address> addresses;
  std::optional<Ipv4Address> external_ip;
};

struct PlainNamespace {
  std::string name;
  uint64_t birth = 0;  // another one for a namespace that went and came again
  std::vector<Ipv4Prefix> pods;
  std::optional<uint32_t> most_sessions = std::nullopt;
};

struct PlainEgress {
  std::string name;
  std::vector<std::string> namespaces;
  std::vector<Ipv4Prefix> pods;  // empty: all
  std::vector<Ipv4Prefix> destinations;
  std::vector<Ipv4Prefix> except;
  std::vector<Ipv4Address> addresses;
  std::string spread = "source";
  bool fall_back = false;
};

struct PlainService {
  uint8_t protocol = 6;
  uint16_t first = 0;
  uint16_t last = 65535;
};

struct PlainRule {
  std::string name_space;  // or "*"
  bool allow = false;
  std::vector<Ipv4Prefix> to;
  std::vector<std::string> to_names;  // instead of `to`
  std::vector<PlainService> ports;
};

// A line of an egress router.
struct PlainLine {
  uint8_t protocol = 6;
  uint16_t port = 0;  // 0: the fallback, for every port and protocol
  Ipv4Address address = {};
  std::string name = {};     // instead of the address
  uint16_t remote_port = 0;  // 0: the port that was dialled
};

struct PlainRouter {
  std::string name;
  std::vector<std::string> namespaces;
  Ipv4Address listen;
  Ipv4Address source;
  bool dns_proxy = false;
  std::vector<PlainLine> lines;
};

struct PlainFlow {
  uint8_t protocol = 17;
  Ipv4Address source;
  uint16_t source_port = 0;
  Ipv4Address destination;
  uint16_t destination_port = 0;
  auto operator<=>(const PlainFlow&) const = default;
};

struct PlainLayer {
  std::map<std::string, std::set<Ipv4Prefix>> added = {};
  std::map<std::string, std::set<Ipv4Prefix>> removed = {};
};

// What the configuration says of a first packet, whatever is drained or used up at the moment.
struct PlainWay {
  std::optional<Reason> dropped = {};
  std::vector<Ipv4Address> faces = {};
  std::string spread = {};
  std::vector<Ipv4Address> fallback = {};  // instead of the faces where none of them can be used
  std::vector<Ipv4Address> remotes = {};   // it is sent to one of these
  uint16_t remote_port = 0;
};

// What becomes of a first packet.
struct PlainVerdict {
  std::optional<Reason> dropped = {};
  std::vector<Ipv4Address> faces = {};  // one of these; of spread "source" always the same one
  std::string spread = {};
  std::vector<Ipv4Address> remotes = {};
  uint16_t remote_port = 0;
};

// Whose a source is: "" for a node's own address.
struct PlainIdentity {
  std::string name_space;
  uint64_t birth = 0;
  bool operator==(const PlainIdentity&) const = default;
};

struct PlainWorld {
  std::vector<PlainNode> nodes;
  std::vector<PlainNamespace> namespaces;
  std::vector<PlainEgress> egress;
  std::vector<PlainRouter> routers;
  std::vector<PlainRule> rules;
  bool default_allow = true;
  bool reject = false;
  std::string node_ip = "off";
  bool platform_only = false;
  std::vector<Ipv4Address> node_ip_addresses;
  std::vector<Ipv4Prefix> no_snat;

  // What is no part of the file, and stays when another one comes into force.
  PlainLayer layer;
  std::map<std::string, std::vector<Ipv4Address>> names;  // what host names stand for
  std::set<Ipv4Address> drained;

  // As a configuration file.
  [[nodiscard]] std::string text() const;
  // Why the file with the layer over it must be refused, or nothing.
  [[nodiscard]] std::string fault() const;

  // The file's pods with the layer over them.
  [[nodiscard]] std::set<Ipv4Prefix> pods(const PlainNamespace& name_space) const;
  [[nodiscard]] const PlainNode* node_of(Ipv4Address source) const;
  [[nodiscard]] std::optional<PlainIdentity> identity_of(Ipv4Address source) const;
  // The addresses that sessions leave by, each with what it serves for. A session ends when its
  // address serves for something else.
  [[nodiscard]] std::map<Ipv4Address, std::string> faces() const;
  // What the configuration says to the first packet of a flow that comes from this node.
  [[nodiscard]] PlainWay way(const PlainFlow& flow, const PlainNode& from) const;
  // What becomes of it.
  [[nodiscard]] PlainVerdict judge(const PlainFlow& flow, const PlainNode& from) const;
  // Whether a live session could have begun now with the translation that it has; that its address
  // is drained does not matter.
  [[nodiscard]] bool could_begin(const PlainFlow& flow, Ipv4Address face, Ipv4Address remote,
                                 uint16_t remote_port) const;
  [[nodiscard]] const PlainNamespace* namespace_of(const std::string& name) const;

 private:
  [[nodiscard]] std::vector<Ipv4Address> usable(const std::vector<Ipv4Address>& addresses) const;
  [[nodiscard]] PlainWay way_by_router(const PlainRouter& router, const std::string& name,
                                       const PlainFlow& flow) const;
  // Node IP for a pod or platform traffic ("") of that node; none where it does not serve.
  [[nodiscard]] std::vector<Ipv4Address> node_ips(const std::string& name,
                                                  const PlainNode& node) const;
  [[nodiscard]] bool is_inside(Ipv4Address destination) const;
  [[nodiscard]] std::optional<Reason> firewall(const std::string& name,
                                               const PlainFlow& flow) const;
  [[nodiscard]] const PlainEgress* egress_for(const std::string& name, Ipv4Address source,
                                              Ipv4Address destination, bool& tie) const;
  [[nodiscard]] std::string tie() const;
  [[nodiscard]] std::string pod_fault() const;
  [[nodiscard]] std::string reference_fault() const;
  [[nodiscard]] std::string address_fault() const;
};

// The same parts of the model's sentences.
bool overlap(const Ipv4Prefix& a, const Ipv4Prefix& b);
bool any_holds(const std::vector<Ipv4Prefix>& prefixes, Ipv4Address address);
// The length of the longest that holds the address, or -1.
int longest(const std::vector<Ipv4Prefix>& prefixes, Ipv4Address address);
template <typename T>
bool has(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_PLAIN_MODEL_H_
