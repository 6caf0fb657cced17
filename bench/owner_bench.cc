// What it costs to find a packet's owner: by the keyed hash, by the hash that NICs compute, and by
// DPDK's own function for that, bit by bit. Random tuples, TSC cycles each.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>
#include <rte_thash.h>

#include <array>
#include <random>
#include <vector>

#include "dataplane/table/owner_map.h"

namespace postern::bench {
namespace {

constexpr uint32_t kTuples = 65'536;
constexpr Toeplitz::Key kKey = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
                                0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0};

std::vector<OutboundKey> tuples() {
  std::mt19937_64 random(1);
  std::vector<OutboundKey> keys(kTuples);
  for (OutboundKey& key : keys) {
    key.source_ip = Be32(static_cast<uint32_t>(random()));
    key.vni_protocol = OutboundKey::pack(100, kProtocolUdp);
    key.remote_ip = Be32(static_cast<uint32_t>(random()));
    key.remote_port = Be16(static_cast<uint16_t>(random()));
    key.source_port = Be16(static_cast<uint16_t>(random()));
  }
  return keys;
}

template <typename Find>
void measure(benchmark::State& state, Find find) {
  const std::vector<OutboundKey> keys = tuples();
  const uint64_t begun = rte_rdtsc();
  for (auto _ : state) benchmark::DoNotOptimize(find(keys));
  const auto packets = static_cast<double>(state.iterations()) * kTuples;
  state.counters["cycles"] = static_cast<double>(rte_rdtsc() - begun) / packets;
  state.SetItemsProcessed(static_cast<int64_t>(packets));
}

[[gnu::target("aes,pclmul")]] uint32_t sum_of_owners(const OwnerMap& owners,
                                                     const std::vector<OutboundKey>& keys) {
  uint32_t sum = 0;
  for (const OutboundKey& key : keys) sum += owners.outbound(key);
  return sum;
}

void owner(benchmark::State& state) {
  OwnerMap::Setup setup{.workers = 4, .key = {1, 2}};
  if (state.range(0) != 0) setup.toeplitz_key = kKey;
  const OwnerMap owners(setup);
  measure(state, [&](const auto& keys) { return sum_of_owners(owners, keys); });
}

void softrss(benchmark::State& state) {
  std::array<uint8_t, 40> key{};
  std::copy(kKey.begin(), kKey.end(), key.begin());
  measure(state, [&](const auto& keys) {
    uint32_t sum = 0;
    for (const OutboundKey& tuple : keys) {
      std::array<uint32_t, 3> words = {
          tuple.source_ip.host(), tuple.remote_ip.host(),
          uint32_t{tuple.source_port.host()} << 16 | tuple.remote_port.host()};
      sum += rte_softrss(words.data(), 3, key.data());
    }
    return sum;
  });
}

BENCHMARK(owner)->ArgName("toeplitz")->Arg(0)->Arg(1);
BENCHMARK(softrss);

}  // namespace
}  // namespace postern::bench

BENCHMARK_MAIN();
