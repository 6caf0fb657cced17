// Putting a tag on, by room: in front of the frame, behind it, by the device, and nowhere.
#include <gtest/gtest.h>

#include <array>

#include "test/packet/vlan_world.h"

namespace postern::test {
namespace {

constexpr uint32_t kFrameBytes = 60;

class VlanTagTest : public testing::Test {
 protected:
  ~VlanTagTest() override { rte_pktmbuf_free(frame_); }

  // A frame with so much room in front of it; behind it there is what is left.
  void make(uint16_t in_front, uint32_t bytes = kFrameBytes) {
    rte_pktmbuf_reset(frame_);
    frame_->data_off = in_front;
    auto* at = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(frame_, static_cast<uint16_t>(bytes)));
    ASSERT_NE(at, nullptr);
    for (uint32_t i = 0; i < bytes; ++i) at[i] = static_cast<uint8_t>(i);
  }
  [[nodiscard]] Bytes bytes() const {
    const auto* at = rte_pktmbuf_mtod(frame_, const uint8_t*);
    return {at, at + frame_->data_len};
  }
  void expect_tag_inside(uint32_t bytes_before = kFrameBytes) {
    const Bytes now = bytes();
    ASSERT_EQ(now.size(), bytes_before + sizeof(VlanTag));
    EXPECT_EQ(frame_->pkt_len, frame_->data_len);
    Bytes expected;
    for (uint32_t i = 0; i < bytes_before; ++i) {
      if (i == VlanTag::kOffset) expected.insert(expected.end(), {0x81, 0x00, 0x0f, 0xfe});
      expected.push_back(static_cast<uint8_t>(i));
    }
    EXPECT_EQ(now, expected);
    EXPECT_EQ(frame_->ol_flags & RTE_MBUF_F_TX_VLAN, 0u);
  }

  Gateway gateway_{world()};
  rte_mbuf* frame_ = rte_pktmbuf_alloc(gateway_.pool());
};

TEST_F(VlanTagTest, InFront) {
  for (const uint16_t room : std::array<uint16_t, 3>{4, 5, 128}) {
    make(room);
    ASSERT_TRUE(put_tag_on(*frame_, 0xffe, false));
    EXPECT_EQ(frame_->data_off, room - 4);
    expect_tag_inside();
  }
}

TEST_F(VlanTagTest, BehindWhereThereIsNoRoomInFront) {
  for (const uint16_t room : std::array<uint16_t, 2>{0, 3}) {
    make(room);
    ASSERT_TRUE(put_tag_on(*frame_, 0xffe, false));
    EXPECT_EQ(frame_->data_off, room);
    expect_tag_inside();
  }
}

TEST_F(VlanTagTest, ByTheDevice) {
  make(4);
  ASSERT_TRUE(put_tag_on(*frame_, 0xffe, true));
  EXPECT_EQ(frame_->ol_flags & RTE_MBUF_F_TX_VLAN, RTE_MBUF_F_TX_VLAN);
  EXPECT_EQ(frame_->vlan_tci, 0xffe);
  EXPECT_EQ(frame_->data_len, kFrameBytes);
  // Devices of software need room in front.
  make(3);
  ASSERT_TRUE(put_tag_on(*frame_, 0xffe, true));
  expect_tag_inside();
}

TEST_F(VlanTagTest, NoRoom) {
  const uint32_t all = rte_pktmbuf_data_room_size(gateway_.pool());
  make(3, all - 6);  // three in front, three behind
  const Bytes before = bytes();
  EXPECT_FALSE(put_tag_on(*frame_, 0xffe, false));
  EXPECT_FALSE(put_tag_on(*frame_, 0xffe, true));
  EXPECT_EQ(bytes(), before);
  make(3, all - 7);  // four behind
  ASSERT_TRUE(put_tag_on(*frame_, 0xffe, false));
  expect_tag_inside(all - 7);
}

}  // namespace
}  // namespace postern::test
