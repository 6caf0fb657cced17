// The forms that hold addresses. IPv6 values are checked for form and refused as not supported yet;
// when the data path knows IPv6, this is the file that lets it in.
#include <arpa/inet.h>

#include <array>
#include <charconv>

#include "config/form.h"

namespace postern::config {
namespace {

using Ipv6Bytes = std::array<uint8_t, 16>;

std::optional<Ipv6Bytes> parse_ipv6(std::string_view text) {
  Ipv6Bytes bytes;
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) != 1) return std::nullopt;
  return bytes;
}

bool has_host_bits(const Ipv6Bytes& bytes, unsigned length) {
  for (unsigned bit = length; bit < 128; ++bit) {
    if ((bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return true;
  }
  return false;
}

// Where the IPv6 value of a scalar stands.
enum class Ipv6 : uint8_t { kNone, kHost, kPrefix, kHostInSubnet };

// What kind of IPv6 value the text is; a prefix with host bits is a host in its subnet.
Ipv6 classify_ipv6(std::string_view text) {
  const size_t slash = text.find('/');
  const auto bytes = parse_ipv6(text.substr(0, slash));
  if (!bytes) return Ipv6::kNone;
  const bool unusable = (*bytes)[0] == 0xff || !has_host_bits(*bytes, 0);  // multicast, ::
  if (slash == std::string_view::npos) return unusable ? Ipv6::kNone : Ipv6::kHost;
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool plain = digits.size() == 1 || (!digits.empty() && digits[0] != '0');
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || !plain ||
      length > 128) {
    return Ipv6::kNone;
  }
  return has_host_bits(*bytes, length) ? Ipv6::kHostInSubnet : Ipv6::kPrefix;
}

std::string ipv6_not_yet(std::string_view text) {
  return "not supported yet: IPv6 (" + std::string(text) + ")";
}

template <typename Form>
Reading<typename Form::Value> refuse(const Form& form, const Scalar& scalar) {
  return {std::nullopt, must_be(form.expects(), scalar)};
}

// Why a host cannot have this address, or nothing.
std::string no_host(Ipv4Address address) {
  if (!address.is_martian()) return "";
  if (address.is_multicast()) return address.text() + " is a multicast address";
  return address.text() + " is not an address that a host on a network can have";
}

// "ADDRESS:PORT", "[ADDRESS]:PORT" for IPv6.
enum class Endpoint : uint8_t { kNone, kIpv4, kIpv6 };

Endpoint classify_endpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Endpoint::kNone;
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || digits[0] == '0') {
    return Endpoint::kNone;
  }
  const std::string_view place = text.substr(0, colon);
  if (Ipv4Address::parse(place)) return Endpoint::kIpv4;
  const bool bracketed = place.size() > 2 && place.front() == '[' && place.back() == ']';
  const bool six = bracketed && parse_ipv6(place.substr(1, place.size() - 2));
  return six ? Endpoint::kIpv6 : Endpoint::kNone;
}

}  // namespace

Reading<std::string> Target::read(const Scalar& scalar) const {
  constexpr size_t kLongestSocket = 107;  // sun_path, unix(7)
  const auto* text = std::get_if<std::string_view>(&scalar);
  if (text == nullptr || printable(*text) != *text) return refuse(*this, scalar);
  if (*text == "off") return {std::string(*text), ""};
  const auto path = [&](std::string_view scheme) {
    const bool whole = text->starts_with(scheme) && text->substr(scheme.size()).starts_with("/");
    return whole ? text->size() - scheme.size() : 0;
  };
  const bool metrics = kind == Kind::kMetrics;
  const bool good = metrics ? path("unix:") > 0 && path("unix:") <= kLongestSocket
                            : *text == "syslog" || path("file:") > 0;
  if (good) return {std::string(*text), ""};
  if (!metrics && !text->starts_with("ipfix:")) return refuse(*this, scalar);
  switch (classify_endpoint(metrics ? *text : text->substr(6))) {
    case Endpoint::kIpv4:
      return {std::string(*text), ""};
    case Endpoint::kIpv6:
      return {std::nullopt, ipv6_not_yet(*text)};
    case Endpoint::kNone:
      break;
  }
  return refuse(*this, scalar);
}

