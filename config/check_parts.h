// The parts of the check, each a file of its own, and what they share. See check.h.
#ifndef POSTERN_CONFIG_CHECK_PARTS_H_
#define POSTERN_CONFIG_CHECK_PARTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/check.h"
#include "config/model.h"
#include "config/report.h"

namespace postern::config {

// The path of an entry: "ports.uplink", or "ports[1]" while it has no name.
template <typename Entry>
std::string entry_path(std::string_view list, const Entry& entry, size_t index) {
  std::string path(list);
  if constexpr (requires { entry.name; }) {
    if (!entry.name.value.empty()) return path + "." + entry.name.value;
  }
  return path + "[" + std::to_string(index) + "]";
}

// "PATH.KEY" and "PATH.KEY[3]".
inline std::string member_path(const std::string& path, std::string_view key) {
  return std::string(path).append(".").append(key);
}
inline std::string member_path(const std::string& path, std::string_view key, size_t index) {
  return member_path(path, key) + "[" + std::to_string(index) + "]";
}

// Whether `a` was written before `b`.
inline bool before(SourceLine a, SourceLine b) {
  return a.file != b.file ? a.file < b.file : a.line < b.line;
}

// The addresses of a prefix.
struct Interval {
  uint32_t first = 0;
  uint32_t last = 0;

  static Interval of(const Ipv4Prefix& prefix) {
    return {prefix.address.value, prefix.address.value | ~prefix.mask()};
  }
};
// Sorted, without overlaps, neighbours joined.
std::vector<Interval> joined(std::vector<Interval> intervals);
// Whether one of `joined` intervals holds all (or any) addresses of `wanted`.
bool covers(const std::vector<Interval>& joined, Interval wanted);
bool touches(const std::vector<Interval>& joined, Interval wanted);

// What is inside, joined: pods, nodes, what is never translated, and the gateway itself.
std::vector<Interval> inside(const Model& model);

// Which virtual network something is in. Tunnels with one VNI are told apart by it alone: pods are
// known by VNI and address. A tunnel with vni = "any" is a network of its own, and so is each VNI
// that a namespace narrows it to.
using Network = uint64_t;
constexpr Network network_of_vni(uint32_t vni) { return vni; }
constexpr Network network_of_tunnel(size_t index) { return uint64_t{1} << 32 | index; }

// Finds the model's entries by name. Entries without a name are left out.
class Directory {
 public:
  explicit Directory(const Model& model);

  [[nodiscard]] std::optional<size_t> port(std::string_view name) const;
  [[nodiscard]] std::optional<size_t> tunnel(std::string_view name) const;
  [[nodiscard]] std::optional<size_t> name_space(std::string_view name) const;

  // Nothing while the tunnel is unknown.
  [[nodiscard]] std::optional<Network> network(std::string_view tunnel) const;
  [[nodiscard]] std::optional<Network> network(const Node& node) const;
  [[nodiscard]] std::optional<Network> network(const Namespace& name_space) const;

 private:
  using Index = std::unordered_map<std::string_view, size_t>;
  static std::optional<size_t> find(const Index& index, std::string_view name);

  const Model& model_;
  Index ports_;
  Index tunnels_;
  Index namespaces_;
};

void check_names(const Model& model, const Gaps& gaps, const Directory& directory, Report& report);
void check_ports(const Model& model, const Gaps& gaps, const Directory& directory, Report& report);
void check_addresses(const Model& model, const Directory& directory, Report& report);
void check_pods(const Model& model, const Directory& directory, Report& report);
void check_way_out(const Model& model, const Directory& directory, Report& report);
void check_replies(const Model& model, Report& report);
void check_ways(const Model& model, Report& report);
void check_egress(const Model& model, const Gaps& gaps, const Directory& directory, Report& report);
void check_qos(const Model& model, Report& report);
void check_routers(const Model& model, const Gaps& gaps, Report& report);
void check_firewall(const Model& model, Report& report);
void check_ties(const Model& model, const Gaps& gaps, const Directory& directory, Report& report);

}  // namespace postern::config

#endif  // POSTERN_CONFIG_CHECK_PARTS_H_
