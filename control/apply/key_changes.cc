#include "control/apply/key_changes.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>

namespace postern {
namespace {

using Texts = std::vector<std::string>;

// Joined with commas; nothing where that would be longer than a value may be.
std::optional<std::string> whole(const Texts& texts) {
  if (texts.empty()) return "[ ]";
  std::string out = "[ ";
  for (const std::string& text : texts) {
    if (out.size() + text.size() > kLongestChangedValue) return std::nullopt;
    absl::StrAppend(&out, out.size() == 2 ? "" : ", ", text);
  }
  return out + " ]";
}

// How many there are, and which of them the other list lacks, as far as there is room.
std::string what_others_lack(const Texts& texts, const Texts& others) {
  const absl::flat_hash_set<std::string> known(others.begin(), others.end());
  std::string out = absl::StrCat(texts.size(), texts.size() == 1 ? " value" : " values");
  size_t own = 0;
  for (const std::string& text : texts) {
    if (known.contains(text)) continue;
    if (out.size() + text.size() > kLongestChangedValue) return out + ", ...";
    absl::StrAppend(&out, own++ == 0 ? ", among them " : ", ", text);
  }
  return out;
}

}  // namespace

ChangedTexts changed_lists(const Texts& was, const Texts& is) {
  std::optional<std::string> before = whole(was);
  std::optional<std::string> after = whole(is);
  if (before && after) return {*std::move(before), *std::move(after)};
  return {what_others_lack(was, is), what_others_lack(is, was)};
}

std::string bounded(std::string text) {
  if (text.size() <= kLongestChangedValue) return text;
  size_t cut = kLongestChangedValue;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return text.substr(0, cut) + "...";
}

}  // namespace postern
