#include "bench/paced_ring.h"

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <optional>
#include <vector>

#include "bench/bench_eal.h"
#include "bench/nat_traffic.h"

namespace postern::bench {
namespace {

constexpr uint64_t kHz = 1'000'000;

class PacedRingTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = start_bench_eal(MemoryMode::kNoHuge, std::nullopt);
    ASSERT_TRUE(started.ok()) << started.complaint().text();
    eal_.emplace(std::move(started).value());
    auto pool = make_bench_pool();
    ASSERT_TRUE(pool.ok()) << pool.complaint().text();
    pool_.emplace(std::move(pool).value());
  }
  static void TearDownTestSuite() {
    pool_.reset();
    eal_.reset();
  }

  PacedRingTest() : scenario_(nat_scenario(100)), frames_(scenario_, Direction::kOutbound, 64) {
    for (uint32_t i = 0; i < 100; ++i) {
      records_.push_back(frames_.outbound_record(Conversation::at(scenario_, i)));
    }
  }

  static inline std::optional<BenchEal> eal_;
  static inline std::optional<MbufPool> pool_;
  Scenario scenario_;
  Frames frames_;
  std::vector<FrameRecord> records_;
};

TEST_F(PacedRingTest, EveryFrameIsTheNextRecord) {
  PacedRing ring(pool_->get(), frames_, records_);
  ring.schedule(0, 1000, kHz);  // one in 1,000 cycles
  Burst burst;
  uint32_t seen = 0;
  // Bursts of 1 to 64, several times round the ring.
  for (uint64_t step = 1, now = 0; seen < 3 * PacedRing::kSlots; now += 1000 * step) {
    step = step % kBurst + 1;
    const uint32_t count = ring.take(burst, now);
    ASSERT_EQ(count, burst.size);
    for (uint32_t i = 0; i < count; ++i, ++seen) {
      const Conversation expected = Conversation::at(scenario_, seen % 100);
      ASSERT_EQ(burst.frame[i]->data_len, frames_.bytes());
      const auto header = load<Ipv4Header>(burst.bytes(i, 64));
      ASSERT_EQ(Ipv4Address::from(header.source), expected.pod);
      ASSERT_EQ(Ipv4Address::from(header.destination), expected.remote);
    }
    rte_pktmbuf_free_bulk(burst.frame.data(), count);
  }
  EXPECT_EQ(ring.lost(), 0u);
  EXPECT_EQ(ring.failure(), "");
}

TEST_F(PacedRingTest, LatencyIsFromFallingDueToDeparture) {
  PacedRing ring(pool_->get(), frames_, records_);
  ring.schedule(100, 100'000, kHz, 140);  // due at 100, 110, 120, 130
  Burst burst;
  LatencyHistogram latency;
  EXPECT_EQ(ring.take(burst, 99), 0u);
  ASSERT_EQ(ring.take(burst, 121), 3u);
  rte_pktmbuf_free_bulk(burst.frame.data(), 3);
  ring.departed(125, latency);
  EXPECT_EQ(latency.total(), 3u);
  EXPECT_EQ(latency.max(), 25u);
  EXPECT_EQ(latency.quantile(0.5), 15u);
  ASSERT_EQ(ring.take(burst, 500), 1u);
  rte_pktmbuf_free_bulk(burst.frame.data(), 1);
  ring.departed(501, latency);
  EXPECT_EQ(latency.total(), 4u);
  EXPECT_EQ(latency.max(), 371u);
}

TEST_F(PacedRingTest, AnEmptyPoolIsAFailureNotALoss) {
  // Buffers that never come back.
  std::vector<rte_mbuf*> kept;
  {
    PacedRing ring(pool_->get(), frames_, records_);
    ring.schedule(0, kHz, kHz);
    Burst burst;
    for (uint64_t now = 0; ring.failure().empty(); now += kBurst) {
      const uint32_t count = ring.take(burst, now);
      ASSERT_GT(count, 0u);
      kept.insert(kept.end(), burst.frame.begin(), burst.frame.begin() + count);
    }
    EXPECT_EQ(ring.take(burst, 1'000'000), 0u);
    EXPECT_NE(ring.failure(), "");
  }
  rte_pktmbuf_free_bulk(kept.data(), static_cast<unsigned>(kept.size()));
}

}  // namespace
}  // namespace postern::bench
