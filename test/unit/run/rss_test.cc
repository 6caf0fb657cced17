// What a device is asked to spread packets by: with several queues and without, offered and not.
#include "dataplane/run/rss.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

constexpr uint64_t kNic =
    RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP | RTE_ETH_RSS_L2_PAYLOAD;

TEST(Rss, AddressesAndPortsWhereTheDeviceCan) {
  const uint64_t fields = rss_fields(kNic, 4);
  EXPECT_EQ(fields, RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
  EXPECT_EQ(rss_fields(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP, 2),
            RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP);
}

TEST(Rss, NothingWhereItCannotOrThereIsOneQueue) {
  EXPECT_EQ(rss_fields(0, 4), 0U);
  EXPECT_EQ(rss_fields(RTE_ETH_RSS_L2_PAYLOAD, 4), 0U);
  EXPECT_EQ(rss_fields(kNic, 1), 0U);
}

}  // namespace
}  // namespace postern
