#include "dataplane/run/environment.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

// A machine on which nothing stands in the way.
HostFacts good_host() {
  HostFacts facts;
  facts.instruction_set = InstructionSet::kAvx2;
  facts.online_cpus = {0, 1, 2, 3};
  facts.allowed_cpus = {0, 1, 2, 3};
  facts.available_mb = 8192;
  facts.huge_pages_total = 1024;
  facts.huge_pages_free = 1024;
  facts.hugetlbfs_mounted = true;
  facts.cap_net_admin = facts.cap_net_raw = facts.cap_ipc_lock = facts.cap_sys_admin = true;
  facts.tun_device_usable = true;
  facts.interface_mtus = {{"lo", 65536}, {"g0", 1600}};
  facts.pci_drivers = {{"0000:3b:00.0", "vfio-pci"}, {"0000:3b:00.1", "ixgbe"}};
  return facts;
}

PortSettings port(std::string device, uint32_t mtu_bytes = 1500) {
  return {.name = "p", .device = std::move(device), .mtu_bytes = mtu_bytes};
}

std::vector<Complaint> check(const HostFacts& facts, const std::vector<PortSettings>& ports,
                             const EalSettings& settings = {}) {
  return check_environment(facts, settings, ports);
}

// The only complaint; fails the test where there are more or none.
Complaint only(const std::vector<Complaint>& complaints) {
  std::string all;
  for (const Complaint& complaint : complaints) all += "\n" + complaint.text();
  EXPECT_EQ(complaints.size(), 1u) << all;
  return complaints.empty() ? Complaint{} : complaints.front();
}

bool mentions(const std::string& text, std::string_view words) {
  return text.find(words) != std::string::npos;
}

TEST(Environment, AGoodHostHasNoComplaint) {
  const std::vector<PortSettings> ports = {
      port("net_tap0,iface=up"), port("net_af_packet0,iface=g0", 1600),
      port("net_af_xdp0,iface=lo"), port("net_memif0"), port("3b:00.0")};
  for (const MemoryMode mode :
       {MemoryMode::kAuto, MemoryMode::kHugepages, MemoryMode::kInMemory, MemoryMode::kNoHuge}) {
    EalSettings settings;
    settings.memory = mode;
    settings.worker_cpus = {1, 2};
    for (const Complaint& complaint : check(good_host(), ports, settings)) {
      ADD_FAILURE() << name_of(mode) << ": " << complaint.text();
    }
  }
}

TEST(Environment, AutoTakesHugePagesOnlyWhereEnoughAreFree) {
  HostFacts facts = good_host();
  EXPECT_EQ(choose_memory(facts, {}), MemoryMode::kInMemory);
  facts.huge_pages_free = 511;
  EXPECT_EQ(choose_memory(facts, {}), MemoryMode::kNoHuge);
  EXPECT_TRUE(check(facts, {}).empty());
  EalSettings settings;
  settings.memory = MemoryMode::kHugepages;
  EXPECT_EQ(choose_memory(facts, settings), MemoryMode::kHugepages);
}

TEST(Environment, MissingHugePagesSayHowManyToAskFor) {
  HostFacts facts = good_host();
  facts.huge_pages_free = 24;  // 1000 are in use
  EalSettings settings;
  settings.memory = MemoryMode::kInMemory;
  const Complaint complaint = only(check(facts, {}, settings));
  EXPECT_EQ(complaint.what, "eal.memory_mb = 1024, but only 48 MiB of huge pages are free");
  EXPECT_TRUE(mentions(complaint.advice, "sudo sysctl -w vm.nr_hugepages=1512"))
      << complaint.advice;

  facts.huge_page_kb = 1 << 20;
  facts.huge_pages_total = facts.huge_pages_free = 0;
  EXPECT_TRUE(mentions(only(check(facts, {}, settings)).advice, "vm.nr_hugepages=1,"));
}

TEST(Environment, HugepagesWantAMount) {
  HostFacts facts = good_host();
  facts.hugetlbfs_mounted = false;
  EalSettings settings;
  settings.memory = MemoryMode::kHugepages;
  EXPECT_TRUE(mentions(only(check(facts, {}, settings)).advice, "mount -t hugetlbfs nodev"));
  settings.memory = MemoryMode::kInMemory;
  EXPECT_TRUE(check(facts, {}, settings).empty());
}

TEST(Environment, OrdinaryMemoryMustBeThere) {
  HostFacts facts = good_host();
  facts.available_mb = 900;
  EalSettings settings;
  settings.memory = MemoryMode::kNoHuge;
  EXPECT_EQ(only(check(facts, {}, settings)).what,
            "eal.memory_mb = 1024, but only 900 MiB of memory are free");
}

