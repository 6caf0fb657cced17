// Ports over EAL in this process: packets go through software devices that need no privilege.
#include "dataplane/run/port.h"

#include "dataplane/run/environment.h"
#include "dataplane/run/handover_mesh.h"
#include "test/unit/run/port_rig.h"

namespace postern {
namespace {

TEST_F(PortTest, LaunchesAWorkerOnItsThread) {
  struct Seen {
    std::thread::id thread;
    int signal_blocked = -1;
  } seen;
  ASSERT_EQ(eal_->workers(), 1u);
  ASSERT_TRUE(eal_->launch(
      0,
      [](void* argument) {
        auto* out = static_cast<Seen*>(argument);
        out->thread = std::this_thread::get_id();
        sigset_t mask;
        pthread_sigmask(SIG_BLOCK, nullptr, &mask);
        out->signal_blocked = sigismember(&mask, SIGTERM);
        return 0;
      },
      &seen));
  eal_->wait(0);
  EXPECT_NE(seen.thread, std::this_thread::get_id());
  EXPECT_NE(seen.thread, std::thread::id());
  EXPECT_EQ(seen.signal_blocked, 1);
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
}

TEST_F(PortTest, RingGivesBackWhatItTook) {
  Running ring = run("net_ring0");
  ASSERT_TRUE(ring.port);
  EXPECT_EQ(ring.port->driver(), "net_ring");
  EXPECT_TRUE(ring.port->link().up);
  for (uint8_t tag = 1; tag < 100; ++tag) send(ring, kFrameBytes, tag);
  std::array<rte_mbuf*, 128> burst{};
  ASSERT_EQ(rte_eth_rx_burst(ring.port->port_id(), 0, burst.data(), 128), 99);
  for (uint8_t i = 0; i < 99; ++i) {
    EXPECT_TRUE(is_frame(burst[i], kFrameBytes, static_cast<uint8_t>(i + 1))) << unsigned{i};
    rte_pktmbuf_free(burst[i]);
  }
  const PortStatistics statistics = ring.port->statistics();
  EXPECT_EQ(statistics.received, 99u);
  EXPECT_EQ(statistics.sent, 99u);
  EXPECT_EQ(statistics.missed, 0u);
}

TEST_F(PortTest, ADeviceCanBeOpenedAgainAfterItsPortStopped) {
  for (int round = 0; round < 2; ++round) {
    Running null = run("net_null0");
    ASSERT_TRUE(null.port);
    null.port->stop();
    EXPECT_FALSE(null.port->link().up);
  }
}

TEST_F(PortTest, PortsShareAPool) {
  const std::vector<PortSettings> settings = {{.name = "a", .device = "net_null0"},
                                              {.name = "b", .device = "net_null1,size=200"}};
  const PoolPlan plan = plan_pool(settings, 1, 0);
  Outcome<MbufPool> pool = MbufPool::create("shared", plan.buffers, plan.frame_room_bytes);
  ASSERT_TRUE(pool.ok()) << pool.complaint().text();
  Outcome<std::vector<Port>> started = start_ports(settings, pool.value(), eal_->log());
  ASSERT_TRUE(started.ok()) << started.complaint().text();
  const Port& first = started.value()[0];
  const Port& second = started.value()[1];
  EXPECT_EQ(first.name(), "a");
  EXPECT_NE(first.port_id(), second.port_id());
  std::array<rte_mbuf*, 64> burst{};
  const uint16_t count = rte_eth_rx_burst(second.port_id(), 0, burst.data(), 64);
  ASSERT_GT(count, 0);
  EXPECT_EQ(burst[0]->pkt_len, 200u);
  EXPECT_EQ(pool.value().in_use(), count);
  EXPECT_EQ(rte_eth_tx_burst(first.port_id(), 0, burst.data(), count), count);
  EXPECT_EQ(pool.value().in_use(), 0u);
}

TEST_F(PortTest, PcapReadsAndWritesFiles) {
  const std::string in = directory_ / "in.pcap";
  const std::string out = directory_ / "out.pcap";
  std::array<uint8_t, kFrameBytes> frame{};
  fill_frame(frame.data(), kFrameBytes, 7);
  {
    // The format's header (magic, version 2.4, snap length, Ethernet) and one record.
    const std::array<uint32_t, 6> header = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
    const std::array<uint32_t, 4> record = {0, 0, kFrameBytes, kFrameBytes};
    std::ofstream file(in, std::ios::binary);
    file.write(reinterpret_cast<const char*>(header.data()), sizeof(header));
    file.write(reinterpret_cast<const char*>(record.data()), sizeof(record));
    file.write(reinterpret_cast<const char*>(frame.data()), kFrameBytes);
  }
  {
    Running pcap = run("net_pcap0,rx_pcap=" + in + ",tx_pcap=" + out);
    ASSERT_TRUE(pcap.port);
    EXPECT_TRUE(arrives(pcap, kFrameBytes, 7));
    send(pcap, kFrameBytes, 8);
  }
  EXPECT_EQ(std::filesystem::file_size(out), 24u + 16u + kFrameBytes);
}

// A pcap device has as many queues as files were named for it.
TEST_F(PortTest, WithFewerReceiveQueuesTheFirstWorkersPoll) {
  const std::string files = ",tx_pcap=" + (directory_ / "a.pcap").string() +
                            ",tx_pcap=" + (directory_ / "b.pcap").string();
  PortSettings settings{.name = "tested", .device = "net_ring0", .queues = 2};
  {
    Outcome<Port> port = Port::open(settings, eal_->log());
    ASSERT_TRUE(port.ok()) << port.complaint().text();
    EXPECT_EQ(port.value().receive_queues(), 2);  // one for each thread of EAL
  }
  const std::string in = directory_ / "empty.pcap";
  {
    const std::array<uint32_t, 6> header = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
    std::ofstream file(in, std::ios::binary);
    file.write(reinterpret_cast<const char*>(header.data()), sizeof(header));
  }
  settings.device = "net_pcap0,rx_pcap=" + in + files;
  Outcome<Port> port = Port::open(settings, eal_->log());
  ASSERT_TRUE(port.ok()) << port.complaint().text();
  EXPECT_EQ(port.value().receive_queues(), 1);
}

TEST_F(PortTest, WithFewerTransmitQueuesThereIsAComplaint) {
  PortSettings settings{.name = "tested",
                        .device = "net_pcap0,tx_pcap=" + (directory_ / "only.pcap").string(),
                        .queues = 2};
  const Outcome<Port> port = Port::open(settings, eal_->log());
  ASSERT_FALSE(port.ok());
  EXPECT_EQ(port.complaint().what,
            "port \"tested\": device net_pcap0 has 1 transmit queue, the workers need 2");
  EXPECT_EQ(port.complaint().advice,
            "name at most 1 in workers.cpus, or name a tx_pcap for each worker");
}

TEST_F(PortTest, MemifCarriesFramesOfTheMtu) {
  const std::string socket = ",socket-abstract=no,socket=" + (directory_ / "memif.sock").string();
  const std::vector<PortSettings> settings = {
      {.name = "server", .device = "net_memif0,role=server" + socket, .mtu_bytes = 4000},
      {.name = "client", .device = "net_memif1,role=client" + socket, .mtu_bytes = 4000}};
  const auto pool = std::make_shared<MbufPool>(
      MbufPool::create("memif", 8191, plan_pool(settings, 1, 0).frame_room_bytes).value());
  Outcome<std::vector<Port>> started = start_ports(settings, *pool, eal_->log());
  ASSERT_TRUE(started.ok()) << started.complaint().text();
  const Running server{pool, std::make_unique<Port>(std::move(started.value()[0]))};
  const Running client{pool, std::make_unique<Port>(std::move(started.value()[1]))};
  EXPECT_TRUE(link_becomes(server, true));
  EXPECT_TRUE(link_becomes(client, true));
  // The client lends the server buffers to send into, for the first time when it first receives.
  EXPECT_FALSE(arrives(client, 4014, 9));
  EXPECT_TRUE(passes(server, client, 4014, 9));
  EXPECT_TRUE(passes(client, server, kFrameBytes, 10));
  // The driver's thread takes the server's end down. To close that port meanwhile is a race in the
  // driver, with itself.
  client.port->stop();
  EXPECT_TRUE(link_becomes(server, false));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

TEST_F(PortTest, OneComplaintClosesAllPorts) {
  const std::vector<PortSettings> settings = {{.name = "a", .device = "net_null0"},
                                              {.name = "b", .device = "net_nosuch0"}};
  Outcome<MbufPool> pool = MbufPool::create("unused", 4095, 2048);
  ASSERT_TRUE(pool.ok()) << pool.complaint().text();
  const Outcome<std::vector<Port>> started = start_ports(settings, pool.value(), eal_->log());
  ASSERT_FALSE(started.ok());
  EXPECT_TRUE(started.complaint().what.starts_with("port \"b\": ")) << started.complaint().what;
  EXPECT_EQ(rte_eth_dev_count_avail(), 0);
}

TEST(PoolPlan, HoldsFullRingsAndTheLargestFrame) {
  const std::vector<PortSettings> settings = {
      {.name = "a", .device = "net_null0"},
      {.name = "b", .device = "0000:3b:00.0", .mtu_bytes = 9000},
      {.name = "c", .device = "no device"}};
  const PoolPlan plan = plan_pool(settings, 1, 1024);
  EXPECT_EQ(plan.frame_room_bytes, 9024u);
  EXPECT_EQ(plan.buffers, 16383u);
  EXPECT_EQ(plan_pool(settings, 1, 10000).buffers, 32767u);
}

TEST(PoolPlan, HoldsTheQueuesAndRingsOfAllWorkers) {
  const std::vector<PortSettings> settings = {{.name = "a", .device = "net_null0", .queues = 4}};
  // Four pairs of queues, four threads and the control thread, frames held, twelve rings.
  constexpr uint32_t kWanted = 4 * 3072 + 5 * 2048 + 4 * 512 + 12 * 1024;
  const PoolPlan plan = plan_pool(settings, 4, 512);
  EXPECT_GE(plan.buffers, kWanted);
  EXPECT_LE(plan.buffers, 2 * kWanted);
  EXPECT_EQ(HandoverMesh::buffers(1), 0u);
  EXPECT_EQ(HandoverMesh::buffers(2), 4096u);
  EXPECT_EQ(HandoverMesh::slots(32), 256u);
}

TEST_F(PortTest, ADeviceWithoutAnAddressGetsOne) {
  Running ring = run("net_ring0");
  ASSERT_TRUE(ring.port);
  EXPECT_FALSE(ring.port->mac().is_zero());
  EXPECT_FALSE(ring.port->mac().is_multicast());
}

TEST_F(PortTest, AConfiguredAddressHolds) {
  PortSettings settings;
  settings.name = "tested";
  settings.device = "net_null0";
  settings.mac = MacAddress::parse("02:11:22:33:44:55");
  Outcome<Port> port = Port::open(settings, eal_->log());
  ASSERT_TRUE(port.ok()) << port.complaint().text();
  EXPECT_EQ(port.value().mac(), *settings.mac);
}

TEST_F(PortTest, ComplaintsNamePortDeviceAndWhatToDo) {
  Outcome<Port> port = open("net_pcap0,rx_pcap=/nowhere/in.pcap");
  ASSERT_FALSE(port.ok());
  const Complaint& complaint = port.complaint();
  EXPECT_TRUE(complaint.what.starts_with("port \"tested\": device net_pcap0 cannot be opened: "))
      << complaint.what;
  EXPECT_NE(complaint.what.find("/nowhere/in.pcap: No such file"), std::string::npos)
      << complaint.what;
  EXPECT_EQ(complaint.advice, "check the files that it names");

  EXPECT_FALSE(open("net_nosuch0").ok());
  EXPECT_FALSE(open("0000:ff:1f.7").ok());
  EXPECT_FALSE(open("eth0").ok());
}

TEST_F(PortTest, BuffersSmallerThanTheMtuAreRefused) {
  Outcome<Port> port = open("net_null0", 9000);
  ASSERT_TRUE(port.ok());
  Outcome<MbufPool> pool = MbufPool::create("small", 4095, 2048);
  ASSERT_TRUE(pool.ok());
  const std::optional<Complaint> complaint = port.value().start(pool.value());
  ASSERT_TRUE(complaint);
  EXPECT_NE(complaint->what.find("needs buffers of 9024 bytes, the pool's hold 2048"),
            std::string::npos)
      << complaint->what;
}

TEST_F(PortTest, APoolThatDoesNotFitComplains) {
  Outcome<MbufPool> pool = MbufPool::create("huge", 1u << 20, 2048);
  ASSERT_FALSE(pool.ok());
  EXPECT_EQ(pool.complaint().advice, "raise eal.memory_mb");
}

}  // namespace
}  // namespace postern
