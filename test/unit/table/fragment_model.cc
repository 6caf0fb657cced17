#include "test/unit/table/fragment_model.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

namespace postern {
namespace {

constexpr size_t kListed = 14;  // fragments of a datagram that need no range map

bool same_source(const FragmentKey& a, const FragmentKey& b) {
  return a.source == b.source && a.direction == b.direction &&
         (a.vni_protocol & 0xffffff) == (b.vni_protocol & 0xffffff);
}

uint32_t units(uint32_t end_byte) { return (end_byte + 7) / 8; }

bool has_first(const std::vector<Fragment>& pieces) {
  return std::any_of(pieces.begin(), pieces.end(),
                     [](const Fragment& piece) { return piece.first_byte == 0; });
}

const Fragment& first_of(const std::vector<Fragment>& pieces) {
  return *std::find_if(pieces.begin(), pieces.end(),
                       [](const Fragment& piece) { return piece.first_byte == 0; });
}

bool equal(const FirstFragment& a, const FirstFragment& b) {
  return a.source_port == b.source_port && a.destination_port == b.destination_port &&
         a.tcp_base == b.tcp_base;
}

// Unit by unit: whose it is.
enum class Meeting { kNew, kSame, kOverlap };
Meeting meet(const std::vector<Fragment>& pieces, const Fragment& fragment) {
  std::array<const Fragment*, 8192> owner{};
  for (const Fragment& piece : pieces) {
    for (uint32_t unit = piece.first_byte / 8u; unit < units(piece.end_byte); ++unit) {
      owner[unit] = &piece;
    }
  }
  const Fragment* met = nullptr;
  for (uint32_t unit = fragment.first_byte / 8u; unit < units(fragment.end_byte); ++unit) {
    if (owner[unit] != nullptr) met = owner[unit];
  }
  if (met == nullptr) return Meeting::kNew;
  const bool same = met->first_byte == fragment.first_byte && met->end_byte == fragment.end_byte &&
                    met->more == fragment.more && equal(met->first, fragment.first);
  return same ? Meeting::kSame : Meeting::kOverlap;
}

// A fragment that no sender would have made of this datagram.
bool contradicts_end(const std::vector<Fragment>& pieces, const Fragment& fragment) {
  for (const Fragment& piece : pieces) {
    if (!piece.more && fragment.end_byte >= piece.end_byte) return true;
    if (!fragment.more && fragment.end_byte <= piece.end_byte) return true;
  }
  return false;
}

bool is_whole(const std::vector<Fragment>& pieces) {
  uint32_t end = 0;
  uint32_t covered = 0;
  for (const Fragment& piece : pieces) {
    if (!piece.more) end = units(piece.end_byte);
    covered += units(piece.end_byte) - piece.first_byte / 8u;
  }
  return end != 0 && covered == end;
}

}  // namespace

FragmentModel::Place FragmentModel::find(const FragmentKey& key) {
  return std::find_if(datagrams_.begin(), datagrams_.end(),
                      [&key](const Datagram& datagram) { return datagram.key == key; });
}

ModelAnswer FragmentModel::take(const Fragment& fragment, uint64_t number,
                                const FragmentLimits& limits, Now now) {
  ModelAnswer answer;
  Place datagram = find(fragment.key);
  if (datagram == datagrams_.end()) datagram = create(fragment.key, limits, now, answer);
  if (datagram == datagrams_.end()) return answer;
  const Meeting meeting = datagram->spoilt ? Meeting::kOverlap : meet(datagram->pieces, fragment);
  if (meeting == Meeting::kOverlap) {
    answer.verdict = FragmentVerdict::kOverlap;
    answer.others = std::move(datagram->early);
    datagram->early.clear();
    datagram->spoilt = true;
    datagram->has_map = false;
    return answer;
  }
  if (meeting == Meeting::kNew) {
    if (contradicts_end(datagram->pieces, fragment)) {
      answer.verdict = FragmentVerdict::kBad;
      return answer;
    }
    if (datagram->pieces.size() == kListed && !find_map(datagram, limits, now, answer)) {
      return answer;
    }
  }
  const bool is_early = fragment.first_byte != 0 && !has_first(datagram->pieces);
  if (is_early) {
    if (early_of(&fragment.key) >= config_.early_per_source) {
      evict(&fragment.key, datagram, 8, now, answer);
    }
    // What gave way just now is given back by the caller only.
    const auto is_full = [&] { return early_of(nullptr) + answer.evicted.size() >= config_.early; };
    if (is_full()) evict(nullptr, datagram, 8, now, answer);
    if (is_full() || early_of(&fragment.key) >= config_.early_per_source) {
      if (datagram->pieces.empty()) datagrams_.erase(datagram);
      return answer;
    }
    datagram->early.push_back(number);
  }
  if (meeting == Meeting::kNew) datagram->pieces.push_back(fragment);
  if (is_early) {
    answer.verdict = FragmentVerdict::kEarly;
    return answer;
  }
  answer.verdict = FragmentVerdict::kPass;
  answer.first = first_of(datagram->pieces).first;
  answer.others = std::move(datagram->early);
  datagram->early.clear();
  if (is_whole(datagram->pieces)) datagrams_.erase(datagram);
  return answer;
}

FragmentModel::Place FragmentModel::create(const FragmentKey& key, const FragmentLimits& limits,
                                           Now now, ModelAnswer& answer) {
  const size_t most = std::min(limits.datagrams, config_.datagrams);
  if (datagrams_.size() >= most) evict(nullptr, datagrams_.end(), 1, now, answer);
  if (datagrams_.size() >= most) return datagrams_.end();
  if (datagrams_of(key) >= limits.datagrams_per_source) {
    evict(&key, datagrams_.end(), 1, now, answer);
  }
  if (datagrams_of(key) >= limits.datagrams_per_source) return datagrams_.end();
  Datagram datagram;
  datagram.key = key;
  datagram.began_ms = now.ms;
  return datagrams_.insert(datagrams_.end(), datagram);
}

void FragmentModel::evict(const FragmentKey* source, Place not_this, uint32_t count, Now now,
                          ModelAnswer& answer) {
  for (; count > 0; --count) {
    const Place oldest =
        std::find_if(datagrams_.begin(), datagrams_.end(), [source](const Datagram& datagram) {
          return source == nullptr || same_source(datagram.key, *source);
        });
    if (oldest == datagrams_.end() || oldest == not_this) return;
    if (now.ms - oldest->began_ms < FragmentTable::kGivesWay_ms) return;
    answer.evicted.insert(answer.evicted.begin(), oldest->early.begin(), oldest->early.end());
    datagrams_.erase(oldest);
  }
}

bool FragmentModel::find_map(Place datagram, const FragmentLimits& limits, Now now,
                             ModelAnswer& answer) {
  if (datagram->has_map) return true;
  const size_t most = std::max(limits.datagrams_per_source / 16, 4u);
  const size_t all = std::max(config_.datagrams / 16, 64u);
  const FragmentKey key = datagram->key;
  if (maps_of(&key) >= most) evict(&key, datagram, 8, now, answer);
  if (maps_of(nullptr) >= all) evict(nullptr, datagram, 8, now, answer);
  if (maps_of(&key) >= most || maps_of(nullptr) >= all) return false;
  datagram->has_map = true;
  return true;
}

size_t FragmentModel::early_of(const FragmentKey* source) const {
  size_t count = 0;
  for (const Datagram& datagram : datagrams_) {
    if (source == nullptr || same_source(datagram.key, *source)) count += datagram.early.size();
  }
  return count;
}

size_t FragmentModel::maps_of(const FragmentKey* source) const {
  return static_cast<size_t>(
      std::count_if(datagrams_.begin(), datagrams_.end(), [source](const Datagram& datagram) {
        return datagram.has_map && (source == nullptr || same_source(datagram.key, *source));
      }));
}

size_t FragmentModel::datagrams_of(const FragmentKey& source) const {
  return static_cast<size_t>(std::count_if(
      datagrams_.begin(), datagrams_.end(),
      [&source](const Datagram& datagram) { return same_source(datagram.key, source); }));
}

std::vector<uint64_t> FragmentModel::expire(const FragmentLimits& limits, Now now) {
  std::vector<uint64_t> early;
  while (!datagrams_.empty() && now.ms - datagrams_.front().began_ms >= limits.timeout_ms) {
    const Datagram& oldest = datagrams_.front();
    early.insert(early.end(), oldest.early.begin(), oldest.early.end());
    datagrams_.pop_front();
  }
  return early;
}

namespace {

struct FreeMemory {
  void operator()(std::byte* memory) const { std::free(memory); }
};

// Both, side by side.
class Game {
 public:
  explicit Game(const FragmentTableConfig& config)
      : memory_(make_memory(config)),
        table_(config, {memory_.get(), FragmentTable::memory_bytes(config)}),
        model_(config),
        kept_(config.early) {}