TEST(Environment, WorkersNeedCpusThatExistAndMayBeUsed) {
  HostFacts facts = good_host();
  EalSettings settings;
  settings.worker_cpus = {7};
  EXPECT_EQ(only(check(facts, {}, settings)).text(),
            "workers.cpus names CPU 7, which this machine does not have; choose among 0-3 "
            "(lscpu -e)");
  facts.allowed_cpus = {0, 2};
  settings.worker_cpus = {1};
  EXPECT_TRUE(mentions(only(check(facts, {}, settings)).text(), "may not use; choose among 0,2,"));
  settings.worker_cpus = {2, 2};
  EXPECT_TRUE(mentions(only(check(facts, {}, settings)).what, "CPU 2 twice"));
  settings.worker_cpus = {};
  EXPECT_TRUE(mentions(only(check(facts, {}, settings)).what, "no CPU"));
}

TEST(Environment, OldCpusAreNamed) {
  HostFacts facts = good_host();
  facts.instruction_set = InstructionSet::kBelowFloor;
  EXPECT_TRUE(mentions(only(check(facts, {})).what, "AVX2"));
}

TEST(Environment, PrivilegesByKindOfPort) {
  HostFacts facts = good_host();
  facts.cap_net_admin = facts.cap_net_raw = facts.cap_ipc_lock = facts.cap_sys_admin = false;
  facts.memlock_kb = 65536;
  EXPECT_TRUE(check(facts, {port("net_null0"), port("net_ring0"), port("net_memif0")}).empty());
  EXPECT_TRUE(mentions(only(check(facts, {port("net_tap0")})).what, "CAP_NET_ADMIN"));
  const Complaint socket = only(check(facts, {port("net_af_packet0,iface=g0")}));
  EXPECT_TRUE(mentions(socket.what, "port \"p\": net_af_packet needs CAP_NET_ADMIN"));
  EXPECT_TRUE(mentions(socket.advice, "run it as root"));
  EXPECT_TRUE(mentions(socket.advice, "cap_net_admin,cap_net_raw,cap_ipc_lock=ep"));
  facts.cap_net_admin = facts.cap_net_raw = true;
  EXPECT_TRUE(check(facts, {port("net_af_packet0,iface=g0")}).empty());
  const Complaint program =
      only(check(facts, {port("net_af_xdp0,iface=g0"), port("net_ring0")}, {.memory_mb = 32}));
  EXPECT_TRUE(mentions(program.what, "CAP_NET_RAW and CAP_SYS_ADMIN")) << program.what;
  EXPECT_TRUE(mentions(program.advice, "cap_sys_admin=ep")) << program.advice;
}

TEST(Environment, LockedMemoryByKindOfPort) {
  HostFacts facts = good_host();
  facts.cap_ipc_lock = false;
  facts.memlock_kb = 8192;
  for (const auto& [device, needed] :
       {std::pair("3b:00.0", "needs 1024 MiB"), std::pair("net_af_xdp0,iface=g0", "needs 1024 MiB"),
        std::pair("net_af_packet0,iface=g0", "needs 32 MiB")}) {
    const Complaint locked = only(check(facts, {port(device)}));
    EXPECT_TRUE(mentions(locked.what, needed)) << locked.what;
    EXPECT_TRUE(mentions(locked.what, "the limit is 8 MiB")) << locked.what;
    EXPECT_TRUE(mentions(locked.advice, "ulimit -l unlimited"));
  }
  const std::string small = "net_af_packet0,iface=g0,blocksz=4096,framesz=2048,framecnt=512";
  EXPECT_TRUE(check(facts, {port(small), port("net_tap0"), port("net_memif0")}).empty());
}

TEST(Environment, LockedMemoryIsASumOverPorts) {
  HostFacts facts = good_host();
  facts.cap_ipc_lock = false;
  facts.memlock_kb = 48 * 1024;  // enough for either, not for both
  const PortSettings first = port("net_af_packet0,iface=g0");
  const PortSettings second = port("net_af_packet1,iface=g0");
  EXPECT_TRUE(check(facts, {first}).empty());
  const Complaint locked = only(check(facts, {first, second, port("net_tap0")}));
  EXPECT_TRUE(mentions(locked.what, "their devices together need 64 MiB")) << locked.what;
  // Buffers are locked once, whatever has them.
  facts.memlock_kb = (1024 + 32) * 1024;
  EXPECT_TRUE(check(facts, {port("3b:00.0"), port("net_af_xdp0,iface=g0"), first}).empty());
  facts.memlock_kb -= 1024;
  EXPECT_TRUE(mentions(only(check(facts, {port("3b:00.0"), first})).what, "need 1056 MiB"));
}

