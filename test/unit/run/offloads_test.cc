// What devices are asked for: those that offer it all, those that offer nothing, and those whose
// offer is no help.
#include "dataplane/run/offloads.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>

namespace postern {
namespace {

constexpr uint64_t kSums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
                           RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM;
constexpr Offloads kEverything{.receive = ~uint64_t{0}, .transmit = ~uint64_t{0}};

Device device(const char* text) {
  Outcome<Device> parsed = Device::parse(text);
  EXPECT_TRUE(parsed.ok());
  return std::move(parsed).value();
}

TEST(Offloads, ADeviceThatOffersThemIsAskedForChecksums) {
  const Offloads chosen = choose_offloads(device("0000:3b:00.0"), kEverything, false);
  EXPECT_EQ(chosen.receive, kSums);
  EXPECT_EQ(chosen.transmit, RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE);
  EXPECT_FALSE(puts_tags_on(chosen));
  EXPECT_TRUE(judges_sums(chosen));
}

TEST(Offloads, NothingIsAskedThatIsNotOffered) {
  for (const bool has_vlan : {false, true}) {
    const Offloads chosen = choose_offloads(device("0000:3b:00.0"), {}, has_vlan);
    EXPECT_EQ(chosen.receive, 0u);
    EXPECT_EQ(chosen.transmit, 0u);
    EXPECT_FALSE(puts_tags_on(chosen));
    EXPECT_FALSE(judges_sums(chosen));
  }
  const Offloads some{.receive = RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_SCATTER,
                      .transmit = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM};
  const Offloads chosen = choose_offloads(device("0000:3b:00.0"), some, true);
  EXPECT_EQ(chosen.receive, RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
  EXPECT_EQ(chosen.transmit, 0u);
}

TEST(Offloads, TagsOfAPortWithAVlan) {
  const Offloads chosen = choose_offloads(device("0000:3b:00.0"), kEverything, true);
  EXPECT_EQ(chosen.receive, kSums | RTE_ETH_RX_OFFLOAD_VLAN_STRIP);
  EXPECT_EQ(chosen.transmit, RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE | RTE_ETH_TX_OFFLOAD_VLAN_INSERT);
  EXPECT_TRUE(puts_tags_on(chosen));
}

TEST(Offloads, DriversThatAddUpByThemselvesAreNotAskedTo) {
  for (const char* text : {"net_tap0,iface=a", "net_vhost0,iface=a"}) {
    EXPECT_EQ(choose_offloads(device(text), kEverything, false).receive, 0u) << text;
    EXPECT_EQ(choose_offloads(device(text), kEverything, true).receive,
              RTE_ETH_RX_OFFLOAD_VLAN_STRIP)
        << text;
  }
  EXPECT_EQ(choose_offloads(device("net_virtio_user0,path=a"), kEverything, false).receive, kSums);
}

}  // namespace
}  // namespace postern
