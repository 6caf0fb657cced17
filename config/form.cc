#include "config/form.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>

#include "config/units.h"
#include "dataplane/wire/headers.h"

namespace postern::config {
namespace {

constexpr int64_t kMinMss = 64;
constexpr int64_t kMaxMss = 65495;  // 65535 - 40
constexpr uint16_t kMaxCpu = 1023;
constexpr int64_t kMaxVni = 0xffffff;  // RFC 7348 5
constexpr uint16_t kPortStep = 8;

const std::string_view* text_of(const Scalar& scalar) {
  return std::get_if<std::string_view>(&scalar);
}

template <typename Form>
Reading<typename Form::Value> refuse(const Form& form, const Scalar& scalar) {
  return {std::nullopt, must_be(form.expects(), scalar)};
}

// A plain decimal number without sign or leading zeros, at most `max`.
std::optional<uint32_t> parse_number(std::string_view text, uint32_t max) {
  uint32_t value = 0;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value <= max ? std::optional(value) : std::nullopt;
}

// "7" or "7-9", the first at most the last.
std::optional<std::pair<uint16_t, uint16_t>> parse_range(std::string_view text, uint16_t max) {
  const size_t dash = text.find('-');
  const auto first = parse_number(text.substr(0, dash), max);
  if (!first) return std::nullopt;
  const auto last =
      dash == std::string_view::npos ? first : parse_number(text.substr(dash + 1), max);
  if (!last || *last < *first) return std::nullopt;
  return std::pair(static_cast<uint16_t>(*first), static_cast<uint16_t>(*last));
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int letter = std::tolower(static_cast<unsigned char>(c));
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

std::string counted_bytes(size_t bytes) {
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

// What keeps the bytes from being a row of complete options, or nothing. An option is class 2, type
// 1, reserved bits and length in words 1, data (RFC 8926 3.5).
std::string options_fault(const std::vector<uint8_t>& bytes) {
  size_t option_bytes = 0;
  for (size_t at = 0, number = 1; at < bytes.size(); at += option_bytes, ++number) {
    const std::string option = "option " + std::to_string(number);
    const size_t left = bytes.size() - at;
    if (left < sizeof(GeneveOption)) {
      return option + " is cut off: its header has 4 bytes, " + counted_bytes(left) + " left";
    }
    const auto header = load<GeneveOption>(&bytes[at]);
    option_bytes = header.bytes();
    if ((header.length & 0xe0) != 0) {
      return option + " has reserved bits set, in the byte of its length";
    }
    if (option_bytes > left) {
      return option + " is cut off: it says " + counted_bytes(option_bytes) + " with its header, " +
             counted_bytes(left) + " left";
    }
  }
  if (bytes.size() > kMaxGeneveOptionBytes) return "these are " + counted_bytes(bytes.size());
  return "";
}

}  // namespace

Reading<int64_t> Integer::read(const Scalar& scalar) const {
  const auto* value = std::get_if<int64_t>(&scalar);
  if (value == nullptr || *value < min || *value > max) return refuse(*this, scalar);
  return {*value, ""};
}

std::string Integer::expects() const {
  if (min == max) return std::to_string(min);
  std::string out = "an integer from " + std::to_string(min) + " to " + std::to_string(max);
  return unit.empty() ? out : out.append(" (").append(unit).append(")");
}

Reading<bool> Boolean::read(const Scalar& scalar) const {
  const auto* value = std::get_if<bool>(&scalar);
  if (value == nullptr) return refuse(*this, scalar);
  return {*value, ""};
}

Reading<uint32_t> Duration::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  const auto seconds = text != nullptr ? parse_duration_s(*text) : std::nullopt;
  if (!seconds || *seconds < min_s || *seconds > max_s) return refuse(*this, scalar);
  return {*seconds, ""};
}

std::string Duration::print(uint32_t value) const { return quoted(duration_text(value)); }

std::string Duration::expects() const {
  return "a duration in " + duration_units() + " such as \"2h4m\" or \"30s\", from " +
         duration_text(min_s) + " to " + duration_text(max_s);
}

Reading<uint64_t> Rate::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  const auto rate = text != nullptr ? parse_rate_bits_per_second(*text) : std::nullopt;
  if (!rate) return refuse(*this, scalar);
  return {*rate, ""};
}

std::string Rate::print(uint64_t value) const { return quoted(rate_text(value)); }

std::string Rate::expects() const {
  return "a rate in " + rate_units() + " such as \"1Gbit\" or \"500Mbit\"";
}

Reading<MacAddress> Mac::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  const auto mac = text != nullptr ? MacAddress::parse(*text) : std::nullopt;
  if (!mac || mac->is_multicast() || mac->is_zero()) return refuse(*this, scalar);
  return {*mac, ""};
}

std::string Mac::expects() const { return "a unicast MAC address such as \"0a:58:0a:80:00:01\""; }

Reading<std::vector<uint8_t>> GeneveOptions::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  if (text == nullptr || text->size() % 2 != 0) return refuse(*this, scalar);
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < text->size(); i += 2) {
    const int high = hex_value((*text)[i]);
    const int low = hex_value((*text)[i + 1]);
    if (high < 0 || low < 0) return refuse(*this, scalar);
    bytes.push_back(static_cast<uint8_t>(high << 4 | low));
  }
  const std::string fault = options_fault(bytes);
  if (!fault.empty()) return {std::nullopt, must_be(expects(), scalar) + ": " + fault};
  return {std::move(bytes), ""};
}