TEST(Environment, TapsNeedTheTunDevice) {
  HostFacts facts = good_host();
  facts.tun_device_usable = false;
  EXPECT_TRUE(mentions(only(check(facts, {port("net_tap0")})).advice, "modprobe tun"));
}

TEST(Environment, InterfacesMustExistAndCarryTheMtu) {
  EXPECT_TRUE(mentions(only(check(good_host(), {port("net_af_packet0,iface=g9")})).what,
                       "no interface g9"));
  EXPECT_TRUE(
      mentions(only(check(good_host(), {port("net_af_xdp0")})).advice, "net_af_xdp0,iface=NAME"));
  EXPECT_EQ(only(check(good_host(), {port("net_af_packet0,iface=g0", 1700)})).advice,
            "sudo ip link set dev g0 mtu 1700");
}

TEST(Environment, TellsWhatIsOfADeviceFromWhatIsOfTheMachine) {
  for (const char* device : {"net_af_packet0,iface=g9", "net_af_packet0", "ff:00.0", "nonsense"}) {
    EXPECT_TRUE(only(check(good_host(), {port(device)})).of_device) << device;
  }
  HostFacts facts = good_host();
  facts.tun_device_usable = false;
  EXPECT_FALSE(only(check(facts, {port("net_tap0")})).of_device);
  EXPECT_FALSE(only(check(good_host(), {port("net_af_packet0,iface=g0", 1700)})).of_device);
}

TEST(Environment, NicsMustBeBoundForDpdk) {
  EXPECT_TRUE(mentions(only(check(good_host(), {port("ff:00.0")})).what, "no PCI device 0000:ff"));
  const Complaint bound = only(check(good_host(), {port("3b:00.1")}));
  EXPECT_TRUE(mentions(bound.what, "the kernel driver ixgbe"));
  EXPECT_TRUE(mentions(bound.advice, "driverctl set-override 0000:3b:00.1 vfio-pci"));
}

TEST(Environment, DevicesMustDifferAndBeDevices) {
  EXPECT_TRUE(mentions(only(check(good_host(), {port("net_tap0,iface=a"), port("net_tap0")})).what,
                       "another port has the device net_tap0"));
  EXPECT_TRUE(mentions(only(check(good_host(), {port("g0")})).what, "port \"p\": \"g0\""));
  EXPECT_TRUE(mentions(only(check(good_host(), {port("net_af_xdp0,iface=lo", 9000)})).what,
                       "cannot do mtu 9000"));
}

TEST(Environment, AllComplaintsComeAtOnce) {
  HostFacts facts = good_host();
  facts.cap_net_admin = false;
  facts.tun_device_usable = false;
  facts.huge_pages_free = 0;
  EalSettings settings;
  settings.memory = MemoryMode::kHugepages;
  settings.worker_cpus = {9};
  EXPECT_EQ(check(facts, {port("net_tap0"), port("nothing")}, settings).size(), 5u);
}

TEST(HostFacts, CpuLists) {
  EXPECT_EQ(parse_cpu_list("0-2,5\n"), (std::vector<uint32_t>{0, 1, 2, 5}));
  EXPECT_EQ(parse_cpu_list("\n"), std::vector<uint32_t>{});
  EXPECT_EQ(cpu_list_text({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
  EXPECT_EQ(cpu_list_text({}), "");
}

TEST(HostFacts, HugetlbfsMountsBySize) {
  const std::string_view mounts =
      "proc /proc proc rw 0 0\n"
      "nodev /huge hugetlbfs rw,relatime,pagesize=2M 0 0\n"
      "nodev /huge1g hugetlbfs rw,relatime,pagesize=1024M 0 0\n";
  EXPECT_EQ(hugetlbfs_directories(mounts, 2048), std::vector<std::string>{"/huge"});
  EXPECT_EQ(hugetlbfs_directories(mounts, 1 << 20), std::vector<std::string>{"/huge1g"});
}

TEST(HostFacts, ThisMachineAnswers) {
  const HostFacts facts = gather_host_facts();
  EXPECT_FALSE(facts.online_cpus.empty());
  EXPECT_FALSE(facts.allowed_cpus.empty());
  EXPECT_GT(facts.available_mb, 0u);
  EXPECT_TRUE(facts.interface_mtus.contains("lo"));
}

}  // namespace
}  // namespace postern
