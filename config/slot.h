// Between a form's value and the member of the model that keeps it: the member may be an At, an
// optional, both, or a narrower integer. Values only; any thread.
#ifndef POSTERN_CONFIG_SLOT_H_
#define POSTERN_CONFIG_SLOT_H_

#include <optional>
#include <type_traits>
#include <utility>

#include "config/model.h"

namespace postern::config {

template <typename T>
struct IsAt : std::false_type {};
template <typename T>
struct IsAt<At<T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

// Puts a value where the model keeps it, with its line where that is kept.
template <typename Member, typename Value>
void store(Member& member, Value&& value, SourceLine line) {
  if constexpr (std::is_same_v<Member, std::decay_t<Value>>) {
    member = std::forward<Value>(value);
  } else if constexpr (IsAt<Member>::value) {
    store(member.value, std::forward<Value>(value), line);
    member.line = line;
  } else if constexpr (IsOptional<Member>::value) {
    store(member.emplace(), std::forward<Value>(value), line);
  } else {
    member = static_cast<Member>(value);
  }
}

// The value that `member` keeps for a form with that Value (or a narrower one of it); null where an
// optional is empty.
template <typename Value, typename Member>
const auto* value_of(const Member& member) {
  if constexpr (IsAt<Member>::value) {
    return value_of<Value>(member.value);
  } else if constexpr (IsOptional<Member>::value && !std::is_same_v<Member, Value>) {
    return member ? value_of<Value>(*member) : nullptr;
  } else {
    return &member;
  }
}

}  // namespace postern::config

#endif  // POSTERN_CONFIG_SLOT_H_
