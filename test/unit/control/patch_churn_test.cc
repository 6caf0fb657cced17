// Pods that come and go for hours: what a patch takes is given back, and nothing grows.
#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <string>
#include <string_view>

#include "test/unit/control/worked_gateway.h"

namespace postern {
namespace {

constexpr uint32_t kSettled = 20'000;
constexpr uint32_t kAlive = 256;          // pods at a time
constexpr uint32_t kPatchesAPurge = 500;  // a purge takes half a second: 1,000 patches a second
constexpr uint32_t kSources = 4096;       // a small table: what is not given back is missed soon

class NoResolver : public NextHopResolver {
 public:
  void published(const Snapshot&, std::span<const NextHop>) override {}
  void forget(std::span<const NeighbourSlot>) override {}
};

std::string wide_config() {
  constexpr std::string_view kNarrow = "\"10.128.0.0/23\" ]";
  std::string text = kWorkedConfig;
  return text.replace(text.find(kNarrow), kNarrow.size(), "\"10.128.0.0/23\", \"10.144.0.0/16\" ]");
}

class PatchChurnTest : public ::testing::Test {
 protected:
  void SetUp() override {
    config::LoadResult loaded = config::load_text(wide_config(), "text");
    ASSERT_TRUE(loaded.model) << loaded.errors[0].text();
    ASSERT_TRUE(gateway_.start(*loaded.model).ok());
    pass();
  }
  void pass() {
    worker_.turn();
    loop_.pass(std::chrono::milliseconds(1));
  }
  static std::string pod(uint32_t number) {
    return Ipv4Address{(10u << 24) + (144u << 16) + number % 65536}.text();
  }
  // So many patches, and what they leave behind.
  void churn(uint32_t patches);
  // Patch number n: every other one adds a pod, the others remove the oldest.
  void patch(uint32_t n) {
    const uint32_t number = n / 2;
    PodPatch change;
    if (n % 2 == 0) {
      change.add["payments"] = {pod(number)};
    } else if (number >= kAlive) {
      change.remove["payments"] = {pod(number - kAlive)};
    } else {
      return;
    }
    ++asked_;
    gateway_.patch(std::move(change), {}, [this](const ChangeResult& result) {
      if (result.status.ok() && result.changed == 1) ++done_;
    });
    loop_.run_helper();
  }

  FakeLoop loop_;
  PublishedSnapshot published_;
  FakeWorker worker_{&published_};
  Publisher publisher_{&loop_, &published_, {&worker_.channel}};
  SharedTables tables_{kSources, kMaxNextHops + kMaxOnLink, kMaxNodes, 7};
  NoResolver resolver_;
  Gateway gateway_{{.loop = &loop_,
                    .publisher = &publisher_,
                    .tables = &tables_,
                    .resolver = &resolver_,
                    .store = nullptr,
                    .machine = {{{0, {}}, {1, {}}}, 7},
                    .on_commit = {}}};
  uint64_t asked_ = 0;
  uint64_t done_ = 0;
};

void PatchChurnTest::churn(uint32_t patches) {
  size_t settled_bytes = 0;
  for (uint32_t n = 0; n < patches; ++n) {
    patch(n);
    if (n % 10 == 9) pass();
    if (n % kPatchesAPurge == 0) worker_.obey();
    if (n == kSettled) settled_bytes = mallinfo2().uordblks;
  }
  pass();
  EXPECT_EQ(done_, asked_) << "all were accepted: slots come back as fast as they go";
  EXPECT_EQ(gateway_.layer().size(), kAlive);
  EXPECT_LT(mallinfo2().uordblks, settled_bytes + (size_t{256} << 10));
}

TEST_F(PatchChurnTest, SlotsAndMemoryAreGivenBack) { churn(200'000); }

// For ctest -L nightly.
TEST_F(PatchChurnTest, DISABLED_NothingGrowsOverAMillionPatches) { churn(1'000'000); }

}  // namespace
}  // namespace postern
