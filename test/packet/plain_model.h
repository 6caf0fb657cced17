// What the gateway is to do, said plainly: lists that are searched from end to end, written from
// the specification's sentences and not from the compiler's code. The random editor compares the
// data path with it.
#ifndef POSTERN_TEST_PACKET_PLAIN_MODEL_H_
#define POSTERN_TEST_PACKET_PLAIN_MODEL_H_

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
};

struct PlainNamespace {
  std::string name;
  uint64_t birth = 0;  // another one for a namespace that went and came again
  std::vector<Ipv4Prefix> pods;
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
  std::vector<PlainService> ports;
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
  std::map<std::string, std::set<Ipv4Prefix>> added;
  std::map<std::string, std::set<Ipv4Prefix>> removed;
};

// What becomes of a first packet.
struct PlainVerdict {
  std::optional<Reason> dropped;
  std::vector<Ipv4Address> faces;  // one of these; of spread "source" always the same one
  std::string spread;
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
  std::vector<PlainRule> rules;
  bool default_allow = true;
  bool reject = false;
  std::string node_ip = "off";
  bool platform_only = false;
  std::vector<Ipv4Address> node_ip_addresses;
  std::vector<Ipv4Prefix> no_snat;
  PlainLayer layer;

  // As a configuration file, without the layer.
  [[nodiscard]] std::string text() const;
  // Why the file with the layer over it must be refused, or nothing.
  [[nodiscard]] std::string fault() const;

  // The file's pods with the layer over them.
  [[nodiscard]] std::set<Ipv4Prefix> pods(const PlainNamespace& name_space) const;
  [[nodiscard]] const PlainNode* node_of(Ipv4Address source) const;
  [[nodiscard]] std::optional<PlainIdentity> identity_of(Ipv4Address source) const;
  // The addresses that sessions leave by.
  [[nodiscard]] std::set<Ipv4Address> faces() const;
  // What becomes of the first packet of a flow that comes from this node.
  [[nodiscard]] PlainVerdict judge(const PlainFlow& flow, const PlainNode& from) const;

 private:
  [[nodiscard]] bool is_inside(Ipv4Address destination) const;
  [[nodiscard]] std::optional<Reason> firewall(const std::string& name,
                                               const PlainFlow& flow) const;
  [[nodiscard]] const PlainEgress* egress_for(const std::string& name, Ipv4Address source,
                                              Ipv4Address destination, bool& tie) const;
  [[nodiscard]] std::string tie() const;
};

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_PLAIN_MODEL_H_
