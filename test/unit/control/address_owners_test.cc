// Whose an egress address is.
#include "control/apply/address_owners.h"

#include <gtest/gtest.h>

#include <string_view>

namespace postern {
namespace {

uint32_t value_of(std::string_view text) { return Ipv4Address::parse(text)->value; }

TEST(AddressOwners, EveryAddressOfEveryWayOut) {
  config::Model model;
  model.nodes.resize(2);
  model.nodes[0].name.value = "node-1";
  model.nodes[0].external_ip = config::At<Ipv4Address>{{value_of("192.0.2.101")}, {}};
  model.node_ip.addresses.push_back({{value_of("192.0.2.20")}, {}});
  model.egress_ips.emplace_back();
  model.egress_ips[0].name.value = "out";
  model.egress_ips[0].addresses.push_back({{value_of("192.0.2.50")}, {}});
  model.egress_routers.emplace_back();
  model.egress_routers[0].name.value = "db";
  model.egress_routers[0].listen.value = {value_of("10.131.255.10")};
  model.egress_routers[0].source.value = {value_of("192.0.2.70")};

  AddressOwners owners = address_owners(model);
  EXPECT_EQ(owners.size(), 2u) << "Node IP is off";
  EXPECT_EQ(owners.at(value_of("192.0.2.50")), "egress_ips");
  EXPECT_EQ(owners.at(value_of("192.0.2.70")), "egress_routers db 10.131.255.10");

  model.node_ip.mode.value = config::NodeIpMode::kGateway;
  owners = address_owners(model);
  EXPECT_EQ(owners.size(), 3u);
  EXPECT_EQ(owners.at(value_of("192.0.2.20")), "node_ip");

  model.node_ip.mode.value = config::NodeIpMode::kPerNode;
  owners = address_owners(model);
  EXPECT_EQ(owners.size(), 3u);
  EXPECT_EQ(owners.at(value_of("192.0.2.101")), "nodes node-1");
}

}  // namespace
}  // namespace postern