  void pass_ms(uint64_t ms) { now_.ms += ms; }
  // An empty string when they agree.
  std::string expire(const FragmentLimits& limits) {
    std::vector<uint64_t> early;
    EarlySlot chain = kNoEarly;
    while (table_.expire_one(limits, now_, chain)) append(take_chain(chain), early);
    if (early != model_.expire(limits, now_)) return "other early fragments expire";
    return table_.size() == model_.size() ? "" : "another number of datagrams after expiry";
  }
  std::string take(const Fragment& fragment, const FragmentLimits& limits) {
    const uint64_t number = ++numbers_;
    const FragmentAnswer answer = table_.take(fragment, limits, now_);
    const ModelAnswer expected = model_.take(fragment, number, limits, now_);
    if (answer.verdict == FragmentVerdict::kEarly) kept_.at(answer.slot) = number;
    if ((answer.verdict == FragmentVerdict::kEarly) != (answer.slot != kNoEarly)) return "slot";
    const std::vector<uint64_t> others = take_chain(answer.others);
    const std::vector<uint64_t> evicted = take_chain(answer.evicted);
    if (answer.verdict != expected.verdict) {
      return "verdict " + std::to_string(static_cast<int>(answer.verdict)) + " for " +
             std::to_string(static_cast<int>(expected.verdict));
    }
    if (!equal(answer.first, expected.first)) return "ports";
    if (others != expected.others) return "other fragments of the datagram";
    if (evicted != expected.evicted) return "evicted fragments";
    return table_.size() == model_.size() ? "" : "another number of datagrams";
  }

