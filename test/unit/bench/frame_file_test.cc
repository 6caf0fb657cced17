#include "bench/run/frame_file.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace postern::bench {
namespace {

std::vector<uint8_t> contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

uint32_t word_at(const std::vector<uint8_t>& bytes, size_t at) {
  uint32_t word = 0;
  std::memcpy(&word, &bytes.at(at), sizeof word);
  return word;
}

TEST(FrameFile, HoldsEveryFrameAsItIsWritten) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/frames.pcap";
  const Scenario scenario;
  const Frames frames(scenario, Direction::kOutbound, 64);
  std::vector<FrameRecord> records;
  for (uint32_t i = 0; i < 3; ++i) {
    records.push_back(frames.outbound_record(Conversation::at(scenario, i)));
  }
  ASSERT_TRUE(write_frame_file(path, frames, records));

  const std::vector<uint8_t> bytes = contents(path);
  constexpr size_t kFileHeader = 24;
  constexpr size_t kPacketHeader = 16;
  ASSERT_EQ(bytes.size(), kFileHeader + 3 * (kPacketHeader + frames.bytes()));
  EXPECT_EQ(word_at(bytes, 0), 0xa1b2c3d4u);
  EXPECT_EQ(word_at(bytes, 20), 1u);  // Ethernet
  for (size_t i = 0; i < 3; ++i) {
    const size_t at = kFileHeader + i * (kPacketHeader + frames.bytes());
    EXPECT_EQ(word_at(bytes, at + 8), frames.bytes());
    EXPECT_EQ(word_at(bytes, at + 12), frames.bytes());
    std::vector<uint8_t> expected(frames.bytes());
    frames.write(records[i], expected.data());
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), &bytes[at + kPacketHeader])) << i;
  }
}

TEST(FrameFile, IsReadAsItWasWritten) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/frames.pcap";
  const Scenario scenario;
  constexpr std::array<uint32_t, 2> kSizes = {64, 570};
  const Frames frames(scenario, Direction::kOutbound, kSizes);
  const std::vector<FrameRecord> records = {
      frames.outbound_record(Conversation::at(scenario, 1), 0),
      frames.outbound_record(Conversation::at(scenario, 2), 1)};
  ASSERT_TRUE(write_frame_file(path, frames, records));
  const std::vector<std::vector<uint8_t>> read = read_frame_file(path);
  ASSERT_EQ(read.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    std::vector<uint8_t> expected(frames.bytes(records[i]));
    frames.write(records[i], expected.data());
    EXPECT_EQ(read[i], expected) << i;
  }
}

TEST(FrameFile, IsReadOnlyWhole) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/frames.pcap";
  const Scenario scenario;
  const Frames frames(scenario, Direction::kOutbound, 64);
  const std::vector<FrameRecord> records(2, frames.outbound_record(Conversation::at(scenario, 1)));
  ASSERT_TRUE(write_frame_file(path, frames, records));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_TRUE(read_frame_file(path).empty());
  std::filesystem::resize_file(path, 10);
  EXPECT_TRUE(read_frame_file(path).empty());
  EXPECT_TRUE(read_frame_file(folder.path() + "/nothing").empty());
}

TEST(FrameFile, FailsWhereItCannotBeWritten) {
  const Scenario scenario;
  const Frames frames(scenario, Direction::kInbound, 64);
  EXPECT_FALSE(write_frame_file("/nowhere/frames.pcap", frames, {}));
}

TEST(TemporaryFolder, EndsWithItsFiles) {
  std::string path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    ASSERT_NE(path, "");
    std::ofstream(path + "/file") << "something";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace postern::bench
