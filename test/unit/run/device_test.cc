#include "dataplane/run/device.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

Device parse(std::string_view text) {
  Outcome<Device> device = Device::parse(text);
  if (device) return std::move(device).value();
  ADD_FAILURE() << device.complaint().text();
  return {};
}

std::string completed(std::string_view text, uint32_t mtu_bytes) {
  return complete_device(parse(text), mtu_bytes).text();
}

TEST(Device, PciAddressesAreWrittenInFull) {
  const Device device = parse("3B:00.1");
  EXPECT_EQ(device.kind, Device::Kind::kPci);
  EXPECT_EQ(device.name, "0000:3b:00.1");
  EXPECT_EQ(parse("0001:3b:00.0,some=arg").text(), "0001:3b:00.0,some=arg");
}

TEST(Device, SoftwareDevicesAreTakenApart) {
  const Device device = parse("net_af_packet12,iface=g0,qdisc_bypass=0");
  EXPECT_EQ(device.kind, Device::Kind::kVdev);
  EXPECT_EQ(device.name, "net_af_packet12");
  EXPECT_EQ(device.driver, "net_af_packet");
  EXPECT_EQ(device.kernel_interface(), "g0");
  EXPECT_EQ(device.argument("qdisc_bypass"), "0");
  EXPECT_EQ(device.argument("framesz"), std::nullopt);
  EXPECT_EQ(parse("eth_pcap0,rx_pcap=a").driver, "net_pcap");
  EXPECT_EQ(parse("net_ring0").kernel_interface(), std::nullopt);
  EXPECT_TRUE(parse("net_tap0,iface=up").makes_kernel_interface());
}

TEST(Device, AnythingElseIsRefusedWithAnExample) {
  for (const std::string_view text :
       {"", "g0", "3b:00", "3b:00.8", "0000:3g:00.0", "0000:3b:00.0.1", ",iface=g0"}) {
    EXPECT_FALSE(Device::parse(text).ok()) << text;
  }
  const Outcome<Device> refused = Device::parse("g0");
  EXPECT_EQ(refused.complaint().what, "\"g0\" is no device");
  EXPECT_NE(refused.complaint().advice.find("net_af_packet0,iface=g0"), std::string::npos);
}

TEST(Device, SocketRingsAreSizedForTheMtu) {
  EXPECT_EQ(completed("net_af_packet0,iface=g0", 1500),
            "net_af_packet0,iface=g0,blocksz=65536,framesz=2048,framecnt=8192,qdisc_bypass=1");
  EXPECT_EQ(completed("net_af_packet0,iface=g0", 1600),
            "net_af_packet0,iface=g0,blocksz=65536,framesz=2048,framecnt=8192,qdisc_bypass=1");
  EXPECT_EQ(completed("net_af_packet0,iface=g0", 9000),
            "net_af_packet0,iface=g0,blocksz=65536,framesz=16384,framecnt=1024,qdisc_bypass=1");
  // Queues for each of three workers.
  EXPECT_EQ(
      complete_device(parse("net_af_packet0,iface=g0,framecnt=512,qdisc_bypass=0"), 1500, 3).text(),
      "net_af_packet0,iface=g0,framecnt=512,qdisc_bypass=0,qpairs=3");
  EXPECT_EQ(complete_device(parse("net_af_xdp0,iface=g0"), 1500, 3).text(),
            "net_af_xdp0,iface=g0,queue_count=3");
  EXPECT_EQ(complete_device(parse("net_af_xdp0,iface=g0,queue_count=1"), 1500, 3).text(),
            "net_af_xdp0,iface=g0,queue_count=1");
  EXPECT_EQ(complete_device(parse("net_tap0,iface=g0"), 1500, 3).text(), "net_tap0,iface=g0");
  // The operator's own ring is left alone.
  EXPECT_EQ(completed("net_af_packet0,iface=g0,framecnt=512,qdisc_bypass=0", 1500),
            "net_af_packet0,iface=g0,framecnt=512,qdisc_bypass=0");
}

TEST(Device, OtherDriversGetWhatTheyNeed) {
  EXPECT_EQ(completed("net_tap3", 1500), "net_tap3,iface=dtap3");
  EXPECT_EQ(completed("net_tap0,iface=up", 1500), "net_tap0,iface=up");
  EXPECT_EQ(completed("net_memif0,role=client", 1500), "net_memif0,role=client");
  EXPECT_EQ(completed("net_memif0,role=client", 9000), "net_memif0,role=client,bsize=9216");
  EXPECT_EQ(completed("net_memif0,bsize=4096", 9000), "net_memif0,bsize=4096");
  EXPECT_EQ(completed("0000:3b:00.0", 9000), "0000:3b:00.0");
}

TEST(Device, BuffersTooSmallForTheMtuAreFound) {
  EXPECT_EQ(check_mtu(parse("net_af_packet0,framesz=2048"), 1960), std::nullopt);
  const auto small = check_mtu(parse("net_af_packet0,framesz=2048"), 1961);
  ASSERT_TRUE(small);
  EXPECT_NE(small->advice.find("framesz=4096"), std::string::npos) << small->advice;
  EXPECT_EQ(check_mtu(parse("net_memif0"), 1500), std::nullopt);
  EXPECT_TRUE(check_mtu(parse("net_memif0,bsize=4096"), 9000));
  EXPECT_EQ(check_mtu(parse("net_af_xdp0,iface=g0"), 3542), std::nullopt);
  EXPECT_TRUE(check_mtu(parse("net_af_xdp0,iface=g0"), 3543));
  for (const uint32_t mtu : {576u, 1500u, 1961u, 3542u, 9000u, 9216u}) {
    for (const char* text : {"net_af_packet0", "net_memif0", "net_tap0", "net_null0"}) {
      EXPECT_EQ(check_mtu(complete_device(parse(text), mtu), mtu), std::nullopt) << text << mtu;
    }
  }
}

TEST(Device, RoomHoldsEveryFrameThatTheDriverMayDeliver) {
  EXPECT_EQ(frame_room_bytes(parse("net_null0"), 1500), 2048u);
  EXPECT_EQ(frame_room_bytes(parse("0000:3b:00.0"), 9000), 9024u);
  // The driver demands framesz - 32, whatever the MTU.
  EXPECT_EQ(frame_room_bytes(parse("net_af_packet0,framesz=16384"), 1500), 16384u);
  EXPECT_EQ(frame_room_bytes(parse("net_af_packet0,framesz=16"), 1500), 2048u);
  EXPECT_EQ(frame_room_bytes(parse("net_memif0,bsize=9216"), 1500), 9216u);
}

}  // namespace
}  // namespace postern
