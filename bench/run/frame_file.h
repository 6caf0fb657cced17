// Frames as a pcap file: what net_pcap replays, and what a generator on another machine may send.
// Any thread.
#ifndef POSTERN_BENCH_RUN_FRAME_FILE_H_
#define POSTERN_BENCH_RUN_FRAME_FILE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bench/frames.h"

namespace postern::bench {

// Writes the frames of all records, in order. False when the file cannot be written.
[[nodiscard]] bool write_frame_file(const std::string& path, const Frames& frames,
                                    std::span<const FrameRecord> records);

// The frames of such a file; none where it cannot be read or is no capture of Ethernet frames in
// this machine's byte order.
[[nodiscard]] std::vector<std::vector<uint8_t>> read_frame_file(const std::string& path);

// A folder for files of a run; it ends with the object, and they with it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  // Empty where it could not be made.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_FRAME_FILE_H_
