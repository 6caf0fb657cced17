#include "dataplane/table/scarce_remotes.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>

namespace postern {
namespace {

// A bound of memory: 2 MB of bit maps.
constexpr uint32_t kMaxRecords = 256;
constexpr uint32_t kSummaryWords = 16;  // a bit for each word of a bit map of 65,536 ports
constexpr size_t kLine = 64;            // of a cache, in bytes

constexpr size_t round_up(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

uint32_t records_for(const PortBlocks& blocks, uint32_t max_sessions) {
  return std::min(2 * (max_sessions / blocks.ports()) + 2, kMaxRecords);
}

uint32_t words_for(const PortBlocks& blocks) { return blocks.last() / 8 - blocks.first() / 8 + 1; }

}  // namespace

size_t ScarceRemotes::memory_bytes(const PortBlocks& blocks, uint32_t max_sessions) {
  const size_t records = records_for(blocks, max_sessions);
  return records * sizeof(ScarceRemote) + round_up(records * sizeof(uint32_t)) +
         round_up(records * words_for(blocks) * sizeof(uint64_t));
}

ScarceRemotes::ScarceRemotes(const PortBlocks& blocks, uint32_t max_sessions,
                             std::span<std::byte> memory)
    : blocks_(blocks),
      first_word_(blocks.first() / 8),
      words_(words_for(blocks)),
      capacity_(records_for(blocks, max_sessions)) {
  std::byte* at = memory.data();
  remotes_ = reinterpret_cast<ScarceRemote*>(at);
  at += capacity_ * sizeof(ScarceRemote);
  fingerprints_ = reinterpret_cast<uint32_t*>(at);
  at += round_up(capacity_ * sizeof(uint32_t));
  maps_ = reinterpret_cast<uint64_t*>(at);
}

ScarceRemote* ScarceRemotes::find(uint32_t fingerprint, InboundWords key) const {
  const __m256i wanted = _mm256_set1_epi32(static_cast<int32_t>(fingerprint));
  for (uint32_t first = 0; first < count_; first += 8) {
    const auto* eight = reinterpret_cast<const __m256i*>(fingerprints_ + first);
    const __m256i equal = _mm256_cmpeq_epi32(_mm256_load_si256(eight), wanted);
    auto mask = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(equal)));
    for (; mask != 0; mask &= mask - 1) {
      const uint32_t number = first + static_cast<uint32_t>(std::countr_zero(mask));
      if (number < count_ && remotes_[number].key == key) return &remotes_[number];
    }
  }
  return nullptr;
}

ScarceRemote& ScarceRemotes::add(uint32_t fingerprint, InboundWords key) {
  if (count_ == capacity_) {
    const auto* most =
        std::max_element(remotes_, remotes_ + count_,
                         [](const auto& a, const auto& b) { return a.free_ports < b.free_ports; });
    drop(static_cast<uint32_t>(most - remotes_));
  }
  fingerprints_[count_] = fingerprint;
  ScarceRemote& remote = remotes_[count_++];
  remote = {.key = key, .free_ports = blocks_.ports(), .held = {}, .words_with_free = {}};
  uint64_t* map = free_map(remote);
  for (uint32_t word = 0; word < words_; ++word) {
    map[word] = 0;
    for (uint32_t lane = 0; lane < 8; ++lane) {
      const uint32_t block = 8 * (first_word_ + word) + lane;
      const bool ours = block >= blocks_.first() && block <= blocks_.last() && blocks_.owns(block);
      map[word] |= ours ? uint64_t{0xff} << 8 * lane : 0;
    }
    remote.words_with_free[word / 64] |= uint64_t{map[word] != 0} << word % 64;
  }
  return remote;
}

void ScarceRemotes::drop_if_plenty(ScarceRemote& remote) {
  if (2 * remote.free_ports <= blocks_.ports()) return;
  drop(static_cast<uint32_t>(&remote - remotes_));
}

void ScarceRemotes::drop(uint32_t number) {
  const uint32_t last = --count_;
  if (number == last) return;
  std::copy_n(free_map(remotes_[last]), words_, free_map(remotes_[number]));
  remotes_[number] = remotes_[last];
  fingerprints_[number] = fingerprints_[last];
}

bool ScarceRemotes::take(ScarceRemote& remote, uint16_t port) {
  const uint32_t number = port / 64U - first_word_;
  uint64_t& word = free_map(remote)[number];
  const uint64_t bit = uint64_t{1} << port % 64U;
  if ((word & bit) == 0) return false;
  word &= ~bit;
  if (word == 0) remote.words_with_free[number / 64] &= ~(uint64_t{1} << number % 64);
  --remote.free_ports;
  return true;
}

bool ScarceRemotes::release(ScarceRemote& remote, uint16_t port) {
  const uint32_t number = port / 64U - first_word_;
  uint64_t& word = free_map(remote)[number];
  const uint64_t bit = uint64_t{1} << port % 64U;
  if ((word & bit) != 0) return false;
  word |= bit;
  remote.words_with_free[number / 64] |= uint64_t{1} << number % 64;
  ++remote.free_ports;
  return true;
}

uint64_t ScarceRemotes::shard_bits_of_word(uint32_t word, uint32_t shard) const {
  uint64_t bits = 0;
  for (uint32_t lane = 0; lane < 8; ++lane) {
    if (blocks_.shard_of(8 * (first_word_ + word) + lane) == shard)
      bits |= uint64_t{0xff} << 8 * lane;
  }
  return bits;
}

// The first at or after `from`, going round; there is one.
uint32_t ScarceRemotes::next_word_with_free(const ScarceRemote& remote, uint32_t from) {
  uint64_t words = remote.words_with_free[from / 64] & ~uint64_t{0} << from % 64;
  uint32_t at = from / 64;
  while (words == 0) {
    at = (at + 1) % kSummaryWords;
    words = remote.words_with_free[at];
  }
  return 64 * at + static_cast<uint32_t>(std::countr_zero(words));
}

uint16_t ScarceRemotes::choose(const ScarceRemote& remote, uint32_t shard, uint32_t draw) const {
  const uint64_t* map = free_map(remote);
  const auto start = static_cast<uint32_t>(uint64_t{draw} * words_ >> 32);
  uint32_t word = next_word_with_free(remote, start);
  uint64_t free = map[word];
  for (uint32_t i = 0; blocks_.shard_bits() != 0 && i < words_; ++i) {
    const uint64_t own = map[word] & shard_bits_of_word(word, shard);
    if (own != 0) {
      free = own;
      break;
    }
    word = next_word_with_free(remote, word + 1 < words_ ? word + 1 : 0);
    free = map[word];
  }
  const int turn = static_cast<int>(draw & 63);
  const auto bit = static_cast<uint32_t>(std::countr_zero(std::rotr(free, turn)) + turn) % 64;
  return static_cast<uint16_t>(64 * (first_word_ + word) + bit);
}

}  // namespace postern
