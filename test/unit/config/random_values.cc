#include "test/unit/config/random_values.h"

#include <array>
#include <limits>

namespace postern::config {
namespace {

// What needs an escape, what looks like grammar, and characters of two, three and four bytes.
constexpr auto kLetters = std::to_array<std::string_view>({"a",
                                                           "/",
                                                           " ",
                                                           ",",
                                                           ";",
                                                           "=",
                                                           "{",
                                                           "}",
                                                           "(",
                                                           ")",
                                                           "[",
                                                           "]",
                                                           "#",
                                                           "//",
                                                           "/*",
                                                           "*/",
                                                           "@",
                                                           "'",
                                                           "\"",
                                                           "\\",
                                                           "\\n",
                                                           "\\x00",
                                                           "@include \"x\"",
                                                           "\u00e4",
                                                           "\u20ac",
                                                           "\U0001f600"});

constexpr uint32_t kMaxVni = 0xffffff;

}  // namespace

std::string RandomValues::text(size_t longest) {
  const bool full = one_in(8);
  const size_t wanted = full ? longest : between(1, std::min<size_t>(longest, 60));
  std::string made;
  while (made.size() < wanted) {
    const std::string_view letter = kLetters[between(0, kLetters.size() - 1)];
    made += made.size() + letter.size() <= wanted ? letter : std::string_view("z");
  }
  return made;
}

std::string RandomValues::name(std::string_view kind, size_t index) {
  static constexpr std::string_view kNameLetters = "abcXYZ019._-";
  constexpr size_t kLongest = 63;
  std::string made = std::string(kind) + std::to_string(index) + "-";
  const size_t wanted = one_in(8) ? kLongest : made.size() + number(0, 9);
  while (made.size() < wanted) made += kNameLetters[between(0, kNameLetters.size() - 1)];
  return made;
}

Ipv4Prefix RandomValues::prefix() {
  const auto length = static_cast<uint8_t>(number(0, 32));
  return {{number(0, 0xffffffff) & Ipv4Prefix::mask_of(length)}, length};
}

int64_t RandomValues::value(const Integer& form) {
  if (one_in(4)) return form.min;
  if (one_in(4)) return form.max;
  const uint64_t span = static_cast<uint64_t>(form.max) - static_cast<uint64_t>(form.min);
  return form.min + static_cast<int64_t>(between(0, span));
}

std::string RandomValues::value(const HostName& form) {
  static constexpr std::string_view kLabelLetters = "abyzABYZ_09";
  while (true) {
    std::string made = one_in(4) ? "*." : "";
    for (uint32_t label = number(2, 4); label > 0; --label) {
      for (size_t i = one_in(8) ? 62 : number(0, 9); i > 0; --i) {
        made += kLabelLetters[between(0, kLabelLetters.size() - 1)];
      }
      made += label > 1 ? "x." : "x";
    }
    if (form.read(Scalar(std::string_view(made))).problem.empty()) return made;
  }
}

std::string RandomValues::value(const Target& form) {
  const bool metrics = form.kind == Target::Kind::kMetrics;
  const std::string place =
      Ipv4Address{number(0, 0xffffffff)}.text() + ":" + std::to_string(number(1, 65535));
  switch (number(0, metrics ? 2 : 3)) {
    case 0:
      return "off";
    case 1:
      return metrics ? place : "ipfix:" + place;
    case 2:
      return (metrics ? "unix:/" : "file:/") + text(kLongestSocketPath - 1);
    default:
      return "syslog";
  }
}

uint32_t RandomValues::value(const Duration& form) {
  return static_cast<uint32_t>(value(Integer{form.min_s, form.max_s}));
}

uint64_t RandomValues::value(const Rate&) {
  static constexpr uint64_t kSteps[] = {1, 1'000, 1'000'000, 1'000'000'000, 1'000'000'000'000};
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  if (one_in(4)) return one_in(2) ? 1 : kMost;
  return number(1, 1'000'000) * kSteps[number(0, 4)];
}

MacAddress RandomValues::value(const Mac&) {
  return MacAddress::from_packed(between(1, (uint64_t{1} << 46) - 1) << 2);
}

// Class, type and data at random.
std::vector<uint8_t> RandomValues::value(const GeneveOptions&) {
  std::vector<uint8_t> made;
  for (uint32_t option = number(1, 5); option > 0; --option) {
    const uint32_t words = number(0, 11);
    for (uint32_t i = 0; i < 4 + 4 * words; ++i) {
      made.push_back(static_cast<uint8_t>(i == 3 ? words : number(0, 255)));
    }
  }
  return made;
}

std::vector<uint16_t> RandomValues::value(const CpuList& form) {
  std::vector<uint16_t> cpus;
  const auto wanted = static_cast<uint32_t>(std::min<size_t>(form.most, 16));
  for (size_t count = maybe() ? 1 : number(1, wanted); cpus.size() < count;) {
    const bool next = !cpus.empty() && cpus.back() < 1023 && maybe();
    const auto cpu = static_cast<uint16_t>(next ? cpus.back() + 1 : value(Integer{0, 1023}));
    if (std::find(cpus.begin(), cpus.end(), cpu) == cpus.end()) cpus.push_back(cpu);
  }
  return cpus;
}

std::optional<uint32_t> RandomValues::value(const Vni&) {
  if (one_in(4)) return std::nullopt;
  return static_cast<uint32_t>(value(Integer{0, kMaxVni}));
}

PortRange RandomValues::value(const ExternalPorts&) {
  if (one_in(4)) return {8, 65535};
  const uint32_t first = number(1, 4000);
  return {static_cast<uint16_t>(first * 8), static_cast<uint16_t>(number(first + 8, 8192) * 8 - 1)};
}

MssClamp RandomValues::value(const Mss&) {
  switch (number(0, 3)) {
    case 0:
      return {MssClamp::Mode::kOff, 0};
    case 1:
      return {MssClamp::Mode::kAuto, 0};
    default:
      return {MssClamp::Mode::kNumber, static_cast<uint16_t>(value(Integer{64, 65495}))};
  }
}

FirewallPorts RandomValues::value(const Service&) {
  FirewallPorts ports;
  ports.protocol = static_cast<FirewallProtocol>(number(0, 2));
  if (ports.protocol == FirewallProtocol::kIcmp || one_in(3)) return ports;
  ports.first = static_cast<uint16_t>(value(Integer{1, 65535}));
  ports.last = maybe() ? ports.first : static_cast<uint16_t>(value(Integer{ports.first, 65535}));
  return ports;
}

}  // namespace postern::config
