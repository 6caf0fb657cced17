#include "bench/table_in_huge_pages.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <random>

namespace postern {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

// A bijection that looks random (the finalizer of splitmix64).
uint64_t scattered(uint64_t n) {
  n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
  n = (n ^ n >> 27) * 0x94d049bb133111eb;
  return n ^ n >> 31;
}

}  // namespace

HugePages::HugePages(size_t bytes) : bytes_((bytes + kHugePage - 1) / kHugePage * kHugePage) {
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  void* at = mmap(nullptr, bytes_, kProtection, kFlags | MAP_HUGETLB, -1, 0);
  if (at == MAP_FAILED) {
    at = mmap(nullptr, bytes_, kProtection, kFlags, -1, 0);
    if (at == MAP_FAILED) std::abort();
    madvise(at, bytes_, MADV_HUGEPAGE);
  }
  memory_ = static_cast<std::byte*>(at);
  std::memset(memory_, 0, bytes_);  // no page is met for the first time while cycles are counted
}

HugePages::~HugePages() { munmap(memory_, bytes_); }

SessionTableConfig bench_config(uint32_t max_sessions) {
  return {.max_sessions = max_sessions,
          .port_low = 1024,
          .port_high = 65535,
          .port_hold_s = 0,
          .key = {0x0123456789abcdef, 0xfedcba9876543210, 0x0f1e2d3c4b5a6978, 0x1122334455667788},
          .shard_bits = 0,
          .owned_shards = 1};
}

NewSession random_session(uint64_t n) {
  const uint64_t pod = scattered(n);
  const uint64_t remote = scattered(~n);
  NewSession session{};
  session.key = {.source_ip = Be32(0x0a000000 | (pod & 0xffff)),
                 .vni_protocol = OutboundKey::pack(100, 17),
                 .remote_ip = Be32(static_cast<uint32_t>(remote)),
                 .remote_port = Be16(static_cast<uint16_t>(remote >> 32)),
                 .source_port = Be16(static_cast<uint16_t>(pod >> 32))};
  session.egress_ip = Be32(0xc0000201 + static_cast<uint32_t>(remote >> 60));
  session.timeout_s = 300;
  return session;
}

NewSession crowded_session(uint32_t n) {
  NewSession session{};
  session.key = {.source_ip = Be32(0x0a000000 | n >> 12),
                 .vni_protocol = OutboundKey::pack(100, 17),
                 .remote_ip = Be32(0x08080808),
                 .remote_port = Be16(53),
                 .source_port = Be16(static_cast<uint16_t>(1024 + (n & 0xfff)))};
  session.egress_ip = Be32(0xc0000201);
  session.timeout_s = 300;
  return session;
}

void fill_and_churn(SessionTable& table, uint32_t live) {
  uint64_t next = 0;
  while (table.live() < live) table.create(random_session(next++), kBenchNow);
  std::mt19937_64 random(1);
  for (uint32_t i = 0; i < live; ++i) {
    const auto victim = static_cast<SessionHandle>(random() % live);
    if (!table.is_live(victim)) continue;
    table.end(victim, kBenchNow);
    table.create(random_session(next++), kBenchNow);
  }
}

}  // namespace postern
