#include "bench/bench_eal.h"

#include <utility>
#include <vector>

#include "bench/receive_ring.h"
#include "dataplane/run/environment.h"
#include "dataplane/run/host_facts.h"

namespace postern::bench {
namespace {

constexpr uint32_t kBuffers = 4 * ReceiveRing::kSlots;
constexpr uint32_t kFrameRoomBytes = 2048;
constexpr uint32_t kMemory_mb = 64;

}  // namespace

Outcome<BenchEal> start_bench_eal(MemoryMode memory, std::optional<uint32_t> cpu) {
  const HostFacts facts = gather_host_facts();
  if (memory == MemoryMode::kInMemory && facts.huge_free_mb() < kMemory_mb) {
    return Complaint{"no huge pages are free",
                     "sudo sysctl -w vm.nr_hugepages=1024, or --memory "
                     "no-huge"};
  }
  EalSettings settings;
  settings.memory = memory;
  settings.memory_mb = kMemory_mb;
  settings.worker_cpus = {cpu.value_or(facts.allowed_cpus.back())};
  const std::vector<Complaint> complaints = check_environment(facts, settings, {});
  if (!complaints.empty()) return complaints.front();
  const Eal::Machine machine{.mode = choose_memory(facts, settings),
                             .instruction_set = facts.instruction_set,
                             .allowed_cpus = facts.allowed_cpus};
  auto eal = Eal::start(settings, machine, {}, [](std::string_view) {});
  if (!eal) return eal.complaint();
  return BenchEal{.eal = std::move(eal).value(), .worker_cpu = settings.worker_cpus.front()};
}

Outcome<MbufPool> make_bench_pool() { return MbufPool::create("bench", kBuffers, kFrameRoomBytes); }

}  // namespace postern::bench