std::string GeneveOptions::print(const Value& value) const {
  std::string hex;
  for (const uint8_t byte : value) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(byte));
    hex += digits;
  }
  return quoted(hex);
}

std::string GeneveOptions::expects() const {
  return "whole Geneve options in hexadecimal, at most 252 bytes";
}

Reading<std::vector<uint16_t>> CpuList::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  if (text == nullptr) return refuse(*this, scalar);
  std::vector<uint16_t> cpus;
  std::vector<bool> taken(size_t{kMaxCpu} + 1);
  size_t at = 0;
  while (at <= text->size()) {
    const size_t comma = std::min(text->find(',', at), text->size());
    const auto range = parse_range(text->substr(at, comma - at), kMaxCpu);
    if (!range) return refuse(*this, scalar);
    for (uint16_t cpu = range->first; cpu <= range->second; ++cpu) {
      if (taken[cpu]) return {std::nullopt, "two workers on CPU " + std::to_string(cpu)};
      taken[cpu] = true;
      cpus.push_back(cpu);
    }
    at = comma + 1;
  }
  if (cpus.size() > most) {
    return {std::nullopt, "names " + std::to_string(cpus.size()) + " CPUs, at most " +
                              std::to_string(most) + " workers can run"};
  }
  return {std::move(cpus), ""};
}

std::string CpuList::print(const Value& value) const {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    size_t last = i;
    while (last + 1 < value.size() && value[last + 1] == value[last] + 1) ++last;
    if (!out.empty()) out += ',';
    out += std::to_string(value[i]);
    if (last > i) out += "-" + std::to_string(value[last]);
    i = last;
  }
  return quoted(out);
}

std::string CpuList::expects() const { return "CPU numbers up to 1023 such as \"1\" or \"2-3,6\""; }

Reading<std::optional<uint32_t>> Vni::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  if (text != nullptr && *text == "any") return {Value{}, ""};
  const auto* number = std::get_if<int64_t>(&scalar);
  if (number == nullptr || *number < 0 || *number > kMaxVni) return refuse(*this, scalar);
  return {Value{static_cast<uint32_t>(*number)}, ""};
}

std::string Vni::print(Value value) const { return value ? std::to_string(*value) : quoted("any"); }

std::string Vni::expects() const { return "an integer from 0 to 16777215, or \"any\""; }

Reading<PortRange> ExternalPorts::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  const auto range = text != nullptr ? parse_range(*text, 65535) : std::nullopt;
  if (!range || range->first == 0 || range->first % kPortStep != 0 ||
      range->second % kPortStep != kPortStep - 1) {
    return refuse(*this, scalar);
  }
  return {PortRange{range->first, range->second}, ""};
}

std::string ExternalPorts::print(Value value) const {
  return quoted(std::to_string(value.first) + "-" + std::to_string(value.last));
}

std::string ExternalPorts::expects() const {
  return "ports such as \"1024-65535\": the first and the one after the last multiples of 8";
}

Reading<MssClamp> Mss::read(const Scalar& scalar) const {
  if (const auto* number = std::get_if<int64_t>(&scalar)) {
    if (*number < kMinMss || *number > kMaxMss) return refuse(*this, scalar);
    return {MssClamp{MssClamp::Mode::kNumber, static_cast<uint16_t>(*number)}, ""};
  }
  const auto* text = text_of(scalar);
  if (text != nullptr && *text == "off") return {MssClamp{MssClamp::Mode::kOff, 0}, ""};
  if (text != nullptr && *text == "auto") return {MssClamp{MssClamp::Mode::kAuto, 0}, ""};
  return refuse(*this, scalar);
}

std::string Mss::print(Value value) const {
  switch (value.mode) {
    case MssClamp::Mode::kOff:
      return quoted("off");
    case MssClamp::Mode::kAuto:
      return quoted("auto");
    case MssClamp::Mode::kNumber:
      break;
  }
  return std::to_string(value.mss);
}

std::string Mss::expects() const {
  return "\"off\", \"auto\" or an integer from " + std::to_string(kMinMss) + " to " +
         std::to_string(kMaxMss);
}

Reading<FirewallPorts> Service::read(const Scalar& scalar) const {
  const auto* text = text_of(scalar);
  if (text == nullptr) return refuse(*this, scalar);
  if (*text == "icmp") return {FirewallPorts{FirewallProtocol::kIcmp, 0, 65535}, ""};
  const size_t slash = text->find('/');
  const std::string_view protocol = text->substr(0, slash);
  if (protocol != "tcp" && protocol != "udp") return refuse(*this, scalar);
  FirewallPorts ports;
  ports.protocol = protocol == "tcp" ? FirewallProtocol::kTcp : FirewallProtocol::kUdp;
  if (slash == std::string_view::npos) return {ports, ""};
  const auto range = parse_range(text->substr(slash + 1), 65535);
  if (!range || range->first == 0) return refuse(*this, scalar);
  ports.first = range->first;
  ports.last = range->second;
  return {ports, ""};
}

std::string Service::print(Value value) const {
  if (value.protocol == FirewallProtocol::kIcmp) return quoted("icmp");
  std::string out = value.protocol == FirewallProtocol::kTcp ? "tcp" : "udp";
  if (value.first == 0 && value.last == 65535) return quoted(out);
  out += "/" + std::to_string(value.first);
  if (value.last != value.first) out += "-" + std::to_string(value.last);
  return quoted(out);
}

std::string Service::expects() const {
  return "\"tcp/443\", \"tcp/8000-8999\", \"udp/53\", \"tcp\", \"udp\" or \"icmp\"";
}

}  // namespace postern::config
