// The text of the state file: what is written is read, and nothing else is.
#include "control/state/state_file.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern {
namespace {

Ipv4Prefix prefix(std::string_view text) { return *Ipv4Prefix::parse(text); }

PodLayer sample() {
  PodLayer layer;
  layer.note("payments", prefix("10.128.0.71"), true, false);
  layer.note("payments", prefix("10.128.0.70"), true, false);
  layer.note("payments", prefix("10.128.0.11"), false, true);
  layer.note("shop", prefix("10.128.2.0/26"), false, true);
  layer.note("shop-2", prefix("0.0.0.0/0"), true, false);
  return layer;
}

std::string error_of(std::string_view text, std::string_view gateway = "gw-a") {
  const absl::StatusOr<PodLayer> layer = read_state(text, gateway);
  return layer.ok() ? "" : std::string(layer.status().message());
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

// With the checksum that the text before the end needs, as whoever edits a file by hand might.
std::string sealed(std::string_view before, size_t pods) {
  uint64_t sum = 0xcbf29ce484222325u;
  for (const char c : before) sum = (sum ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  char end[64];
  std::snprintf(end, sizeof end, "end %zu %016lx\n", pods, sum);
  return std::string(before) + end;
}

TEST(StateFile, LooksAsPromised) {
  EXPECT_EQ(write_state("gw-a", PodLayer()), sealed("postern state 1\ngateway gw-a\npods 0\n", 0));
  EXPECT_EQ(write_state("gw-a", sample()), sealed("postern state 1\n"
                                                  "gateway gw-a\n"
                                                  "pods 5\n"
                                                  "payments + 10.128.0.70/32\n"
                                                  "payments + 10.128.0.71/32\n"
                                                  "payments - 10.128.0.11/32\n"
                                                  "shop - 10.128.2.0/26\n"
                                                  "shop-2 + 0.0.0.0/0\n",
                                                  5));
}

TEST(StateFile, WhatIsWrittenIsRead) {
  for (const PodLayer& layer : {PodLayer(), sample()}) {
    const std::string text = write_state("gw-a", layer);
    const absl::StatusOr<PodLayer> read = read_state(text, "gw-a");
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->size(), layer.size());
    EXPECT_EQ(write_state("gw-a", *read), text);
  }
}

// Never half read: each shorter text and each text with another byte is refused.
TEST(StateFile, EveryCutAndEveryChangedByteIsRefused) {
  const std::string text = write_state("gw-a", sample());
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_NE(error_of(text.substr(0, size)), "") << size;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    for (int byte = 0; byte < 256; ++byte) {
      if (static_cast<char>(byte) == text[i]) continue;
      changed[i] = static_cast<char>(byte);
      EXPECT_FALSE(read_state(changed, "gw-a").ok()) << i << " " << byte;
    }
  }
  EXPECT_NE(error_of(text + "\n"), "");
  EXPECT_NE(error_of(text + text), "");
}

TEST(StateFile, SaysWhatIsWrongAndWhere) {
  const std::string text = write_state("gw-a", sample());
  EXPECT_EQ(error_of(""), "the file is no state file of postern, or is damaged");
  EXPECT_EQ(error_of("#!/bin/sh\n"), "the file is no state file of postern, or is damaged");
  EXPECT_EQ(error_of(replaced(text, "state 1", "state 2")),
            "the file has the format \"2\", this postern knows 1");
  EXPECT_EQ(error_of(text, "gw-b"), "the file belongs to the gateway \"gw-a\", not to \"gw-b\"");
  EXPECT_EQ(error_of(replaced(text, "pods 5", "pods 05")), "3: a number was expected, not \"05\"");
  EXPECT_EQ(error_of(replaced(text, "pods 5", "pods 4")),
            "the file is damaged: count or checksum do not fit");
  EXPECT_EQ(error_of(replaced(text, "10.128.0.71/32", "10.128.0.300/32")),
            "5: a prefix as 10.128.0.11/32 was expected, not \"10.128.0.300/32\"");
  EXPECT_EQ(error_of(replaced(text, "shop -", "shop *")),
            "7: NAMESPACE + POD was expected, not \"shop * 10.128.2.0/26\"");
  EXPECT_EQ(error_of(replaced(text, "10.128.0.11/32", "10.128.0.12/32")),
            "the file is damaged: count or checksum do not fit");
  EXPECT_EQ(error_of(text.substr(0, text.size() - 30)), "the file is cut short");
}

// Also where the checksum fits, there is one text for a layer only.
TEST(StateFile, TakesNoOtherTextForTheSameLayer) {
  const std::string head = "postern state 1\ngateway gw-a\n";
  const std::vector<std::pair<std::string, size_t>> bodies = {
      {"pods 2\na + 10.0.0.2/32\na + 10.0.0.1/32\n", 2},  // out of order
      {"pods 2\na + 10.0.0.1/32\na + 10.0.0.1/32\n", 2},  // twice
      {"pods 2\na + 10.0.0.1/32\na - 10.0.0.1/32\n", 2},  // added and removed
      {"pods 2\na - 10.0.0.1/32\na + 10.0.0.2/32\n", 2},  // removed ones come later
      {"pods 1\na + 10.0.0.1\n", 1},
      {"pods 1\na + 10.0.0.1/24\n", 1},
      {"pods 1\na  + 10.0.0.1/32\n", 1},
      {"pods 1\na+ 10.0.0.1/32\n", 1},
      {"pods 1\n + 10.0.0.1/32\n", 1},
      {"pods 1\na/b + 10.0.0.1/32\n", 1},
      {"pods 1\na + 10.0.0.1/32\r\n", 1},
      {"pods 99999999999999999999\n", 0},
      {"pods 1\n" + std::string(64, 'a') + " + 10.0.0.1/32\n", 1}};
  EXPECT_EQ(error_of(sealed(head + "pods 1\na + 10.0.0.1/32\n", 1)), "");
  for (const auto& [body, pods] : bodies) {
    EXPECT_NE(error_of(sealed(head + body, pods)), "") << body;
  }
  EXPECT_NE(error_of(sealed("postern state 1\ngateway \npods 0\n", 0), ""), "");
}

}  // namespace
}  // namespace postern
