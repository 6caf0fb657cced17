// What cases of a single gateway and worker have in common: a network, tables, a gateway that walks
// by them, a thread that measures, a report. Made, carried out and destroyed by the main thread.
#ifndef POSTERN_BENCH_RUN_SOLO_CASE_H_
#define POSTERN_BENCH_RUN_SOLO_CASE_H_

#include <memory>
#include <string>

#include "bench/bench_eal.h"
#include "bench/compiled_tables.h"
#include "bench/options.h"
#include "bench/portless_gateway.h"
#include "bench/run/attention.h"
#include "bench/run/case_report.h"

namespace postern::bench {

// What every case is given; it outlives the case.
struct CaseParts {
  const Options& options;
  BenchEal& started;
  rte_mempool* pool;
};

// The network that the options ask for.
[[nodiscard]] Scenario scenario_of(const Options& options);

class SoloCase {
 public:
  SoloCase(const SoloCase&) = delete;
  SoloCase& operator=(const SoloCase&) = delete;
  virtual ~SoloCase() = default;

  // Measures and reports. Returns "" or what went wrong.
  std::string carry_out();

 protected:
  SoloCase(const CaseParts& parts, Scenario scenario)
      : options_(parts.options),
        started_(parts.started),
        pool_(parts.pool),
        scenario_(std::move(scenario)) {}

  // The steps, in this order; each returns "" or what went wrong. On the main thread: the tables
  // that tables() names; by default those of the scenario, as they are compiled.
  virtual std::string make_tables();
  [[nodiscard]] virtual PortlessGateway::Tables tables() const;
  // On the worker's thread: by default the scenario's sessions are opened.
  virtual std::string prepare();
  // On the main thread.
  virtual std::string make_ports() { return ""; }
  // On the worker's thread: what is measured, and what is stolen meanwhile.
  virtual std::string measure() = 0;
  // On the main thread.
  virtual std::string tell() = 0;

  [[nodiscard]] CompiledTables& compiled() { return *compiled_; }
  [[nodiscard]] PortlessGateway& gateway() const { return *gateway_; }
  // Prints the block of a case with figures of its own, and writes its file.
  std::string finish(CaseReport& report) const;
  [[nodiscard]] RunSetting setting() const;
  // Behind what was done, in the sentence of a report.
  [[nodiscard]] std::string unless_whole() const {
    return attention_.interrupted() ? ", interrupted" : "";
  }

  const Options& options_;
  BenchEal& started_;
  rte_mempool* const pool_;
  const Scenario scenario_;
  Attention attention_;
  double stolen_percent_ = 0;  // while measuring

 private:
  std::string take_steps();

  std::unique_ptr<CompiledTables> compiled_;
  std::unique_ptr<PortlessGateway> gateway_;
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_SOLO_CASE_H_
