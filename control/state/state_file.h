// The text of the state file: the layer of pods that `namespaces.patch` laid over the configuration
// file, so that it lives longer than the process.
//
//   postern state 1
//   gateway gw-a
//   pods 3
//   payments + 10.128.0.70/32       a pod that the file does not have
//   payments + 10.128.0.71/32
//   shop - 10.128.2.0/26            one that the file has and that was removed
//   end 3 5f1d3c0a9b8e7762          the count again, and a checksum of all lines before
//
// There is one text for a layer: entries in order, numbers and prefixes in their shortest form. So
// a text is either what write_state() makes of some layer, or it is refused whole. The checksum
// finds every change of one byte, and others but for one in 2^64; it is no protection against
// somebody who may write the file. Pure functions, any thread.
#ifndef POSTERN_CONTROL_STATE_STATE_FILE_H_
#define POSTERN_CONTROL_STATE_STATE_FILE_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "control/apply/pod_layer.h"

namespace postern {

// More than any gateway has room for: what is larger is no state file.
inline constexpr size_t kMaxStateBytes = size_t{192} << 20;

// `gateway`: gateway.name of the configuration.
std::string write_state(std::string_view gateway, const PodLayer& layer);

// The layer that was written; or what is wrong with the text, beginning with "LINE: " where a line
// can be named and with "the file " where none can.
absl::StatusOr<PodLayer> read_state(std::string_view text, std::string_view gateway);

}  // namespace postern

#endif  // POSTERN_CONTROL_STATE_STATE_FILE_H_
