#include "dataplane/table/session_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "dataplane/table/random_stream.h"
#include "test/unit/table/session_fixture.h"

namespace postern {
namespace {

TEST(IndexLine, ShowsThePortsOfABlock) {
  std::mt19937 random(1);
  for (int turn = 0; turn < 2000; ++turn) {
    IndexLine line{};
    const auto block = static_cast<uint16_t>(8 * (1 + random() % 3));
    uint8_t expected = 0;
    for (unsigned slot = 0; slot < IndexLine::kSlots; ++slot) {
      const auto tag = static_cast<uint16_t>(random() % 40);
      line.set(slot, tag, random() & 0xffffff);
      if ((tag & ~7) == block) expected |= static_cast<uint8_t>(1 << (tag & 7));
    }
    line.elsewhere = 0xffff;
    ASSERT_EQ(line.ports_of_block(block), expected);
  }
}

TEST(IndexLine, KeepsHandlesApart) {
  IndexLine line{};
  for (unsigned slot = 0; slot < IndexLine::kSlots; ++slot) {
    line.set(slot, static_cast<uint16_t>(slot + 1), 0xfffff0 + slot);
  }
  for (unsigned slot = 0; slot < IndexLine::kSlots; ++slot) {
    EXPECT_EQ(line.handle(slot), 0xfffff0 + slot);
    EXPECT_EQ(line.with_tag(static_cast<uint16_t>(slot + 1)).first(), slot);
  }
  EXPECT_TRUE(line.with_tag(0).empty());
}

// Far above the design load, so that all three kinds of place are used.
TEST(SessionIndex, NothingIsLostInChurn) {
  std::vector<IndexLine> lines(64);
  SessionIndex index(lines);
  std::map<uint32_t, IndexPlace> model;
  std::mt19937_64 random(5);
  uint32_t refused = 0;
  for (uint32_t step = 0; step < 100'000; ++step) {
    const auto handle = static_cast<uint32_t>(random() % 100'000);
    if (const auto known = model.find(handle); known != model.end()) {
      index.erase(known->second, handle);
      model.erase(known);
    } else if (model.size() < 700) {  // of 768 slots
      const IndexPlace place = index.outbound_place({random(), random()});
      if (!index.insert(place, handle)) {
        ++refused;
        continue;
      }
      model[handle] = place;
    } else {
      index.erase(model.begin()->second, model.begin()->first);
      model.erase(model.begin());
    }
    if (step % 500 != 0) continue;
    for (const auto& entry : model) {
      const uint32_t known = entry.first;
      ASSERT_EQ(index.find(entry.second, [&](uint32_t found) { return found == known; }), known);
    }
  }
  EXPECT_EQ(refused, 0U);
  for (const auto& [known, place] : model) index.erase(place, known);
  for (const IndexLine& line : lines) {
    EXPECT_EQ(line.elsewhere + line.reach, 0);
    for (const uint16_t tag : line.tag) EXPECT_EQ(tag, 0);
  }
}

TEST(SessionHash, EveryInputBitChangesHalfOfTheOutput) {
  const SessionHash hash(1, 2);
  const OutboundKey key = key_of(0x0a000001, 4000, 0x08080808, 53);
  const SessionHashValue before = hash.outbound(key);
  for (int bit = 0; bit < 128; ++bit) {
    OutboundKey changed = key;
    reinterpret_cast<uint8_t*>(&changed)[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const SessionHashValue after = hash.outbound(changed);
    const int flips =
        std::popcount(before.low ^ after.low) + std::popcount(before.high ^ after.high);
    EXPECT_GT(flips, 36) << bit;
    EXPECT_LT(flips, 92) << bit;
  }
  EXPECT_NE(SessionHash(1, 3).outbound(key).low, before.low);
}

TEST(SessionHash, EightPortsShareAPlace) {
  const SessionHash hash(1, 2);
  InboundKey key{.protocol = kUdp,
                 .remote_ip = Be32(0x08080808),
                 .remote_port = Be16(53),
                 .ignored = Be16(0),
                 .egress_ip = kEgressIp,
                 .egress_port = Be16(2048),
                 .padding = 0};
  const uint64_t block = hash.inbound_block(key).low;
  key.egress_port = Be16(2055);
  EXPECT_EQ(hash.inbound_block(key).low, block);
  key.egress_port = Be16(2056);
  EXPECT_NE(hash.inbound_block(key).low, block);
}

// FIPS 197 appendix C.1 gives one block; the counter mode of zero is AES of zero.
TEST(RandomStream, IsAesInCounterMode) {
  RandomStream stream(0, 0);
  // AES-128 of the zero block under the zero key: 66e94bd4 ef8a2c3b 884cfa59 ca342b2e.
  EXPECT_EQ(stream.peek(1), 0x3b2c8aefU);
  EXPECT_EQ(stream.next(), 0xd44be966U);
  EXPECT_EQ(stream.next(), 0x3b2c8aefU);
  EXPECT_EQ(stream.next(), 0x59fa4c88U);
  EXPECT_EQ(stream.next(), 0x2e2b34caU);
  // The block of counter 1: 58e2fcce fa7e3061 367f1d57 a4e7455a is for a big-endian counter; here
  // the counter is in the first byte.
  std::map<uint32_t, int> seen;
  for (int i = 0; i < 100'000; ++i) {
    const uint32_t ahead = stream.peek(63);
    std::vector<uint32_t> words;
    for (int n = 0; n < 64; ++n) words.push_back(stream.next());
    ASSERT_EQ(words.back(), ahead);
    if (i < 1000) {
      for (const uint32_t word : words) ++seen[word];
    }
  }
  EXPECT_GT(seen.size(), 63'990U) << "it repeats itself";
}

}  // namespace
}  // namespace postern
