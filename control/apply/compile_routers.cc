#include "control/apply/compile_routers.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "config/router_lines.h"
#include "control/apply/name_addresses.h"
#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

uint8_t protocol_number(config::RouterProtocol protocol) {
  switch (protocol) {
    case config::RouterProtocol::kTcp:
      return kProtocolTcp;
    case config::RouterProtocol::kUdp:
      return kProtocolUdp;
    case config::RouterProtocol::kSctp:
      return kProtocolSctp;
  }
  return 0;
}

// The maps are made large enough for what goes into them.
void put(FlatMap& map, uint64_t key, uint64_t value) {
  if (!map.insert(key, value)) std::abort();
}

class RouterCompiler {
 public:
  RouterCompiler(const Books& books, PolicyTable& policy, NameNumbers& names)
      : books_(books), policy_(policy), names_(names) {}

  RouterTable compile(const std::vector<config::EgressRouter>& routers, uint64_t seed) {
    std::vector<std::vector<config::RouterLine>> lines;
    size_t line_count = 0;
    for (const config::EgressRouter& router : routers) {
      lines.push_back(config::parse_router_lines(router).lines);
      line_count += lines.back().size();
    }
    table_.by_listen = FlatMap(FlatMap::cells_for(routers.size() + 1), seed);
    table_.by_port = FlatMap(FlatMap::cells_for(line_count + 1), seed);
    for (size_t i = 0; i < routers.size(); ++i) add(routers[i], lines[i]);
    return std::move(table_);
  }

 private:
  void add(const config::EgressRouter& router, const std::vector<config::RouterLine>& lines) {
    const auto index = static_cast<RouterIndex>(table_.routers.size());
    RouterEntry entry;
    entry.listen = router.listen;
    entry.namespaces = add_namespaces(router);
    entry.policy = add_source(router);
    for (const config::RouterLine& line : lines) {
      const auto rule = static_cast<RouterRuleIndex>(table_.rules.size());
      table_.rules.push_back(rule_of(line));
      if (line.listen_port == 0) {
        entry.fallback = rule;
      } else {
        put(table_.by_port, RouterTable::port_key(index, line.listen_port), rule);
      }
    }
    put(table_.by_listen, RouterTable::listen_key(entry.listen), index);
    table_.routers.push_back(entry);
  }

  Range add_namespaces(const config::EgressRouter& router) {
    std::vector<NamespaceIndex> indexes;
    for (const auto& name : router.namespaces) {
      if (const auto index = books_.namespaces.find(name.value)) indexes.push_back(*index);
    }
    std::sort(indexes.begin(), indexes.end());
    const Range range{static_cast<uint32_t>(table_.namespaces.size()),
                      static_cast<uint32_t>(indexes.size())};
    table_.namespaces.insert(table_.namespaces.end(), indexes.begin(), indexes.end());
    return range;
  }

  uint32_t add_source(const config::EgressRouter& router) {
    const auto slot = books_.addresses.find(router.source->value);
    const Range range{static_cast<uint32_t>(policy_.address_slots.size()), 1};
    policy_.address_slots.push_back(static_cast<AddressSlot>(slot.value_or(kNoAddress)));
    policy_.policies.push_back({.addresses = range});
    return static_cast<uint32_t>(policy_.policies.size() - 1);
  }

  RouterRule rule_of(const config::RouterLine& line) {
    RouterRule rule;
    rule.protocol = protocol_number(line.protocol);
    rule.remote_port = line.remote_port;
    rule.line = static_cast<uint32_t>(line.index);
    if (line.prefix) {
      rule.address = line.prefix->address;
    } else {
      rule.name = names_.take(host_key(line.name));
    }
    return rule;
  }

  const Books& books_;
  PolicyTable& policy_;
  NameNumbers& names_;
  RouterTable table_;
};

}  // namespace

RouterTable compile_routers(const config::Model& model, const Books& books, uint64_t seed,
                            PolicyTable& policy, NameNumbers& names) {
  return RouterCompiler(books, policy, names).compile(model.egress_routers, seed);
}

}  // namespace postern
