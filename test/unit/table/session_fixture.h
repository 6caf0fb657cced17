// A session table with memory of its own, and sessions to put into it.
#ifndef POSTERN_TEST_UNIT_TABLE_SESSION_FIXTURE_H_
#define POSTERN_TEST_UNIT_TABLE_SESSION_FIXTURE_H_

#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "dataplane/table/session_table.h"

namespace postern {

inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kTcp = 6;
inline constexpr Be32 kEgressIp{0xc0000201};  // 192.0.2.1

inline SessionTableConfig config_of(uint32_t max_sessions, uint32_t port_hold_s = 0) {
  return {.max_sessions = max_sessions,
          .port_low = 1024,
          .port_high = 65535,
          .port_hold_s = port_hold_s,
          .key = {0x0123456789abcdef, 0xfedcba9876543210, 0x0f1e2d3c4b5a6978, 0x1122334455667788},
          .shard_bits = 0,
          .owned_shards = 1};
}

class TestTable {
 public:
  explicit TestTable(const SessionTableConfig& config)
      : memory_(zeroed(SessionTable::memory_bytes(config))), table(config, span_of(config)) {}

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  using Memory = std::unique_ptr<std::byte[], Free>;
  static Memory zeroed(size_t bytes) {
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(64, bytes));
    std::memset(memory, 0, bytes);
    return Memory(memory);
  }
  std::span<std::byte> span_of(const SessionTableConfig& config) {
    return {memory_.get(), SessionTable::memory_bytes(config)};
  }
  Memory memory_;

 public:
  SessionTable table;
};

inline OutboundKey key_of(uint32_t source_ip, uint16_t source_port, uint32_t remote_ip,
                          uint16_t remote_port, uint8_t protocol = kUdp, uint32_t vni = 100) {
  return {.source_ip = Be32(source_ip),
          .vni_protocol = OutboundKey::pack(vni, protocol),
          .remote_ip = Be32(remote_ip),
          .remote_port = Be16(remote_port),
          .source_port = Be16(source_port)};
}

inline NewSession session_of(const OutboundKey& key, uint32_t timeout_s = 300,
                             Be32 egress_ip = kEgressIp) {
  NewSession session{};
  session.key = key;
  session.egress_ip = egress_ip;
  session.timeout_s = timeout_s;
  return session;
}

// The n-th of many pods, all of which talk to one remote endpoint.
inline NewSession to_one_remote(uint32_t n, uint8_t protocol = kUdp) {
  return session_of(key_of(0x0a000000 + n / 50000, static_cast<uint16_t>(10000 + n % 50000),
                           0xcb007101, 443, protocol));
}

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_TABLE_SESSION_FIXTURE_H_
