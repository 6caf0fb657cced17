// Fuzzes the state file. Whatever it is, reading it ends; what is accepted is exactly what writing
// the layer makes, and no other byte at any place of it is accepted.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/state/state_file.h"

namespace {

constexpr std::string_view kGateway = "gw-a";

void judge(std::string_view text) {
  const absl::StatusOr<postern::PodLayer> layer = postern::read_state(text, kGateway);
  if (!layer.ok()) {
    if (layer.status().message().empty()) std::abort();
    return;
  }
  if (postern::write_state(kGateway, *layer) != text) std::abort();
}

// The text with the checksum that it needs, so that what lies behind the checksum is reached.
std::string sealed(std::string_view text) {
  const size_t end = text.rfind("\nend ");
  if (end == std::string_view::npos) return std::string(text);
  std::string out(text.substr(0, end + 1));
  uint64_t sum = 0xcbf29ce484222325u;
  for (const char c : out) sum = (sum ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  const size_t count = text.find(' ', end + 5);
  out += text.substr(end + 1, count == std::string_view::npos ? count : count - end);
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[sum >> shift & 15];
  return out + "\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  judge(text);
  std::string valid = sealed(text);
  judge(valid);
  if (!postern::read_state(valid, kGateway).ok()) return 0;
  for (size_t i = 0; i < valid.size(); ++i) {
    valid[i] = static_cast<char>(valid[i] ^ 1 << i % 8);
    if (postern::read_state(valid, kGateway).ok()) std::abort();
    valid[i] = static_cast<char>(valid[i] ^ 1 << i % 8);
  }
  return 0;
}
