// Ports over kernel interfaces, where this runs as root.
#include "dataplane/packet/vlan.h"
#include "dataplane/run/kernel_interface.h"
#include "dataplane/run/port.h"
#include "test/unit/run/port_rig.h"

namespace postern {
namespace {

// A socket port on one end of a veth pair, another on the other end; big frames as well.
TEST_F(PortTest, SocketsCarryFramesOfTheMtu) {
  if (!own_namespace_) GTEST_SKIP() << "needs root";
  ASSERT_EQ(std::system("ip link add va mtu 9000 type veth peer name vb mtu 9000"), 0);
  {
    Running a = run("net_af_packet0,iface=va", 9000, 2047);
    ASSERT_TRUE(a.port);
    EXPECT_TRUE(link_becomes(a, false)) << "the other end is down";
    Outcome<Port> opened = open("net_af_packet1,iface=vb", 9000);
    ASSERT_TRUE(opened.ok()) << opened.complaint().text();
    Port b = std::move(opened).value();
    ASSERT_EQ(b.start(*a.pool), std::nullopt);
    EXPECT_TRUE(link_becomes(a, true));
    const Running at_b{a.pool, std::make_unique<Port>(std::move(b))};
    EXPECT_TRUE(passes(a, at_b, 9014, 3));
    EXPECT_TRUE(passes(a, at_b, kFrameBytes, 4));

    ASSERT_EQ(set_interface_mtu("va", 1500), 0);
    const std::optional<Complaint> complaint = a.port->check_link_mtu();
    ASSERT_TRUE(complaint);
    EXPECT_EQ(complaint->advice, "sudo ip link set dev va mtu 9000");

    // 16 KiB of a ring's frame, less what the kernel and Ethernet need of it.
    ASSERT_EQ(set_interface_mtu("va", 16296), 0);
    EXPECT_EQ(a.port->check_link_mtu(), std::nullopt);
    ASSERT_EQ(set_interface_mtu("va", 16297), 0);
    const std::optional<Complaint> larger = a.port->check_link_mtu();
    ASSERT_TRUE(larger);
    EXPECT_EQ(larger->text(),
              "port \"tested\": interface va has MTU 16297, buffers have room for packets of 16296 "
              "bytes: larger ones are lost; write mtu = 16297 and restart postern, or sudo ip link "
              "set dev va mtu 9000");
  }
  EXPECT_EQ(std::system("ip link del va"), 0);
}

// What a socket port with a VLAN sends and receives: the tag is beside the frame, on the link it is
// in it.
TEST_F(PortTest, SocketsPutTagsOnAndTakeThemOff) {
  if (!own_namespace_) GTEST_SKIP() << "needs root";
  ASSERT_EQ(std::system("ip link add va type veth peer name vb"), 0);
  {
    const Running from = run("net_af_packet0,iface=va", 1500, 2047, 5);
    ASSERT_TRUE(from.port);
    EXPECT_TRUE(from.port->puts_tags_on());
    const auto beside = [](const rte_mbuf& heard) {
      return (heard.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 && vlan_of(heard) == 5 &&
             is_frame(&heard, kFrameBytes, 9);
    };
    const auto inside = [](rte_mbuf& heard) {
      if (!has_tag_inside(heard) || vlan_of(heard) != 5) return false;
      take_tag_off(heard);
      return is_frame(&heard, kFrameBytes, 9);
    };
    // One after the other: the driver has ports of one interface share its frames.
    EXPECT_TRUE(hears_tagged(from, run_beside(from, "net_af_packet1,iface=vb", 5), 5, beside));
    EXPECT_TRUE(hears_tagged(from, run_beside(from, "net_af_packet2,iface=vb", 0), 5, inside));
  }
  EXPECT_EQ(std::system("ip link del va"), 0);
}

TEST_F(PortTest, ATapCarriesFramesOfTheMtu) {
  if (!own_namespace_) GTEST_SKIP() << "needs root";
  {
    Running tap = run("net_tap0,iface=tested0", 1600);
    ASSERT_TRUE(tap.port);
    EXPECT_EQ(interface_mtu("tested0"), 1600u);
    EXPECT_TRUE(link_becomes(tap, true));
    rte_ether_addr peer{};
    ASSERT_EQ(rte_eth_macaddr_get(tap.port->port_id(), &peer), 0);
    EXPECT_EQ(std::memcmp(tap.port->mac().byte.data(), peer.addr_bytes, 6), 0);
    EXPECT_EQ(tap.port->check_link_mtu(), std::nullopt);
    EXPECT_FALSE(tap.port->puts_tags_on());
    for (const uint32_t wrong : {1500u, 9000u}) {
      ASSERT_EQ(set_interface_mtu("tested0", wrong), 0);
      const std::optional<Complaint> complaint = tap.port->check_link_mtu();
      ASSERT_TRUE(complaint);
      EXPECT_NE(complaint->advice.find("sudo ip link set dev tested0 mtu 1600"), std::string::npos)
          << complaint->advice;
    }
    ASSERT_EQ(set_interface_mtu("tested0", 1600), 0);

    // What the kernel sends on the interface arrives: from a second, socket port on it.
    Outcome<Port> opened = open("net_af_packet2,iface=tested0", 1600);
    ASSERT_TRUE(opened.ok()) << opened.complaint().text();
    Running socket{tap.pool, std::make_unique<Port>(std::move(opened).value())};
    ASSERT_EQ(socket.port->start(*tap.pool), std::nullopt);
    EXPECT_TRUE(passes(tap, socket, 1614, 5));
    EXPECT_TRUE(passes(socket, tap, 1614, 6));
    socket.port.reset();
    tap.port.reset();
  }
  EXPECT_EQ(interface_mtu("tested0"), std::nullopt) << "the interface outlived its port";
  EXPECT_FALSE(open("net_tap0,iface=lo").ok()) << "opened an interface that is no tap";
}

}  // namespace
}  // namespace postern
