// Values at random for the forms of the schema, and whole groups filled with them. What the schema
// marks as not supported yet is left at its default, so a setting or a word that is built gets
// values without a change here. Limits come more often than what lies between.
#ifndef POSTERN_TEST_UNIT_CONFIG_RANDOM_VALUES_H_
#define POSTERN_TEST_UNIT_CONFIG_RANDOM_VALUES_H_

#include <algorithm>
#include <concepts>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "config/schema.h"
#include "config/slot.h"

namespace postern::config {

// Whether the setting of that name is built. False, too, where there is none.
template <typename Table>
bool is_supported(const Table& table, std::string_view name) {
  return std::apply([&](const auto&... row) { return ((row.name == name && !row.later) || ...); },
                    table);
}

class RandomValues {
 public:
  explicit RandomValues(uint64_t seed) : random_(seed) {}

  // Both ends included.
  uint64_t between(uint64_t least, uint64_t most) {
    return std::uniform_int_distribution<uint64_t>(least, most)(random_);
  }
  uint32_t number(uint32_t least, uint32_t most) {
    return static_cast<uint32_t>(between(least, most));
  }
  bool maybe() { return one_in(2); }
  bool one_in(uint32_t n) { return number(1, n) == 1; }
  // How many entries a list gets: few, and many now and then.
  uint32_t entries() { return one_in(6) ? number(kMany, 2 * kMany) : number(0, 3); }
  template <typename T>
  const T& any(const std::vector<T>& from) {
    return from[between(0, from.size() - 1)];
  }

  // Letters of all kinds: as many bytes at most, the longest possible now and then.
  std::string text(size_t longest);
  // The name of an entry, different for each index.
  std::string name(std::string_view kind, size_t index);
  Ipv4Prefix prefix();

  int64_t value(const Integer& form);
  bool value(const Boolean&) { return maybe(); }
  std::string value(const Text& form) { return text(form.longest); }
  std::string value(const HostName& form);
  std::string value(const Target& form);
  uint32_t value(const Duration& form);
  uint64_t value(const Rate&);
  MacAddress value(const Mac&);
  std::vector<uint8_t> value(const GeneveOptions&);
  std::vector<uint16_t> value(const CpuList& form);
  std::optional<uint32_t> value(const Vni& form);
  PortRange value(const ExternalPorts&);
  MssClamp value(const Mss&);
  FirewallPorts value(const Service&);
  template <typename E, size_t N>
  E value(const Words<E, N>& form) {
    std::vector<E> built;
    for (const Word<E>& word : form.words) {
      if (!word.later) built.push_back(word.value);
    }
    return any(built);
  }

  // Sets what stands for itself, in groups within groups, too. Names, addresses, prefixes, lines
  // and lists of groups are left to whoever knows what they are about.
  template <typename Owner, typename Table>
  void fill(Owner& owner, const Table& table) {
    std::apply([&](const auto&... row) { (fill_row(owner.*row.member, row), ...); }, table);
  }

  static constexpr uint32_t kMany = 20;

 private:
  template <typename Member, typename Row>
  void fill_row(Member& member, const Row& row) {
    if (!row.later && (row.presence == kRequired || maybe())) set(member, row.form);
  }
  template <typename Member, typename Form>
  void set(Member& member, const Form& form) {
    if constexpr (requires { value(form); }) store(member, value(form), {});
  }
  template <typename Value, typename Form>
  void set(ListOf<Value>& member, const List<Form>& list) {
    if constexpr (requires { value(list.form); }) {
      member.clear();
      for (uint32_t i = std::max<uint32_t>(entries(), list.never_empty ? 1 : 0); i > 0; --i) {
        member.push_back({value(list.form), {}});
      }
    }
  }
  template <typename Member, const auto& keys>
  void set(Member& member, const Group<keys>&) {
    fill(member, keys);
  }

  std::mt19937_64 random_;
};

}  // namespace postern::config

#endif  // POSTERN_TEST_UNIT_CONFIG_RANDOM_VALUES_H_
