// The folder of what survives a restart (`gateway.state_dir`), and the one file in it.
//
// The folder is locked for as long as this lives, so two gateways cannot share it. The file is
// replaced whole: a temporary file beside it is written, flushed to the disk and renamed, and the
// folder is flushed; whoever reads sees the old text or the new one, also after a crash. Mode 0600.
//
// Blocks on the disk. One thread at a time.
#ifndef POSTERN_CONTROL_STATE_STATE_FOLDER_H_
#define POSTERN_CONTROL_STATE_STATE_FOLDER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>

#include "control/rpc/fd.h"
#include "dataplane/run/complaint.h"

namespace postern {

class StateFolder {
 public:
  // Opens the folder and locks it; tries whether files can be made there. What stands in the way is
  // a complaint with what to do.
  static Outcome<StateFolder> open(const std::string& path);

  // The file's text, or nothing where there is none. Fails on what only a stranger, or a mistake,
  // can have put there.
  [[nodiscard]] absl::StatusOr<std::optional<std::string>> read() const;
  // Replaces the file. When it fails the old text is still there.
  [[nodiscard]] absl::Status write(std::string_view text) const;

  // Of the file.
  [[nodiscard]] std::string file() const;

 private:
  StateFolder(std::string path, Fd folder);
  [[nodiscard]] absl::Status make_temporary(Fd& file) const;
  [[nodiscard]] absl::Status fault(const char* what) const;

  std::string path_;
  Fd folder_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_STATE_STATE_FOLDER_H_
