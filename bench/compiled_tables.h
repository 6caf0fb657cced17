// The tables that workers read, made from a configuration text by the code that makes them for the
// daemon: loaded, checked, compiled, with every next hop resolved. No ports, no EAL.
// One thread makes it; any thread may read what it holds.
#ifndef POSTERN_BENCH_COMPILED_TABLES_H_
#define POSTERN_BENCH_COMPILED_TABLES_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "config/model.h"
#include "control/apply/compile.h"
#include "dataplane/table/snapshot.h"

namespace postern::bench {

class CompiledTables {
 public:
  // `text` names Scenario's two ports. Fails with every error of the configuration.
  static absl::StatusOr<std::unique_ptr<CompiledTables>> make(const std::string& text);

  [[nodiscard]] const Snapshot& snapshot() const { return *snapshot_; }
  // When sessions that packets refresh from now on end, if they are UDP. Between bursts.
  void set_udp_timeout_s(uint32_t timeout_s) { snapshot_->timeouts.udp_s = timeout_s; }
  [[nodiscard]] const SharedTables& shared() const { return shared_; }
  [[nodiscard]] const config::Model& model() const { return model_; }

 private:
  explicit CompiledTables(config::Model model) : model_(std::move(model)) {}
  absl::Status compile();

  config::Model model_;
  SharedTables shared_{kMaxSources, kMaxNextHops + kMaxOnLink, kMaxNodes, 77};
  SourceBook sources_{&shared_.source_records};
  std::unique_ptr<Snapshot> snapshot_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_COMPILED_TABLES_H_
