// A session table in huge pages, and the traffic that its benchmarks put into it.
#ifndef POSTERN_BENCH_TABLE_IN_HUGE_PAGES_H_
#define POSTERN_BENCH_TABLE_IN_HUGE_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/table/session_table.h"

namespace postern {

inline constexpr Now kBenchNow{1'000'000};

// Zeroed memory: reserved huge pages where there are any, else pages that the kernel is asked to
// make huge. 4 KiB pages cost 17 to 25 % from a million sessions.
class HugePages {
 public:
  explicit HugePages(size_t bytes);
  ~HugePages();
  HugePages(const HugePages&) = delete;
  HugePages& operator=(const HugePages&) = delete;
  [[nodiscard]] std::span<std::byte> span() const { return {memory_, bytes_}; }

 private:
  std::byte* memory_;
  size_t bytes_;
};

class BenchTable {
 public:
  explicit BenchTable(const SessionTableConfig& config)
      : memory_(SessionTable::memory_bytes(config)), table(config, memory_.span()) {}

 private:
  HugePages memory_;

 public:
  SessionTable table;
};

SessionTableConfig bench_config(uint32_t max_sessions);

// Session number `n`: pods, their ports and remotes all over the place.
NewSession random_session(uint64_t n);
// Session number `n` towards one remote endpoint.
NewSession crowded_session(uint32_t n);

// Fills the table with the first `live` random sessions, then ends and makes sessions, each once
// on average, so that the second-choice share is that of a table that has been in use.

void fill_and_churn(SessionTable& table, uint32_t live);

// What the walk does before it opens sessions.
inline void prefetch_create(SessionTable& table, std::span<const NewSession> sessions) {
  SessionTable::ComingSessions coming(table);
  for (const NewSession& session : sessions) coming.prefetch(session);
}

}  // namespace postern

#endif  // POSTERN_BENCH_TABLE_IN_HUGE_PAGES_H_
