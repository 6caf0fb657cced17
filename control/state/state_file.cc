#include "control/state/state_file.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

namespace postern {
namespace {

constexpr std::string_view kMagic = "postern state ";
constexpr std::string_view kVersion = "1";
constexpr size_t kLongestName = 63;

// FNV-1a. Each step is a bijection of the sum and of the byte, so one changed byte always shows.
uint64_t checksum(std::string_view text) {
  uint64_t sum = 0xcbf29ce484222325u;
  for (const char c : text) sum = (sum ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return sum;
}

std::string end_line(size_t pods, std::string_view before) {
  return absl::StrCat("end ", pods, " ", absl::Hex(checksum(before), absl::kZeroPad16), "\n");
}

std::string prefix_text(Ipv4Prefix prefix) {
  return absl::StrCat(prefix.address.text(), "/", prefix.length);
}

std::string shown(std::string_view text) {
  constexpr size_t kMost = 40;
  std::string out(text.substr(0, kMost));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return absl::StrCat("\"", out, text.size() > kMost ? "...\"" : "\"");
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

class StateReader {
 public:
  StateReader(std::string_view text, std::string_view gateway) : text_(text), gateway_(gateway) {}

  absl::StatusOr<PodLayer> read() {
    std::string_view name;
    uint64_t pods = 0;
    if (absl::Status status = read_version(); !status.ok()) return status;
    if (absl::Status status = read_word("gateway ", name); !status.ok()) return status;
    if (!is_name(name)) return wrong("a name was expected, not " + shown(name));
    if (absl::Status status = read_count(pods); !status.ok()) return status;
    for (uint64_t i = 0; i < pods; ++i) {
      if (absl::Status status = read_pod(); !status.ok()) return status;
    }
    if (absl::Status status = read_end(pods); !status.ok()) return status;
    if (name == gateway_) return std::move(layer_);
    return absl::FailedPreconditionError(absl::StrCat("the file belongs to the gateway ",
                                                      shown(name), ", not to ", shown(gateway_)));
  }

 private:
  using Place = std::tuple<std::string_view, char, Ipv4Prefix>;

  // The next line without its end, or nothing where none is whole.
  std::optional<std::string_view> take_line() {
    const size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos) return std::nullopt;
    ++line_;
    begin_ = at_;
    at_ = end + 1;
    return text_.substr(begin_, end - begin_);
  }

  [[nodiscard]] absl::Status wrong(std::string_view what) const {
    return absl::DataLossError(absl::StrCat(line_, ": ", std::string(what)));
  }
  static absl::Status cut_short() { return absl::DataLossError("the file is cut short"); }

  absl::Status read_version() {
    const std::optional<std::string_view> line = take_line();
    if (!line || !line->starts_with(kMagic)) {
      return absl::DataLossError("the file is no state file of postern, or is damaged");
    }
    const std::string_view version = line->substr(kMagic.size());
    if (version == kVersion) return absl::OkStatus();
    return absl::UnimplementedError(absl::StrCat("the file has the format ", shown(version),
                                                 ", this postern knows ", std::string(kVersion)));
  }

  // What follows `word` in the next line.
  absl::Status read_word(std::string_view word, std::string_view& rest) {
    const std::optional<std::string_view> line = take_line();
    if (!line) return cut_short();
    if (!line->starts_with(word)) {
      return wrong(absl::StrCat(shown(word), " was expected, not ", shown(*line)));
    }
    rest = line->substr(word.size());
    return absl::OkStatus();
  }

  absl::Status read_count(uint64_t& pods) {
    std::string_view number;
    if (absl::Status status = read_word("pods ", number); !status.ok()) return status;
    const absl::string_view text(number.data(), number.size());
    if (absl::SimpleAtoi(text, &pods) && absl::StrCat(pods) == number) return absl::OkStatus();
    return wrong("a number was expected, not " + shown(number));
  }

  // NAMESPACE + PREFIX, or with a minus.
  absl::Status read_pod() {
    const std::optional<std::string_view> line = take_line();
    if (!line) return cut_short();
    const size_t space = line->find(' ');
    const std::string_view name = line->substr(0, space);
    const bool has_sign =
        space != std::string_view::npos && line->size() > space + 3 && (*line)[space + 2] == ' ';
    const char sign = has_sign ? (*line)[space + 1] : '?';
    if (!is_name(name) || (sign != '+' && sign != '-')) {
      return wrong("NAMESPACE + POD was expected, not " + shown(*line));
    }
    const std::string_view text = line->substr(space + 3);
    const std::optional<Ipv4Prefix> pod = Ipv4Prefix::parse(text);
    if (!pod || pod->has_host_bits() || prefix_text(*pod) != text) {
      return wrong("a prefix as 10.128.0.11/32 was expected, not " + shown(text));
    }
    const Place place{name, sign, *pod};
    if (last_ && *last_ >= place) return wrong("out of order");
    last_ = place;
    layer_.note(std::string(name), *pod, sign == '+', sign == '-');
    return absl::OkStatus();
  }

  absl::Status read_end(uint64_t pods) {
    const std::optional<std::string_view> line = take_line();
    if (!line) return cut_short();
    const std::string expected = end_line(pods, text_.substr(0, begin_));
    if (absl::StrCat(std::string(*line), "\n") != expected) {
      return absl::DataLossError("the file is damaged: count or checksum do not fit");
    }
    if (at_ != text_.size()) return wrong("something follows the end");
    if (layer_.size() != pods) {
      return absl::DataLossError("the file has pods that are both added and removed");
    }
    return absl::OkStatus();
  }

  std::string_view text_;
  std::string_view gateway_;
  size_t at_ = 0;     // of the next line
  size_t begin_ = 0;  // of the line taken last
  size_t line_ = 0;   // its number
  std::optional<Place> last_;
  PodLayer layer_;
};

}  // namespace

std::string write_state(std::string_view gateway, const PodLayer& layer) {
  const size_t pods = layer.size();
  std::string text = absl::StrCat(std::string(kMagic), std::string(kVersion), "\ngateway ",
                                  std::string(gateway), "\npods ", pods, "\n");
  for (const auto& [name, entry] : layer.all()) {
    for (const Ipv4Prefix& pod : entry.added) {
      absl::StrAppend(&text, name, " + ", prefix_text(pod), "\n");
    }
    for (const Ipv4Prefix& pod : entry.removed) {
      absl::StrAppend(&text, name, " - ", prefix_text(pod), "\n");
    }
  }
  text += end_line(pods, text);
  return text;
}

absl::StatusOr<PodLayer> read_state(std::string_view text, std::string_view gateway) {
  return StateReader(text, gateway).read();
}

}  // namespace postern
