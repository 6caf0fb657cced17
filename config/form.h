// The forms that single values take in the file: what each accepts, how it is written, and the
// words for it in messages and documents. The schema (schema.h) gives every setting one of them.
//
// A form has
//   Value                      what is kept in the model
//   read(scalar)               the value, or a problem, or both: a value whose form is right and
//                              whose function is not built yet is kept for the checks that follow
//   print(value)               libconfig text; reading it gives the value back
//   expects()                  completes "must be ..."
//   unsupported()              some: which of the values are not supported yet, or nothing
// Values only; any thread.
#ifndef POSTERN_CONFIG_FORM_H_
#define POSTERN_CONFIG_FORM_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/model.h"

namespace postern::config {

// What libconfig holds for a setting that is neither a group nor a list.
using Scalar = std::variant<int64_t, bool, double, std::string_view>;

// A text as libconfig reads it: in double quotes, with escapes.
std::string quoted(std::string_view text);
// The text without what a terminal or a JSON reader would stumble over: control characters and
// bytes that are no UTF-8, written as \xNN.
std::string printable(std::string_view text);
// The scalar as in the file, long texts cut.
std::string shown(const Scalar& scalar);

template <typename T>
struct Reading {
  std::optional<T> value;
  std::string problem;  // empty: none
};

// "must be EXPECTED, is SHOWN".
std::string must_be(const std::string& expected, const Scalar& scalar);
// "not supported yet: SHOWN".
std::string not_yet(const Scalar& scalar);

struct Integer {
  using Value = int64_t;
  int64_t min;
  int64_t max;
  std::string_view unit = {};  // what is counted, for messages
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const { return std::to_string(value); }
  [[nodiscard]] std::string expects() const;
};

struct Boolean {
  using Value = bool;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const { return value ? "true" : "false"; }
  [[nodiscard]] std::string expects() const { return "true or false"; }
};

// Any text, for what only others can judge (devices, paths, EAL arguments): UTF-8 without control
// characters, because logs, messages and JSON will show it.
struct Text {
  using Value = std::string;
  size_t longest;
  size_t shortest = 1;
  bool many_lines = false;  // line breaks and tabs, too
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(const Value& value) const { return config::quoted(value); }
  [[nodiscard]] std::string expects() const;
};

// A name of an entry: letters, digits, '.', '_', '-', at most 63.
struct Name {
  using Value = std::string;
  bool star = false;  // "*" too
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(const Value& value) const { return config::quoted(value); }
  [[nodiscard]] std::string expects() const;
};

// A DNS name, or "*." and one for all under it.
struct HostName {
  using Value = std::string;
  bool wildcard_later = false;  // "*.example.org" is not supported yet
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(const Value& value) const { return config::quoted(value); }
  [[nodiscard]] std::string expects() const;
  [[nodiscard]] std::string unsupported() const {
    return wildcard_later ? config::quoted("*.example.com") : "";
  }
};

// "off", or one of the given kinds of place. Kept as text: who opens it takes it apart.
struct Target {
  using Value = std::string;
  enum class Kind : uint8_t { kMetrics, kSessionLog } kind;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(const Value& value) const { return config::quoted(value); }
  [[nodiscard]] std::string expects() const;
};

struct Duration {
  using Value = uint32_t;  // seconds
  uint32_t min_s;
  uint32_t max_s;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const;
  [[nodiscard]] std::string expects() const;
};

struct Rate {
  using Value = uint64_t;  // bits a second
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const;
  [[nodiscard]] std::string expects() const;
};

// An address that a host can have: not martian, not multicast.
struct Address {
  using Value = Ipv4Address;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const { return config::quoted(value.text()); }
  [[nodiscard]] std::string expects() const;
};

// A prefix without host bits; a bare address stands for itself alone, but 0.0.0.0 for no host.
struct Prefix {
  using Value = Ipv4Prefix;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const { return config::quoted(value.text()); }
  [[nodiscard]] std::string expects() const;
};

// A host's address with the length of its subnet. The length must be written: without it, the
// gateway would take the hosts beside it for ones beyond a next hop.
struct AddressInSubnet {
  using Value = PortAddress;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const;
  [[nodiscard]] std::string expects() const;
};

// A unicast MAC address.
struct Mac {
  using Value = MacAddress;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const { return config::quoted(value.text()); }
  [[nodiscard]] std::string expects() const;
};

// Whole Geneve options in hexadecimal (RFC 8926 3.5).
struct GeneveOptions {
  using Value = std::vector<uint8_t>;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(const Value& value) const;
  [[nodiscard]] std::string expects() const;
};

// CPUs, one worker each.
struct CpuList {
  using Value = std::vector<uint16_t>;
  size_t most;  // as many workers can run
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(const Value& value) const;
  [[nodiscard]] std::string expects() const;
};

struct Vni {
  using Value = std::optional<uint32_t>;  // nothing: "any"
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const;
  [[nodiscard]] std::string expects() const;
};

// External ports, on multiples of 8 so that they divide among workers.
struct ExternalPorts {
  using Value = PortRange;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const;
  [[nodiscard]] std::string expects() const;
};

struct Mss {
  using Value = MssClamp;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const;
  [[nodiscard]] std::string expects() const;
};

// What a firewall rule says of protocol and destination port.
struct Service {
  using Value = FirewallPorts;
  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const;
  [[nodiscard]] std::string print(Value value) const;
  [[nodiscard]] std::string expects() const;
};

// One word of the file and what it means.
template <typename E>
struct Word {
  std::string_view text;
  E value;
  bool later = false;  // not supported yet
};

template <typename E, size_t N>
struct Words {
  using Value = E;
  std::array<Word<E>, N> words;

  [[nodiscard]] Reading<Value> read(const Scalar& scalar) const {
    const auto* text = std::get_if<std::string_view>(&scalar);
    for (const Word<E>& word : words) {
      if (text == nullptr || *text != word.text) continue;
      return {word.value, word.later ? not_yet(scalar) : ""};
    }
    return {std::nullopt, must_be(expects(), scalar)};
  }
  [[nodiscard]] std::string print(Value value) const {
    for (const Word<E>& word : words) {
      if (word.value == value) return quoted(word.text);
    }
    return quoted("");
  }
  [[nodiscard]] std::string unsupported() const {
    std::string out;
    for (const Word<E>& word : words) {
      if (word.later) out += (out.empty() ? "" : ", ") + quoted(word.text);
    }
    return out;
  }
  [[nodiscard]] std::string expects() const {
    std::string out;
    for (size_t i = 0; i < N; ++i) {
      if (i > 0) out += i + 1 == N ? " or " : ", ";
      out += quoted(words[i].text);
    }
    return out;
  }
};

template <typename E, size_t N>
consteval Words<E, N> words(const Word<E> (&list)[N]) {
  Words<E, N> made{};
  for (size_t i = 0; i < N; ++i) made.words[i] = list[i];
  return made;
}

}  // namespace postern::config

#endif  // POSTERN_CONFIG_FORM_H_
