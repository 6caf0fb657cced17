#include "control/serve/rule_log.h"

#include <absl/strings/str_cat.h>

#include <string>

#include "dataplane/wire/other_protocols.h"

namespace postern {
namespace {

constexpr uint64_t kSayEvery_ms = 1000;

std::string protocol_text(uint8_t protocol) {
  if (protocol == kProtocolTcp) return "tcp";
  if (protocol == kProtocolUdp) return "udp";
  return protocol == kProtocolIcmp ? "icmp" : absl::StrCat("protocol ", protocol);
}

std::string text_of(const RuleNote& note, const config::Model& model, std::string_view name_space) {
  const config::FirewallRule& rule = model.firewall.rules[note.rule];
  const uint8_t protocol = note.packet.protocol();
  const auto end = [&](Be32 address, Be16 port) {
    const std::string text = Ipv4Address::from(address).text();
    return has_ports(protocol) ? absl::StrCat(text, ":", port.host()) : text;
  };
  std::string place;
  if (rule.line.line != 0 && rule.line.file < model.files.name.size()) {
    place = absl::StrCat(" (", model.files.name[rule.line.file], ":", rule.line.line, ")");
  }
  return absl::StrCat("firewall: ", name_space.empty() ? "platform" : std::string(name_space), " ",
                      end(note.packet.source_ip, note.packet.source_port), " to ",
                      end(note.packet.remote_ip, note.packet.remote_port), " ",
                      protocol_text(protocol),
                      rule.action == config::FirewallAction::kAllow ? " allowed" : " denied",
                      " by firewall.rules[", note.rule, "]", place);
}

}  // namespace

void RuleLog::take(const RuleNote& note, const config::Model& model, uint64_t rules_version,
                   std::string_view name_space, uint64_t now_ms) {
  const bool is_known =
      note.rules_version == rules_version && note.rule < model.firewall.rules.size();
  if (!is_known || !lines_.has(1, kPerSecond, kBurst, {now_ms})) {
    ++unwritten_;
    return;
  }
  lines_.take(1);
  log_->info(text_of(note, model, name_space));
}

void RuleLog::tick(uint64_t lost, uint64_t now_ms) {
  const uint64_t unwritten = unwritten_ + (lost - lost_before_);
  if (unwritten == 0 || now_ms - said_at_ms_ < kSayEvery_ms) return;
  log_->info(absl::StrCat("firewall: ", unwritten,
                          " more first packets met rules with log = true and are not written"));
  said_at_ms_ = now_ms;
  unwritten_ = 0;
  lost_before_ = lost;
}

}  // namespace postern
