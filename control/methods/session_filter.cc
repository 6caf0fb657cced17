#include "control/methods/session_filter.h"

#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <optional>
#include <utility>

#include "dataplane/wire/headers.h"

namespace postern {
namespace {

constexpr uint8_t kProtocolIcmpV6 = 58;
// Enough for anybody who types, and little enough that a filter cannot be used to keep the control
// thread busy. The nesting also bounds the results that wait in matches() to its 64 bits.
constexpr size_t kMostConditions = 256;
constexpr int kDeepestNesting = 16;
constexpr size_t kLongestShownWord = 40;

std::string shown(std::string_view word) {
  std::string text = "\"";
  for (const char c : word.substr(0, kLongestShownWord)) text += c < 0x20 || c == 0x7f ? '?' : c;
  return text + (word.size() > kLongestShownWord ? "...\"" : "\"");
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool stands_alone(char c) { return c == '(' || c == ')' || c == '!'; }

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    size_t end = at + 1;
    if (!stands_alone(text[at])) {
      while (end < text.size() && !is_blank(text[end]) && !stands_alone(text[end])) ++end;
    }
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<uint16_t> port_of(std::string_view text) {
  uint32_t port = 0;
  if (!is_number(text) || !absl::SimpleAtoi(std::string(text), &port) || port > 65535) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(port);
}

std::optional<uint8_t> protocol_of(std::string_view text) {
  if (text == "tcp") return kProtocolTcp;
  if (text == "udp") return kProtocolUdp;
  if (text == "icmp") return kProtocolIcmp;
  if (text == "icmp6") return kProtocolIcmpV6;
  const std::optional<uint16_t> number = port_of(text);
  if (!number || *number > 255) return std::nullopt;
  return static_cast<uint8_t>(*number);
}

}  // namespace

// Recursive descent over the words. The first problem ends it.
class SessionFilterParser {
 public:
  explicit SessionFilterParser(std::string_view text) : words_(words_of(text)) {}

  static std::string keys();

  absl::StatusOr<SessionFilter> parse() {
    if (filter(0) && at_ < words_.size()) {
      fail(absl::StrCat(shown(words_[at_]), " follows a whole condition: join them by and, or"));
    }
    if (!problem_.empty()) return absl::InvalidArgumentError(problem_);
    return std::move(filter_);
  }

 private:
  using Action = SessionFilter::Action;
  using Step = SessionFilter::Step;

  // A condition: the word that it begins with, and what reads the rest of it.
  struct Key {
    std::string_view word;
    bool (SessionFilterParser::*rest)(uint8_t sides);
    uint8_t sides = 0;
    std::string_view short_word = {};
  };
  static constexpr uint8_t kAnySide = SessionFilter::kSource | SessionFilter::kDestination;
  static const Key kKeys[10];

  bool filter(int depth) {
    if (!condition(depth)) return false;
    for (;;) {
      Action action = Action::kAnd;
      if (take("or") || take("||")) {
        action = Action::kOr;
      } else if (!take("and") && !take("&&")) {
        return true;
      }
      if (!condition(depth)) return false;
      filter_.steps_.push_back({.action = action});
    }
  }

  bool condition(int depth) {
    bool negated = false;
    while (take("not") || take("!")) negated = !negated;
    if (!(take("(") ? rest_in_parentheses(depth + 1) : single())) return false;
    if (negated) filter_.steps_.push_back({.action = Action::kNot});
    return true;
  }

  bool rest_in_parentheses(int depth) {
    if (depth > kDeepestNesting) {
      return fail(absl::StrCat("\"(\" is nested more than ", kDeepestNesting, " deep"));
    }
    if (!filter(depth)) return false;
    if (take(")")) return true;
    if (at_ == words_.size()) return fail("\"(\" is not closed: \")\" is missing");
    return fail(absl::StrCat(shown(words_[at_]),
                             " follows a whole condition: join them by and, "
                             "or, or close the parenthesis"));
  }

  bool single();

  bool name_space(uint8_t) { return name(Action::kNamespace); }
  bool node(uint8_t) { return name(Action::kNode); }

  bool name(Action action) {
    if (at_ == words_.size()) return missing("a name");
    filter_.steps_.push_back({.action = action, .text = std::string(words_[at_++])});
    return true;
  }

  bool state(uint8_t) {
    constexpr std::string_view kStates[] = {"new", "established", "closing", "closed", "active"};
    for (const std::string_view known : kStates) {
      if (!take(known)) continue;
      filter_.steps_.push_back({.action = Action::kState, .text = std::string(known)});
      return true;
    }
    return missing("one of new, established, closing, closed, active");
  }

  bool protocol(uint8_t) {
    const auto number = at_ < words_.size() ? protocol_of(words_[at_]) : std::nullopt;
    if (!number) return missing("tcp, udp, icmp, icmp6 or a number below 256");
    ++at_;
    filter_.steps_.push_back({.action = Action::kProtocol, .protocol = *number});
    return true;
  }

  bool endpoint(uint8_t side) {
    if (take("port")) return ports(side);
    if (!take("host")) take("net");
    return address(side);
  }

  bool address(uint8_t sides) {
    const auto prefix = at_ < words_.size() ? Ipv4Prefix::parse(words_[at_]) : std::nullopt;
    if (!prefix) return missing("an address or a prefix");
    if (prefix->has_host_bits()) {
      const Ipv4Prefix meant{{prefix->address.value & prefix->mask()}, prefix->length};
      return fail(absl::StrCat(shown(words_[at_]), " has host bits: write ", meant.text()));
    }
    ++at_;
    filter_.steps_.push_back({.action = Action::kAddress, .sides = sides, .prefix = *prefix});
    return true;
  }

