#include "dataplane/wire/address.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Ipv4Address, ParsesOnlyPlainDottedQuads) {
  EXPECT_EQ(Ipv4Address::parse("10.128.0.11")->value, 0x0a80000bu);
  EXPECT_EQ(Ipv4Address::parse("255.255.255.255")->text(), "255.255.255.255");
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
                          "1..3.4", "1.2.3.-4", "1.2.3.4/24", "0x1.2.3.4", "1.2.3.1000"}) {
    EXPECT_FALSE(Ipv4Address::parse(bad)) << bad;
  }
}

TEST(Ipv4Prefix, ParsesKeepsAndReportsHostBits) {
  EXPECT_EQ(Ipv4Prefix::parse("10.0.0.0/8")->text(), "10.0.0.0/8");
  EXPECT_EQ(Ipv4Prefix::parse("10.0.0.1")->length, 32);
  EXPECT_EQ(Ipv4Prefix::parse("10.0.0.1/32")->text(), "10.0.0.1");
  EXPECT_TRUE(Ipv4Prefix::parse("10.0.0.1/8")->has_host_bits());
  EXPECT_FALSE(Ipv4Prefix::parse("0.0.0.0/0")->has_host_bits());
  for (const char* bad : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "/8", "10.0.0.0/8x"}) {
    EXPECT_FALSE(Ipv4Prefix::parse(bad)) << bad;
  }
}

TEST(Ipv4Prefix, ContainsAndOverlaps) {
  const auto wide = *Ipv4Prefix::parse("10.128.0.0/14");
  const auto narrow = *Ipv4Prefix::parse("10.130.7.0/24");
  EXPECT_TRUE(wide.contains(narrow));
  EXPECT_FALSE(narrow.contains(wide));
  EXPECT_TRUE(narrow.overlaps(wide));
  EXPECT_FALSE(narrow.overlaps(*Ipv4Prefix::parse("10.130.8.0/24")));
  EXPECT_TRUE(Ipv4Prefix::parse("0.0.0.0/0")->contains(*Ipv4Address::parse("255.255.255.255")));
}

TEST(MacAddress, RoundTrips) {
  const auto mac = *MacAddress::parse("0a:58:0A:80:00:01");
  EXPECT_EQ(mac.text(), "0a:58:0a:80:00:01");
  EXPECT_EQ(MacAddress::from_packed(mac.packed()), mac);
  EXPECT_FALSE(MacAddress::parse("0a:58:0a:80:00"));
  EXPECT_FALSE(MacAddress::parse("0a-58-0a-80-00-01"));
  EXPECT_FALSE(MacAddress::parse("0g:58:0a:80:00:01"));
}

}  // namespace
}  // namespace postern
