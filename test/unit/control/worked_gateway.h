// A gateway with one worker that does what it is commanded, for the methods: sessions are put into
// its table, requests are made by name, time passes when a test says so. No threads, no EAL.
#ifndef POSTERN_TEST_UNIT_CONTROL_WORKED_GATEWAY_H_
#define POSTERN_TEST_UNIT_CONTROL_WORKED_GATEWAY_H_

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.h"
#include "control/methods/methods.h"
#include "control/serve/neighbours.h"
#include "control/serve/settings.h"
#include "dataplane/run/session_errands.h"
#include "dataplane/run/trial_facts.h"
#include "test/unit/control/fake_loop.h"
#include "test/unit/control/known_names.h"
#include "test/unit/table/session_fixture.h"

namespace postern {

class WorkedGateway {
 public:
  explicit WorkedGateway(const std::string& text) : model_(model_of(text)) {
    EXPECT_TRUE(gateway_.start(model_).ok());
    context_.gateway = &gateway_;
    context_.loop = &loop_;
    context_.log = &log_;
    context_.host_names = &names_.host_names;
    context_.rates = &rates_;
    context_.neighbours = &neighbours_;
    context_.workers = {
        {.cpu = 3, .counters = &counters_, .accounts = &accounts_, .channel = &channel_}};
    context_.now_ms = [this] { return now_.ms; };
    add_methods(methods_, context_);
  }

  [[nodiscard]] MethodContext& context() { return context_; }
  [[nodiscard]] Counters& counters() { return counters_; }
  [[nodiscard]] Neighbours& neighbours() { return neighbours_; }
  [[nodiscard]] SessionTable& table() { return table_.table; }

  // A session of a pod of the configuration, as if its first packet had come.
  SessionHandle open(std::string_view pod, uint16_t source_port, std::string_view remote,
                     uint16_t remote_port, std::string_view egress, uint8_t protocol = kUdp) {
    const auto source = *Ipv4Address::parse(pod);
    const auto address = *Ipv4Address::parse(egress);
    const uint32_t slot = gateway_.snapshot().sources->find(100, source);
    NewSession session = session_of(
        key_of(source.value, source_port, Ipv4Address::parse(remote)->value, remote_port, protocol),
        300, address.wire());
    session.source_slot_epoch = slot | uint32_t{tables_.source_records.load(slot).epoch} << 24;
    session.address_slot =
        static_cast<AddressSlot>(gateway_.books().addresses.find(address.value).value());
    session.address_epoch = gateway_.snapshot().policy.addresses[session.address_slot].epoch;
    const Created created = sessions_.open(std::move(session), now_);
    EXPECT_EQ(created.status, CreateStatus::kCreated);
    return created.handle;
  }
  // Time of the control thread, in which everybody does what there is to do.
  void pass(std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds kStep{50};
    for (std::chrono::milliseconds at{0}; at < time; at += kStep) {
      work();
      loop_.pass(kStep);
      neighbours_.tick();
    }
  }
  // The name of the namespace that an address belongs to now, "-" for none.
  [[nodiscard]] std::string owner(std::string_view pod) const {
    const SourceSlot slot = gateway_.snapshot().sources->find(100, *Ipv4Address::parse(pod));
    const NamespaceIndex index = tables_.source_records.load(slot).namespace_index;
    return index == kNoNamespace ? "-" : gateway_.names().namespaces.at(index);
  }
  // What the gateway told by itself.
  [[nodiscard]] const std::vector<std::string>& told() const { return told_; }
  // The worker refuses a packet of the namespace because of a limit.
  void refuse(std::string_view name) {
    sessions_.note_refused(gateway_.books().namespaces.find(std::string(name)).value());
  }
  void count(SessionHandle handle, Direction direction, uint32_t bytes) {
    sessions_.count(handle, direction, bytes);
  }

  // Resolves the names of the configuration in force to these; others do not exist.
  void resolve(std::map<std::string, NameAnswer> known) {
    names_.resolve(gateway_.file(), std::move(known));
  }

  // The answer, result or error, after the parameters were held against the method's.
  nlohmann::json call(std::string_view method, const nlohmann::json& params) {
    const Method* found = methods_.find(method);
    EXPECT_NE(found, nullptr) << method;
    const std::optional<RpcError> wrong = check_params(*found, params);
    EXPECT_FALSE(wrong) << wrong->message;
    std::optional<std::string> answer;
    found->handler(params, Responder("1", Peer{}, [&answer](std::string line, bool) {
                     answer = std::move(line);
                   }));
    for (int i = 0; i < 100'000 && !answer; ++i) {
      work();
      loop_.pass(std::chrono::microseconds(500));
    }
    return answer ? nlohmann::json::parse(*answer) : nlohmann::json();
  }
  nlohmann::json result(std::string_view method, const nlohmann::json& params) {
    nlohmann::json answer = call(method, params);
    EXPECT_TRUE(answer.contains("result")) << answer;
    return answer.value("result", nlohmann::json());
  }