  bool ports(uint8_t sides) {
    const std::string_view word = at_ < words_.size() ? words_[at_] : std::string_view();
    const size_t dash = word.find('-');
    const std::optional<uint16_t> low = port_of(word.substr(0, dash));
    const std::optional<uint16_t> high =
        dash == std::string_view::npos ? low : port_of(word.substr(dash + 1));
    if (!low || !high || *low > *high) return missing("a port, or two as 8000-8999");
    ++at_;
    filter_.steps_.push_back({.action = Action::kPort, .sides = sides, .low = *low, .high = *high});
    return true;
  }

  bool take(std::string_view word) {
    if (at_ == words_.size() || words_[at_] != word) return false;
    ++at_;
    return true;
  }

  // What should have followed the word before.
  bool missing(std::string_view what) {
    std::string text =
        absl::StrCat(shown(words_[at_ == 0 ? 0 : at_ - 1]), " takes ", std::string(what));
    if (at_ < words_.size()) absl::StrAppend(&text, ", not ", shown(words_[at_]));
    return fail(std::move(text));
  }
  bool nothing_left() {
    if (at_ == 0)
      return fail("the filter is empty: say as \"namespace payments and dst port 443\"");
    return fail(absl::StrCat("a condition is missing after ", shown(words_[at_ - 1])));
  }
  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  std::vector<std::string_view> words_;
  size_t at_ = 0;
  size_t conditions_ = 0;
  std::string problem_;
  SessionFilter filter_;
};

const SessionFilterParser::Key SessionFilterParser::kKeys[] = {
    {"namespace", &SessionFilterParser::name_space},
    {"node", &SessionFilterParser::node},
    {"protocol", &SessionFilterParser::protocol, 0, "proto"},
    {"state", &SessionFilterParser::state},
    {"src", &SessionFilterParser::endpoint, SessionFilter::kSource},
    {"dst", &SessionFilterParser::endpoint, SessionFilter::kDestination},
    {"host", &SessionFilterParser::address, kAnySide},
    {"net", &SessionFilterParser::address, kAnySide},
    {"port", &SessionFilterParser::ports, kAnySide},
    {"egress", &SessionFilterParser::endpoint, SessionFilter::kEgress},
};

bool SessionFilterParser::single() {
  if (at_ == words_.size()) return nothing_left();
  if (++conditions_ > kMostConditions) {
    return fail(absl::StrCat("more than ", kMostConditions, " conditions, the next is ",
                             shown(words_[at_])));
  }
  for (const Key& key : kKeys) {
    if (take(key.word) || (!key.short_word.empty() && take(key.short_word))) {
      return (this->*key.rest)(key.sides);
    }
  }
  const std::string_view word = words_[at_];
  if (!is_number(word) && protocol_of(word)) return protocol(0);
  return fail(absl::StrCat(shown(word), " is no condition: use one of ", session_filter_keys(),
                           ", or a protocol"));
}

std::string SessionFilterParser::keys() {
  std::string text;
  for (const Key& key : kKeys) text.append(text.empty() ? "" : ", ").append(key.word);
  return text;
}

std::string session_filter_keys() { return SessionFilterParser::keys(); }

absl::StatusOr<SessionFilter> SessionFilter::parse(std::string_view text) {
  return SessionFilterParser(text).parse();
}

std::vector<std::string_view> SessionFilter::names(Action after) const {
  std::vector<std::string_view> found;
  for (const Step& step : steps_) {
    if (step.action == after) found.emplace_back(step.text);
  }
  return found;
}

bool SessionFilter::matches(const SessionFacts& facts) const {
  uint64_t results = 0;  // a stack, the last one in the lowest bit
  for (const Step& step : steps_) {
    const uint64_t last = results & 1;
    switch (step.action) {
      case Action::kNot:
        results ^= 1;
        break;
      case Action::kAnd:
        results = results >> 1 & ~(last ^ 1);
        break;
      case Action::kOr:
        results = results >> 1 | last;
        break;
      case Action::kNamespace:
      case Action::kNode:
      case Action::kState:
      case Action::kProtocol:
      case Action::kAddress:
      case Action::kPort:
        results = results << 1 | uint64_t{holds(step, facts)};
        break;
    }
  }
  return (results & 1) != 0;
}

bool SessionFilter::holds(const Step& step, const SessionFacts& facts) {
  const auto on_a_side = [&step](const auto& at_source, const auto& at_destination,
                                 const auto& at_egress, auto&& fits) {
    return ((step.sides & kSource) != 0 && fits(at_source)) ||
           ((step.sides & kDestination) != 0 && fits(at_destination)) ||
           ((step.sides & kEgress) != 0 && fits(at_egress));
  };
  switch (step.action) {
    case Action::kNamespace:
      return facts.name_space == step.text;
    case Action::kNode:
      return facts.node == step.text;
    case Action::kState:
      return facts.state == step.text;
    case Action::kProtocol:
      return facts.protocol == step.protocol;
    case Action::kAddress:
      return on_a_side(facts.source, facts.destination, facts.egress,
                       [&step](Ipv4Address address) { return step.prefix.contains(address); });
    case Action::kPort:
      return on_a_side(facts.source_port, facts.destination_port, facts.egress_port,
                       [&step](uint16_t port) { return port >= step.low && port <= step.high; });
    case Action::kNot:
    case Action::kAnd:
    case Action::kOr:
      break;
  }
  return false;
}

}  // namespace postern