std::string Target::expects() const {
  if (kind == Kind::kMetrics) return "\"off\", \"ADDRESS:PORT\" or \"unix:/PATH\"";
  return "\"off\", \"file:/PATH\", \"syslog\" or \"ipfix:ADDRESS:PORT\"";
}

Reading<Ipv4Address> Address::read(const Scalar& scalar) const {
  const auto* text = std::get_if<std::string_view>(&scalar);
  if (text == nullptr) return refuse(*this, scalar);
  if (const auto address = Ipv4Address::parse(*text)) {
    const std::string problem = no_host(*address);
    return {problem.empty() ? address : std::nullopt, problem};
  }
  if (classify_ipv6(*text) == Ipv6::kHost) return {std::nullopt, ipv6_not_yet(*text)};
  if (const auto prefix = Ipv4Prefix::parse(*text)) {
    const bool is_host = prefix->has_host_bits() || prefix->length == 32;
    return {std::nullopt, "must be an address without a length, is " + shown(scalar) +
                              (is_host ? ": write " + quoted(prefix->address.text())
                                       : ": write addresses one by one")};
  }
  return refuse(*this, scalar);
}

std::string Address::expects() const { return "an address such as \"192.0.2.1\""; }

Reading<Ipv4Prefix> Prefix::read(const Scalar& scalar) const {
  const auto* text = std::get_if<std::string_view>(&scalar);
  if (text == nullptr) return refuse(*this, scalar);
  if (const auto prefix = Ipv4Prefix::parse(*text)) {
    if (prefix->address.value == 0 && prefix->length == 32) {
      return {std::nullopt, shown(scalar) + " is no host's address: write \"0.0.0.0/0\" for all"};
    }
    if (!prefix->has_host_bits()) return {*prefix, ""};
    const Ipv4Prefix whole = PortAddress{prefix->address, prefix->length}.subnet();
    return {std::nullopt, shown(scalar) + " has host bits: write \"" + prefix->address.text() +
                              "\" or \"" + whole.text() + "\""};
  }
  switch (classify_ipv6(*text)) {
    case Ipv6::kNone:
      return refuse(*this, scalar);
    case Ipv6::kHost:
    case Ipv6::kPrefix:
      return {std::nullopt, ipv6_not_yet(*text)};
    case Ipv6::kHostInSubnet:
      break;
  }
  return {std::nullopt, shown(scalar) + " has host bits"};
}

std::string Prefix::expects() const { return "a prefix such as \"192.0.2.0/24\", or an address"; }

Reading<PortAddress> AddressInSubnet::read(const Scalar& scalar) const {
  const auto* text = std::get_if<std::string_view>(&scalar);
  if (text == nullptr) return refuse(*this, scalar);
  if (const auto prefix = Ipv4Prefix::parse(*text)) {
    const std::string problem = no_host(prefix->address);
    if (!problem.empty()) return {std::nullopt, problem};
    if (text->find('/') == std::string_view::npos) {
      return {std::nullopt, shown(scalar) +
                                " has no length: write the length of the subnet on the "
                                "link behind it, as " +
                                quoted(prefix->address.text() + "/24")};
    }
    const PortAddress address{prefix->address, prefix->length};
    if (prefix->length == 0) {
      return {std::nullopt, prefix->text() +
                                " has all the world for its subnet; write the length "
                                "of the subnet on the link"};
    }
    const uint32_t host = ~prefix->mask();
    const bool whole =
        address.length < 31 && (!prefix->has_host_bits() || (prefix->address.value & host) == host);
    if (!whole) return {address, ""};
    return {std::nullopt, prefix->address.text() + " is the " +
                              (prefix->has_host_bits() ? "broadcast" : "network's own") +
                              " address of " + address.subnet().text()};
  }
  const Ipv6 kind = classify_ipv6(*text);
  if (kind == Ipv6::kHost || kind == Ipv6::kHostInSubnet) {
    return {std::nullopt, ipv6_not_yet(*text)};
  }
  return refuse(*this, scalar);
}

std::string AddressInSubnet::print(Value value) const {
  return quoted(value.address.text() + "/" + std::to_string(value.length));
}

std::string AddressInSubnet::expects() const {
  return "an address with the length of its subnet such as \"192.0.2.10/24\"";
}

}  // namespace postern::config