 private:
  class SilentSender : public FrameSender {
   public:
    bool send(uint16_t, std::span<const std::byte>) override { return true; }
  };

  static config::Model model_of(const std::string& text) {
    config::LoadResult loaded = config::load_text(text, "text");
    EXPECT_TRUE(loaded.model) << (loaded.errors.empty() ? "" : loaded.errors[0].text());
    return loaded.model.value_or(config::Model{});
  }

  // What helper thread and worker do until they are asked again.
  void work() {
    loop_.run_helper();
    channel_.seen_generation.store(published_.generation());
    WorkerCommand command;
    if (!errands_.busy() && !facts_.busy() && channel_.commands.pop(command)) {
      if (command.kind == WorkerCommand::Kind::kTellFacts) facts_.begin(command.facts);
      if (command.kind == WorkerCommand::Kind::kCopySessions) errands_.copy(command.copy);
      if (command.kind == WorkerCommand::Kind::kRemoveSessions) errands_.remove(command.removal);
      if (command.kind == WorkerCommand::Kind::kRevalidate) {
        errands_.revalidate(command.revalidation);
      }
      if (command.kind == WorkerCommand::Kind::kPurge) channel_.purges_finished.fetch_add(1);
    }
    errands_.turn(*published_.current(), now_);
    facts_.turn(*published_.current(), now_);
  }

  std::vector<std::string> told_;
  config::Model model_;
  Now now_{10'000};
  FakeLoop loop_;
  Log log_{-1};
  PublishedSnapshot published_;
  WorkerChannel channel_;
  SharedTables tables_{kMaxSources, kMaxNextHops + kMaxOnLink, kMaxNodes, 7};
  TestTable table_{config_of(8192)};
  SessionAccounts accounts_{kMaxNamespaces, kMaxAddresses};
  Counters counters_;
  Sessions sessions_{table_.table, tables_.source_records, accounts_, counters_};
  SessionErrands errands_{sessions_};
  HoldQueue holds_;
  FactsErrand facts_{sessions_, holds_};
  Publisher publisher_{&loop_, &published_, {&channel_}};
  SilentSender sender_;
  Neighbours neighbours_{
      &loop_, &tables_.neighbours, &sender_,
      neighbour_ports(model_, std::vector<MacAddress>(model_.ports.size(), MacAddress{{2}}))};
  Gateway gateway_{
      {.loop = &loop_,
       .publisher = &publisher_,
       .tables = &tables_,
       .resolver = &neighbours_,
       .machine = {std::vector<PortFacts>(model_.ports.size()), 7},
       .on_commit = [](const config::Model&) {},
       .tell = [this](const std::string& text) { told_.push_back(text); },
       .namespace_forgotten = [this](NamespaceIndex name) { accounts_.forget_namespace(name); }}};
  KnownNames names_{&loop_};
  Rates rates_{{&counters_}};
  MethodContext context_;
  MethodTable methods_{"0.1.0"};
};

// Two nodes, two namespaces, an egress address each, a firewall rule.
inline constexpr char kWorkedConfig[] = R"(version = 1;
gateway : { name = "gw-a"; };
ports = (
  { name = "underlay"; device = "net_null0"; role = "cluster"; addresses = [ "10.0.0.254/24" ]; },
  { name = "uplink"; device = "net_null1"; role = "external"; addresses = [ "192.0.2.10/24" ];
    gateway = "192.0.2.1"; }
);
tunnels = ( { name = "overlay"; type = "vxlan"; local = "10.0.0.254"; vni = 100; } );
nodes = (
  { name = "node-1"; tunnel = "overlay"; vtep = "10.0.0.1"; pod_cidrs = [ "10.128.0.0/23" ]; },
  { name = "node-2"; tunnel = "overlay"; vtep = "10.0.0.2"; pod_cidrs = [ "10.128.2.0/23" ]; }
);
namespaces = (
  { name = "payments"; pods = [ "10.128.0.11", "10.128.0.12" ]; },
  { name = "shop"; pods = [ "10.128.2.0/26" ]; }
);
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments" ]; addresses = [ "192.0.2.50" ]; },
  { name = "shop-out"; namespaces = [ "shop" ]; addresses = [ "192.0.2.60", "192.0.2.61" ]; }
);
firewall : { default = "allow"; rules = (
  { namespace = "*"; action = "deny"; to = [ "169.254.169.254" ]; } ); };
)";

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_CONTROL_WORKED_GATEWAY_H_
