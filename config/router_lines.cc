#include "config/router_lines.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>

#include "config/form.h"

namespace postern::config {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t end = std::min(line.find_first_of(kBlanks), line.size());
    if (end > 0) words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

bool is_number(std::string_view word) {
  return !word.empty() &&
         std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

// One router's lines, taken one after the other.
class Parser {
 public:
  explicit Parser(const EgressRouter& router) : router_(router) {}

  RouterLines parse() {
    for (index_ = 0; index_ < router_.destinations.size(); ++index_) {
      const std::string_view line = trimmed(router_.destinations[index_].value);
      if (line.empty() || line.starts_with('#')) continue;
      any_ = true;
      switch (router_.mode) {
        case RouterMode::kRedirect:
          take_redirect(line);
          break;
        case RouterMode::kDnsProxy:
          take_dns(line);
          break;
        case RouterMode::kHttpProxy:
          take_http(line);
          break;
      }
    }
    if (!any_) out_.problems.push_back({std::nullopt, nothing()});
    return std::move(out_);
  }

 private:
  [[nodiscard]] const char* nothing() const {
    switch (router_.mode) {
      case RouterMode::kRedirect:
        return "EGRESS_DESTINATION unspecified";
      case RouterMode::kDnsProxy:
        return "Must specify EGRESS_DNS_PROXY_DESTINATION";
      case RouterMode::kHttpProxy:
        break;
    }
    return "No EGRESS_HTTP_PROXY_DESTINATION specified";
  }

  void problem(std::string text) { out_.problems.push_back({index_, printable(text)}); }

  // The port, or nothing after a complaint.
  std::optional<uint16_t> take_port(std::string_view word) {
    uint32_t port = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), port);
    if (read.ec != std::errc() || port < 1 || port > 65535 || word.front() == '0') {
      problem("Invalid port: " + std::string(word) + ", must be in the range 1 to 65535");
      return std::nullopt;
    }
    return static_cast<uint16_t>(port);
  }

  // The address as a prefix of its own. Nothing, with a complaint where it is right and not
  // supported yet; `wrong` is the complaint where it is no address.
  std::optional<Ipv4Prefix> take_address(std::string_view word, const std::string& wrong) {
    const auto reading = Address{}.read(Scalar(word));
    if (reading.value) return Ipv4Prefix{*reading.value, 32};
    problem(reading.problem.starts_with("not supported yet") ? reading.problem : wrong);
    return std::nullopt;
  }

  void take_redirect(std::string_view line) {
    const auto words = words_of(line);
    const std::string wrong = "EGRESS_DESTINATION value " + in_quotes(line) + " is invalid";
    const bool is_fallback = words.size() == 1;
    if (!is_fallback && (words.size() < 3 || words.size() > 4 || !is_number(words[0]) ||
                         (words.size() == 4 && !is_number(words[3])))) {
      return problem(wrong);
    }
    RouterLine rule;
    if (is_fallback) {
      rule.prefix = take_address(words[0], wrong);
    } else if (!take_redirect_rule(words, wrong, rule)) {
      return;
    }
    if (!rule.prefix) return;
    if (fallback_) return problem("EGRESS_DESTINATION fallback IP must be the last line");
    fallback_ = is_fallback;
    keep(std::move(rule));
  }

  bool take_redirect_rule(const std::vector<std::string_view>& words, const std::string& wrong,
                          RouterLine& rule) {
    static constexpr std::array<std::string_view, 3> kProtocols = {"tcp", "udp", "sctp"};
    const auto known = std::find(kProtocols.begin(), kProtocols.end(), words[1]);
    if (known == kProtocols.end()) {
      problem(wrong);
      return false;
    }
    rule.protocol = static_cast<RouterProtocol>(known - kProtocols.begin());
    const auto port = take_port(words[0]);
    const auto remote = words.size() == 4 ? take_port(words[3]) : port;
    if (!port || !remote) return false;
    rule.listen_port = *port;
    rule.remote_port = *remote;
    rule.prefix = take_address(words[2], wrong);
    if (!rule.prefix) return false;
    if (rule.protocol == RouterProtocol::kSctp && rule.remote_port != rule.listen_port) {
      problem("not supported: sctp with another remote port");
      return false;
    }
    if (ports_.insert(rule.listen_port).second) return true;
    problem("EGRESS_DESTINATION localport " + std::to_string(rule.listen_port) +
            " is already used, must be unique for each destination");
    return false;
  }

  void take_dns(std::string_view line) {
    const auto words = words_of(line);
    const std::string wrong = "Bad destination " + in_quotes(line);
    if (words.size() < 2 || words.size() > 3 || !is_number(words[0]) ||
        (words.size() == 3 && !is_number(words[2]))) {
      return problem(wrong);
    }
    const auto port = take_port(words[0]);
    const auto remote = words.size() == 3 ? take_port(words[2]) : port;
    if (!port || !remote) return;
    RouterLine rule;
    rule.listen_port = *port;
    rule.remote_port = *remote;
    if (!take_place(words[1], "Bad destination " + in_quotes(words[1]), rule)) return;
    if (!ports_.insert(*port).second) {
      return problem("Proxy port " + std::to_string(*port) +
                     " already used, must be unique for each destination");
    }
    keep(std::move(rule));
  }

  void take_http(std::string_view line) {
    const std::string wrong = "Bad destination " + in_quotes(line);
    if (rest_) return problem("Wildcard must be last rule, if present");
    RouterLine rule;
    rule.deny = line.starts_with('!');
    const std::string_view place = rule.deny ? line.substr(1) : line;
    if (line == "*") {
      rest_ = true;
      rule.name = "*";
      return keep(std::move(rule));
    }
    if (place.find('/') != std::string_view::npos) {
      const auto reading = Prefix{}.read(Scalar(place));
      if (!reading.value) {
        return problem(reading.problem.starts_with("not supported yet") ? reading.problem : wrong);
      }
      rule.prefix = reading.value;
      return keep(std::move(rule));
    }
    if (take_place(place, wrong, rule)) keep(std::move(rule));
  }

  // An address or a host name; a name of digits and dots alone is a mistyped address, and one
  // without a dot means something else wherever it is resolved.
  bool take_place(std::string_view word, const std::string& wrong, RouterLine& rule) {
    const bool has_letter = word.find_first_not_of("0123456789.") != std::string_view::npos;
    const bool has_colon = word.find(':') != std::string_view::npos;
    if (!has_letter || has_colon) {
      rule.prefix = take_address(word, wrong);
      return rule.prefix.has_value();
    }
    const bool wildcard = word.starts_with("*.");
    if ((wildcard && router_.mode != RouterMode::kHttpProxy) ||
        (!wildcard && word.find('.') == std::string_view::npos) ||
        !HostName{}.read(Scalar(word)).value) {
      problem(wrong);
      return false;
    }
    rule.name = word;
    return true;
  }

  void keep(RouterLine rule) {
    rule.index = index_;
    out_.lines.push_back(std::move(rule));
  }

  const EgressRouter& router_;
  RouterLines out_;
  size_t index_ = 0;
  bool any_ = false;
  bool fallback_ = false;  // redirect: the fallback was there
  bool rest_ = false;      // http-proxy: the lone "*" was there
  std::set<uint16_t> ports_;
};

}  // namespace

RouterLines parse_router_lines(const EgressRouter& router) { return Parser(router).parse(); }

}  // namespace postern::config
