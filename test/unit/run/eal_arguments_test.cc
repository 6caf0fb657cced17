#include <gtest/gtest.h>
#include <rte_eal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "dataplane/run/eal.h"

namespace postern {
namespace {

using Arguments = std::vector<std::string>;

bool has(const Arguments& arguments, std::string_view argument) {
  return std::find(arguments.begin(), arguments.end(), argument) != arguments.end();
}

Arguments for_mode(MemoryMode mode) {
  EalSettings settings;
  settings.file_prefix = "t";
  settings.memory_mb = 64;
  return eal_arguments(settings, mode, InstructionSet::kAvx2, {}, std::vector<uint32_t>{0});
}

TEST(EalArguments, OneWorkerWithoutANic) {
  const std::vector<PortSettings> ports = {{.name = "up", .device = "net_tap0,iface=up"}};
  EalSettings settings;
  settings.file_prefix = "t";
  const Arguments wanted = {"postern",
                            "--lcores=0@(0,2-3),1@1",
                            "--main-lcore=0",
                            "--no-pci",
                            "--iova-mode=va",
                            "--no-huge",
                            "-m",
                            "1024",
                            "--file-prefix=t",
                            "--no-shconf",
                            "--no-telemetry"};
  EXPECT_EQ(eal_arguments(settings, MemoryMode::kNoHuge, InstructionSet::kAvx2, ports,
                          std::vector<uint32_t>{0, 2, 3}),
            wanted);
}

TEST(EalArguments, MemoryModes) {
  EXPECT_TRUE(has(for_mode(MemoryMode::kInMemory), "--in-memory"));
  EXPECT_FALSE(has(for_mode(MemoryMode::kInMemory), "--no-shconf")) << "implied, and refused twice";
  EXPECT_TRUE(has(for_mode(MemoryMode::kHugepages), "--huge-unlink"));
  EXPECT_TRUE(has(for_mode(MemoryMode::kHugepages), "--no-shconf"));
  EXPECT_TRUE(has(for_mode(MemoryMode::kNoHuge), "--no-huge"));
  EXPECT_TRUE(has(for_mode(MemoryMode::kNoHuge), "64"));
}

TEST(EalArguments, WorkersAreNumberedWhateverTheirCpus) {
  EalSettings settings;
  settings.worker_cpus = {9, 4};
  const Arguments spare = eal_arguments(settings, MemoryMode::kInMemory, InstructionSet::kAvx2, {},
                                        std::vector<uint32_t>{0, 1});
  EXPECT_TRUE(has(spare, "--lcores=0@(0-1),1@9,2@4"));
  // Without a CPU of its own the control thread shares the workers'.
  const Arguments shared =
      eal_arguments(settings, MemoryMode::kInMemory, InstructionSet::kAvx2, {}, {});
  EXPECT_TRUE(has(shared, "--lcores=0@(4,9),1@9,2@4"));
}

TEST(EalArguments, NicsAreAllowedByName) {
  const std::vector<PortSettings> ports = {{.name = "a", .device = "3b:00.0"},
                                           {.name = "b", .device = "net_null0"}};
  const Arguments arguments =
      eal_arguments({}, MemoryMode::kHugepages, InstructionSet::kAvx2, ports, {});
  EXPECT_TRUE(has(arguments, "--allow=0000:3b:00.0"));
  EXPECT_FALSE(has(arguments, "--no-pci"));
  EXPECT_FALSE(has(arguments, "--iova-mode=va"));
  EXPECT_FALSE(has(arguments, "--allow=net_null0"));
}

TEST(EalArguments, Avx512IsUnlockedWhereItIsUsed) {
  const auto unlocked = [](InstructionSet set) {
    return has(eal_arguments({}, MemoryMode::kNoHuge, set, {}, {}),
               "--force-max-simd-bitwidth=512");
  };
  EXPECT_TRUE(unlocked(InstructionSet::kAvx512));
  EXPECT_FALSE(unlocked(InstructionSet::kAvx2));
}

TEST(EalArguments, TheOperatorsComeLast) {
  EalSettings settings;
  settings.args = {"--vdev=net_bonding0,mode=1", "--log-level=pmd:8"};
  const Arguments arguments =
      eal_arguments(settings, MemoryMode::kNoHuge, InstructionSet::kAvx2, {}, {});
  ASSERT_GE(arguments.size(), 2u);
  EXPECT_EQ(Arguments(arguments.end() - 2, arguments.end()), settings.args);
}

// The only test of this program that starts EAL: after a failure a process cannot start it again.
TEST(Eal, AFailedStartSaysWhy) {
  EalSettings settings;
  settings.memory_mb = 1 << 24;  // 16 TiB of huge pages
  settings.worker_cpus = {0};
  settings.file_prefix = "postern-test-" + std::to_string(getpid());
  std::vector<std::string> lines;
  const Outcome<Eal> eal =
      Eal::start(settings, {MemoryMode::kInMemory, InstructionSet::kAvx2, {0}}, {},
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  ASSERT_FALSE(eal.ok());
  EXPECT_TRUE(eal.complaint().what.starts_with("DPDK does not start: EAL: "))
      << eal.complaint().what;
  EXPECT_FALSE(lines.empty());
  const std::string directory = rte_eal_get_runtime_dir();
  EXPECT_TRUE(directory.ends_with(settings.file_prefix)) << directory;
  EXPECT_FALSE(std::filesystem::exists(directory)) << "something is left behind";
}

}  // namespace
}  // namespace postern
