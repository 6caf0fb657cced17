#include "bench/run/frame_file.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

namespace postern::bench {
namespace {

// The classic format, in this machine's byte order, microseconds, Ethernet
// (draft-ietf-opsawg-pcap, sections 4 and 5).
struct FileHeader {
  uint32_t magic = 0xa1b2c3d4;
  uint16_t major = 2;
  uint16_t minor = 4;
  uint32_t reserved[2] = {0, 0};
  uint32_t longest_packet = 65535;
  uint32_t link_type = 1;
};
struct PacketHeader {
  uint32_t seconds = 0;
  uint32_t microseconds = 0;
  uint32_t captured_bytes = 0;
  uint32_t original_bytes = 0;
};

// More than any network carries: then it is no file of frames.
constexpr uint32_t kLongestFrame = 16'384;

template <typename T>
void append(std::vector<uint8_t>& bytes, const T& value) {
  const auto* const begin = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

}  // namespace

bool write_frame_file(const std::string& path, const Frames& frames,
                      std::span<const FrameRecord> records) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "wb"));
  if (file == nullptr) return false;
  std::vector<uint8_t> bytes;
  append(bytes, FileHeader{});
  bool good = true;
  for (const FrameRecord& record : records) {
    const uint32_t length = frames.bytes(record);
    append(bytes, PacketHeader{.captured_bytes = length, .original_bytes = length});
    const size_t at = bytes.size();
    bytes.resize(at + std::max<size_t>(length, Frames::kTemplateBytes));
    frames.write(record, &bytes[at]);
    bytes.resize(at + length);
    if (bytes.size() < (1 << 20)) continue;
    good = good && std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
    bytes.clear();
  }
  good = good && std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
  return good && std::fflush(file.get()) == 0;
}

std::vector<std::vector<uint8_t>> read_frame_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  FileHeader header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  const FileHeader wanted;
  if (!file || header.magic != wanted.magic || header.link_type != wanted.link_type) return {};
  std::vector<std::vector<uint8_t>> frames;
  PacketHeader packet;
  while (file.read(reinterpret_cast<char*>(&packet), sizeof packet)) {
    if (packet.captured_bytes == 0 || packet.captured_bytes > kLongestFrame) return {};
    std::vector<uint8_t>& frame = frames.emplace_back(packet.captured_bytes);
    if (!file.read(reinterpret_cast<char*>(frame.data()), packet.captured_bytes)) return {};
  }
  return frames;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "postern-bench-XXXXXX";
  if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace postern::bench
