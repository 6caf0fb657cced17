// A plain reassembler: keeps every fragment of a datagram in a list and looks at each unit of eight
// bytes by itself. Lists of operations are played to it and to the fragment table, and every
// verdict, every early fragment that is woken, lost or evicted, and every bound is compared. Used
// by a unit test with random lists and by the fuzz target.
#ifndef POSTERN_TEST_UNIT_TABLE_FRAGMENT_MODEL_H_
#define POSTERN_TEST_UNIT_TABLE_FRAGMENT_MODEL_H_

#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <vector>

#include "dataplane/table/fragment_table.h"

namespace postern {

// What FragmentAnswer says, with the early fragments by their numbers.
struct ModelAnswer {
  FragmentVerdict verdict = FragmentVerdict::kLimit;
  FirstFragment first;
  std::vector<uint64_t> others;
  std::vector<uint64_t> evicted;
};

class FragmentModel {
 public:
  explicit FragmentModel(const FragmentTableConfig& config) : config_(config) {}

  // `number` names the fragment where it must be kept.
  ModelAnswer take(const Fragment& fragment, uint64_t number, const FragmentLimits& limits,
                   Now now);
  // The early fragments of every datagram whose time is over, oldest datagram first.
  std::vector<uint64_t> expire(const FragmentLimits& limits, Now now);
  [[nodiscard]] size_t size() const { return datagrams_.size(); }

 private:
  struct Datagram {
    FragmentKey key;
    uint64_t began_ms = 0;
    bool spoilt = false;
    bool has_map = false;
    std::vector<Fragment> pieces;  // different ones
    std::vector<uint64_t> early;
  };
  using Place = std::list<Datagram>::iterator;

  Place find(const FragmentKey& key);
  Place create(const FragmentKey& key, const FragmentLimits& limits, Now now, ModelAnswer& answer);
  // `source` null: of everybody.
  void evict(const FragmentKey* source, Place not_this, uint32_t count, Now now,
             ModelAnswer& answer);
  bool find_map(Place datagram, const FragmentLimits& limits, Now now, ModelAnswer& answer);
  [[nodiscard]] size_t early_of(const FragmentKey* source) const;
  [[nodiscard]] size_t maps_of(const FragmentKey* source) const;
  [[nodiscard]] size_t datagrams_of(const FragmentKey& source) const;

  FragmentTableConfig config_;
  std::list<Datagram> datagrams_;  // oldest first
};

// Plays `operations` (any bytes) to both. An empty string when they agree, else what differed and
// at which operation.
std::string play_fragment_operations(std::span<const uint8_t> operations);

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_TABLE_FRAGMENT_MODEL_H_
