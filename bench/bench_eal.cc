#include "bench/bench_eal.h"

#include <utility>
#include <vector>

#include "bench/receive_ring.h"
#include "dataplane/run/environment.h"
#include "dataplane/run/host_facts.h"

namespace postern::bench {
namespace {

constexpr uint32_t kMemory_mb = 64;
static_assert(kBenchBuffers >= 4 * ReceiveRing::kSlots);

// The first worker's CPU is `first`, or the last one that is allowed.
std::vector<uint32_t> choose_cpus(const HostFacts& facts, std::optional<uint32_t> first,
                                  uint32_t workers) {
  std::vector<uint32_t> chosen = {first.value_or(facts.allowed_cpus.back())};
  for (auto cpu = facts.allowed_cpus.rbegin(); cpu != facts.allowed_cpus.rend(); ++cpu) {
    if (chosen.size() == workers) break;
    if (*cpu != chosen.front()) chosen.push_back(*cpu);
  }
  return chosen;
}

}  // namespace

Outcome<BenchEal> start_bench_eal(const EalNeeds& needs) {
  const HostFacts facts = gather_host_facts();
  EalSettings settings;
  settings.memory = needs.memory;
  settings.memory_mb = kMemory_mb * needs.workers + static_cast<uint32_t>(needs.buffer_bytes >> 20);
  if (needs.memory == MemoryMode::kInMemory && facts.huge_free_mb() < settings.memory_mb) {
    return Complaint{std::to_string(settings.memory_mb) + " MiB of huge pages are wanted, " +
                         std::to_string(facts.huge_free_mb()) + " MiB are free",
                     "sudo sysctl -w vm.nr_hugepages=" +
                         std::to_string(1024 + settings.memory_mb / 2) + ", or --memory no-huge"};
  }
  settings.worker_cpus = choose_cpus(facts, needs.cpu, needs.workers);
  if (settings.worker_cpus.size() < needs.workers) {
    return Complaint{std::to_string(needs.workers) + " workers need a CPU each, " +
                         std::to_string(facts.allowed_cpus.size()) + " are allowed",
                     "ask for fewer workers (--workers)"};
  }
  const std::vector<Complaint> complaints = check_environment(facts, settings, needs.ports);
  if (!complaints.empty()) return complaints.front();
  const Eal::Machine machine{.mode = choose_memory(facts, settings),
                             .instruction_set = facts.instruction_set,
                             .allowed_cpus = facts.allowed_cpus};
  auto eal = Eal::start(settings, machine, needs.ports, [](std::string_view) {});
  if (!eal) return eal.complaint();
  return BenchEal{.eal = std::move(eal).value(), .worker_cpu = settings.worker_cpus.front()};
}

}  // namespace postern::bench
