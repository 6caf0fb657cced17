#include "dataplane/stage/split.h"

#include <algorithm>
#include <cstring>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/headers.h"

namespace postern {
namespace {

constexpr uint32_t kEthernetBytes = sizeof(EthernetHeader);
// RFC 791 3.1.
constexpr uint32_t kUnitBytes = 8;
constexpr uint32_t kMostHeaderBytes = 60;

// The header of a piece.
struct PieceHeader {
  std::array<uint8_t, kMostHeaderBytes> bytes{};
  uint32_t size = sizeof(Ipv4Header);
};

// As later pieces bear it: of the options only those that are copied (RFC 791 3.1), which have
// passed parse_ipv4().
PieceHeader later_header(const uint8_t* ip) {
  constexpr uint8_t kEnd = 0;
  constexpr uint8_t kNop = 1;
  constexpr uint8_t kCopied = 0x80;
  PieceHeader header;
  std::memcpy(header.bytes.data(), ip, sizeof(Ipv4Header));
  const uint32_t end = view<Ipv4Header>(ip).header_bytes();
  for (uint32_t at = sizeof(Ipv4Header); at < end && ip[at] != kEnd;) {
    const uint32_t bytes = ip[at] == kNop ? 1 : ip[at + 1];
    if ((ip[at] & kCopied) != 0) {
      std::memcpy(&header.bytes[header.size], ip + at, bytes);
      header.size += bytes;
    }
    at += bytes;
  }
  header.size = (header.size + 3) / 4 * 4;  // padded with ends of the list
  header.bytes[0] = static_cast<uint8_t>(0x40 | header.size / 4);
  return header;
}

// Length, place and checksum of the piece whose header lies at `ip`.
void finish(uint8_t* ip, uint32_t header_bytes, uint32_t data_bytes, uint16_t fragment) {
  auto header = load<Ipv4Header>(ip);
  header.total_bytes = Be16(static_cast<uint16_t>(header_bytes + data_bytes));
  header.fragment = Be16(fragment);
  header.checksum = Be16(0);
  store(ip, header);
  store(ip + offsetof(Ipv4Header, checksum), checksum_of(ip, header_bytes));
}

// A frame with that header and a copy of the data.
rte_mbuf* make_piece(const PieceHeader& header, const uint8_t* data, uint32_t data_bytes,
                     uint16_t fragment, rte_mempool* pool) {
  rte_mbuf* piece = rte_pktmbuf_alloc(pool);
  if (piece == nullptr) return nullptr;
  const auto bytes = static_cast<uint16_t>(kEthernetBytes + header.size + data_bytes);
  auto* at = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(piece, bytes));
  if (at == nullptr) {
    rte_pktmbuf_free(piece);
    return nullptr;
  }
  uint8_t* ip = at + kEthernetBytes;
  std::memset(at, 0, kEthernetBytes);
  std::memcpy(ip, header.bytes.data(), header.size);
  std::memcpy(ip + header.size, data, data_bytes);
  finish(ip, header.size, data_bytes, fragment);
  return piece;
}

uint32_t whole_units(uint32_t bytes) { return bytes / kUnitBytes * kUnitBytes; }

}  // namespace

bool split_ipv4(rte_mbuf* frame, uint32_t mtu_bytes, rte_mempool* pool, Pieces& pieces) {
  uint8_t* const ip = rte_pktmbuf_mtod_offset(frame, uint8_t*, kEthernetBytes);
  const auto original = load<Ipv4Header>(ip);
  const uint32_t header_bytes = original.header_bytes();
  const uint32_t data_bytes = original.total_bytes.host() - header_bytes;
  const PieceHeader later = later_header(ip);
  const uint32_t in_first = whole_units(mtu_bytes - header_bytes);
  const uint32_t in_later = whole_units(mtu_bytes - later.size);
  const uint32_t unit = original.fragment.host() & Ipv4Header::kFragmentOffsetMask;
  const uint32_t flags = original.fragment.host() & ~uint32_t{Ipv4Header::kFragmentOffsetMask};
  pieces.frame[0] = frame;
  pieces.size = 1;
  for (uint32_t done = in_first; done < data_bytes; done += in_later) {
    const uint32_t bytes = std::min(in_later, data_bytes - done);
    const bool last = done + bytes == data_bytes;
    const uint32_t fragment =
        (unit + done / kUnitBytes) | flags | (last ? 0 : Ipv4Header::kMoreFragments);
    rte_mbuf* piece = pieces.size == Pieces::kMost
                          ? nullptr
                          : make_piece(later, ip + header_bytes + done, bytes,
                                       static_cast<uint16_t>(fragment), pool);
    if (piece == nullptr) {
      rte_pktmbuf_free_bulk(&pieces.frame[1], pieces.size - 1);
      return false;
    }
    pieces.frame[pieces.size++] = piece;
  }
  finish(ip, header_bytes, in_first,
         static_cast<uint16_t>(unit | flags | Ipv4Header::kMoreFragments));
  frame->data_len = static_cast<uint16_t>(kEthernetBytes + header_bytes + in_first);
  frame->pkt_len = frame->data_len;
  return true;
}

}  // namespace postern
