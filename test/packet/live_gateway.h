// The control plane's own gateway over the real data path, without sockets, threads or ports:
// changes go through the transactions that the daemon makes, packets through the real stages. The
// worker passes to what is published when a change is made, revalidates when that is asked for, and
// purges when a test lets it.
#ifndef POSTERN_TEST_PACKET_LIVE_GATEWAY_H_
#define POSTERN_TEST_PACKET_LIVE_GATEWAY_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "config/load.h"
#include "control/apply/gateway.h"
#include "test/packet/gateway.h"
#include "test/unit/control/fake_loop.h"

namespace postern::test {

class LiveGateway {
 public:
  // Ends the test program when the configuration is refused.
  explicit LiveGateway(const std::string& configuration) : data_(configuration, Gateway::Bare{}) {
    config::LoadResult loaded = config::load_text(configuration, "test.cfg");
    if (!control_.start(*std::move(loaded.model)).ok()) std::abort();
    pass_to_published();
  }
  ~LiveGateway() { purge(); }

  ChangeResult apply(const std::string& text, ChangeOptions options = {}) {
    return change([&](postern::Gateway::Done done) {
      control_.apply({.is_text = true, .value = text}, options, std::move(done));
    });
  }
  ChangeResult patch(PodPatch patch, ChangeOptions options = {}) {
    return change([&](postern::Gateway::Done done) {
      control_.patch(std::move(patch), options, std::move(done));
    });
  }
  ChangeResult rollback(ChangeOptions options = {}) {
    return change(
        [&](postern::Gateway::Done done) { control_.rollback(options, std::move(done)); });
  }
  ChangeResult confirm() {
    return change([&](postern::Gateway::Done done) { control_.confirm(std::move(done)); });
  }
  ChangeResult drain(Ipv4Address address, bool undo) {
    return change([&](postern::Gateway::Done done) {
      control_.drain({.address = address, .undo = undo, .deadline_s = {}}, {}, std::move(done));
    });
  }
  // What host names stand for from now on, as the resolver would say.
  void set_names(NameAddresses addresses) {
    change([&](postern::Gateway::Done done) {
      control_.names_changed(std::make_shared<const NameAddresses>(std::move(addresses)),
                             std::move(done));
    });
  }
  // Time of the control thread, with what becomes due in it.
  void pass_control_time(std::chrono::seconds time) {
    loop_.pass(time);
    for (int turn = 0; turn < 20; ++turn) work();
  }
  // What rests on nothing any more is freed, as the worker's sweep does it in some seconds.
  void look_at_every_session() {
    data_.table().purge();
    data_.sweep();
  }
  // The worker does the purges that were asked for.
  void purge() {
    obey();
    for (; purges_ > 0; --purges_) {
      look_at_every_session();
      worker_.channel.purges_finished.fetch_add(1);
    }
    loop_.pass(std::chrono::milliseconds(1));
  }

  Gateway& data() { return data_; }
  [[nodiscard]] const postern::Gateway& control() const { return control_; }

 private:
  // For any number of ports.
  static std::vector<PortFacts> port_facts() {
    std::vector<PortFacts> facts = {
        {0, Gateway::kClusterMac}, {1, Gateway::kUplinkMac}, {2, Gateway::kSecondUplinkMac}};
    for (auto i = static_cast<uint8_t>(facts.size()); i < kMaxPorts; ++i) {
      facts.push_back({i, MacAddress{{2, 0, 0, 0, 1, i}}});
    }
    return facts;
  }
  // Every next hop is there at once.
  class Resolver : public NextHopResolver {
   public:
    explicit Resolver(SharedTables& tables) : tables_(tables) {}
    void published(const Snapshot&, std::span<const NextHop> next_hops) override {
      for (const NextHop& hop : next_hops) {
        tables_.neighbours.store(hop.slot, {Gateway::kNextHopMac, NeighbourState::kReachable});
        tables_.neighbours.bind(hop.key, hop.slot);
      }
    }
    void forget(std::span<const NeighbourSlot>) override {}

   private:
    SharedTables& tables_;
  };

  void pass_to_published() {
    worker_.turn();
    data_.adopt(*published_.current());
  }
  template <typename Ask>
  ChangeResult change(Ask ask) {
    std::optional<ChangeResult> result;
    ask([&result](ChangeResult made) { result = std::move(made); });
    while (!result) work();
    return *std::move(result);
  }
  void work() {
    loop_.run_helper();
    pass_to_published();
    obey();
    loop_.pass(std::chrono::microseconds(500));
  }
  // Takes the commands; purges wait until a test wants them.
  void obey() {
    WorkerCommand command;
    while (worker_.channel.commands.pop(command)) {
      purges_ += command.kind == WorkerCommand::Kind::kPurge ? 1 : 0;
      if (command.kind == WorkerCommand::Kind::kRevalidate) data_.revalidate(*command.revalidation);
    }
  }

  Gateway data_;
  uint32_t purges_ = 0;  // asked for and not done
  FakeLoop loop_;
  PublishedSnapshot published_;
  FakeWorker worker_{&published_};
  Publisher publisher_{&loop_, &published_, {&worker_.channel}};
  Resolver resolver_{data_.shared()};
  postern::Gateway control_{{.loop = &loop_,
                             .publisher = &publisher_,
                             .tables = &data_.shared(),
                             .resolver = &resolver_,
                             .machine = {port_facts(), 7},
                             .on_commit = [](const config::Model&) {}}};
};

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_LIVE_GATEWAY_H_