 private:
  static std::unique_ptr<std::byte, FreeMemory> make_memory(const FragmentTableConfig& config) {
    const size_t bytes = FragmentTable::memory_bytes(config);
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(64, bytes));
    std::fill_n(memory, bytes, std::byte{});
    return std::unique_ptr<std::byte, FreeMemory>(memory);
  }
  std::vector<uint64_t> take_chain(EarlySlot slot) {
    std::vector<uint64_t> numbers;
    while (slot != kNoEarly) {
      const EarlySlot next = table_.next_early(slot);
      numbers.push_back(kept_.at(slot));
      table_.free_early(slot);
      slot = next;
    }
    return numbers;
  }
  static void append(const std::vector<uint64_t>& from, std::vector<uint64_t>& to) {
    to.insert(to.end(), from.begin(), from.end());
  }

  std::unique_ptr<std::byte, FreeMemory> memory_;
  FragmentTable table_;
  FragmentModel model_;
  std::vector<uint64_t> kept_;  // by slot
  uint64_t numbers_ = 0;
  Now now_{1000};
};

// An operation is five bytes:
//   0  high bit: time passes, else who: source 2 bits, id 2 bits, protocol 1 bit, direction 1 bit
//   1  first unit, times 32 where the high bit of byte 3 is set
//   2  how many units, at least one, likewise
//   3  bit 0: more follow; bits 1 to 3: bytes missing from the last unit; bits 4 to 6: limits
//   4  ports
constexpr size_t kOperationBytes = 5;

Fragment fragment_of(std::span<const uint8_t> operation) {
  Fragment fragment{};
  const uint32_t scale = (operation[3] & 0x80) != 0 ? 256 : 8;
  fragment.key.source = Be32(0x0a800000u | (operation[0] & 3u));
  fragment.key.id = Be16(static_cast<uint16_t>(operation[0] >> 2 & 3));
  fragment.key.vni_protocol = 100u | ((operation[0] & 0x10) != 0 ? 17u << 24 : 6u << 24);
  fragment.key.direction = (operation[0] & 0x20) != 0 ? Direction::kInbound : Direction::kOutbound;
  fragment.more = (operation[3] & 1) != 0;
  const uint32_t first = operation[1] * scale;
  uint32_t end = first + (operation[2] % 64u + 1) * scale;
  if (!fragment.more) end -= operation[3] >> 1 & 7;
  fragment.first_byte = static_cast<uint16_t>(first);
  fragment.end_byte = static_cast<uint16_t>(std::min(end, fragment.more ? 65504u : 65515u));
  if (fragment.first_byte == 0) {
    fragment.first.source_port = Be16(static_cast<uint16_t>(operation[4] & 1));
    fragment.first.destination_port = Be16(static_cast<uint16_t>(operation[4] >> 1 & 1));
  }
  return fragment;
}

FragmentLimits limits_of(uint8_t byte) {
  const uint32_t choice = byte >> 4 & 7;
  return {.timeout_ms = 30'000,
          .datagrams = choice < 4 ? 12u : choice,
          .datagrams_per_source = choice < 4 ? 6u : choice - 3};
}

}  // namespace

std::string play_fragment_operations(std::span<const uint8_t> operations) {
  Game game({.datagrams = 12, .early = 24, .early_per_source = 10, .key = {1, 2}});
  for (size_t at = 0; at + kOperationBytes <= operations.size(); at += kOperationBytes) {
    const auto operation = operations.subspan(at, kOperationBytes);
    const FragmentLimits limits = limits_of(operation[3]);
    if ((operation[0] & 0x80) != 0) game.pass_ms(uint64_t{operation[1]} * 8 * (operation[2] + 1u));
    std::string difference = game.expire(limits);
    const Fragment fragment = fragment_of(operation);
    if (difference.empty() && fragment.first_byte < fragment.end_byte) {
      difference = game.take(fragment, limits);
    }
    if (!difference.empty()) {
      return "operation " + std::to_string(at / kOperationBytes) + ": " + difference;
    }
  }
  return {};
}

}  // namespace postern
