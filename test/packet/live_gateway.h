// The control plane's own gateway over the real data path, without sockets, threads or ports:
// changes go through the transactions that the daemon makes, packets through the real stages. The
// worker passes to what is published when a change is made, and purges when a test lets it.
#ifndef POSTERN_TEST_PACKET_LIVE_GATEWAY_H_
#define POSTERN_TEST_PACKET_LIVE_GATEWAY_H_

#include <chrono>
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
  // The worker does the purges that were asked for.
  void purge() {
    WorkerCommand command;
    while (worker_.channel.commands.pop(command)) {
      if (command.kind != WorkerCommand::Kind::kPurge) continue;
      data_.table().purge();
      data_.sweep();
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
    while (!result) {
      loop_.run_helper();
      pass_to_published();
      loop_.pass(std::chrono::microseconds(500));
    }
    return *std::move(result);
  }

  Gateway data_;
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
