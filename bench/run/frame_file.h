// Frames as a pcap file: what net_pcap replays, and what a generator on another machine may send.
// Any thread.
#ifndef POSTERN_BENCH_RUN_FRAME_FILE_H_
#define POSTERN_BENCH_RUN_FRAME_FILE_H_

#include <span>
#include <string>

#include "bench/frames.h"

namespace postern::bench {

// Writes the frames of all records, in order. False when the file cannot be written.
[[nodiscard]] bool write_frame_file(const std::string& path, const Frames& frames,
                                    std::span<const FrameRecord> records);

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
