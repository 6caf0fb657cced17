// Which ports a table may give out, in blocks of eight, and the order in which blocks are tried.
//
// Block b holds the ports 8b..8b+7 and belongs to shard b modulo 2^shard_bits. Within a shard,
// blocks are tried from a random start by a random odd stride, over the next power of two, so that
// each comes exactly once; stepping to the neighbour instead clusters (twice the cost at 99 %).
// Values; any thread.
#ifndef POSTERN_DATAPLANE_TABLE_PORT_BLOCKS_H_
#define POSTERN_DATAPLANE_TABLE_PORT_BLOCKS_H_

#include <algorithm>
#include <bit>
#include <cstdint>

namespace postern {

class PortBlocks {
 public:
  // `port_low` and the port after `port_high` are multiples of 8; `owned` has a bit for each shard.
  PortBlocks(uint16_t port_low, uint16_t port_high, uint8_t shard_bits, uint64_t owned)
      : first_(port_low / 8U), last_(port_high / 8U), shard_bits_(shard_bits), owned_(owned) {
    base_ = first_ & ~shard_mask();
    period_ = std::bit_ceil(((last_ - base_) >> shard_bits_) + 1);
    for (uint32_t block = first_; block <= last_; ++block) ports_ += owns(block) ? 8 : 0;
  }

  [[nodiscard]] uint32_t first() const { return first_; }
  [[nodiscard]] uint32_t last() const { return last_; }
  [[nodiscard]] bool owns(uint32_t block) const { return (owned_ >> shard_of(block) & 1) != 0; }
  // Ports that may be given out, of all owned shards.
  [[nodiscard]] uint32_t ports() const { return ports_; }
  [[nodiscard]] uint8_t shard_bits() const { return shard_bits_; }
  [[nodiscard]] uint32_t shards() const { return 1U << shard_bits_; }
  [[nodiscard]] uint32_t shard_mask() const { return shards() - 1; }
  [[nodiscard]] uint32_t shard_of(uint32_t block) const { return block & shard_mask(); }
  [[nodiscard]] bool owns_shard(uint32_t shard) const { return (owned_ >> shard & 1) != 0; }

  // Every block of one shard once, in an order that `draw` (32 random bits) chooses.
  class Walk {
   public:
    Walk(const PortBlocks& blocks, uint32_t shard, uint32_t draw)
        : blocks_(blocks),
          shard_(shard),
          at_(draw & 0x1fff),
          stride_((draw >> 12 & 0x1ffe) | 1),
          left_(blocks.period_) {}
    // Fills `out` with up to `count` blocks; fewer, and then none, when the walk is over.
    uint32_t next(uint32_t* out, uint32_t count) {
      uint32_t filled = 0;
      for (; filled < count && left_ != 0; --left_, at_ += stride_) {
        const uint32_t step = at_ & (blocks_.period_ - 1);
        const uint32_t block = blocks_.base_ + (step << blocks_.shard_bits_) + shard_;
        out[filled] = block;
        filled += block >= blocks_.first_ && block <= blocks_.last_ ? 1 : 0;
      }
      return filled;
    }

   private:
    const PortBlocks& blocks_;
    uint32_t shard_;
    uint32_t at_;
    uint32_t stride_;
    uint32_t left_;
  };

 private:
  uint32_t first_;
  uint32_t last_;
  uint8_t shard_bits_;
  uint64_t owned_;
  uint32_t base_;    // block of shard 0 at or before the first
  uint32_t period_;  // steps of a walk
  uint32_t ports_ = 0;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_TABLE_PORT_BLOCKS_H_
