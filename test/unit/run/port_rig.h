// EAL in this process, without huge pages, for tests of ports: as root in a network namespace of
// its own, so that kernel interfaces can be made.
#ifndef POSTERN_TEST_UNIT_RUN_PORT_RIG_H_
#define POSTERN_TEST_UNIT_RUN_PORT_RIG_H_

#include <gtest/gtest.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "dataplane/packet/vlan.h"
#include "dataplane/run/eal.h"
#include "dataplane/run/environment.h"
#include "dataplane/run/handover_mesh.h"
#include "dataplane/run/kernel_interface.h"
#include "dataplane/run/port.h"

namespace postern {

inline constexpr uint32_t kFrameBytes = 100;

// A broadcast frame of an ethertype that nothing answers, `tag` in its payload.
inline void fill_frame(uint8_t* frame, uint32_t bytes, uint8_t tag) {
  std::memset(frame, 0xff, 6);
  std::memset(frame + 6, 0x02, 6);
  frame[12] = 0x88;  // 0x88b5: local experiments (IEEE 802)
  frame[13] = 0xb5;
  std::memset(frame + 14, tag, bytes - 14);
}

inline bool is_frame(const rte_mbuf* packet, uint32_t bytes, uint8_t tag) {
  if (packet->nb_segs != 1 || packet->pkt_len != bytes) return false;
  std::array<uint8_t, 16384> wanted{};
  fill_frame(wanted.data(), bytes, tag);
  return std::memcmp(rte_pktmbuf_mtod(packet, const uint8_t*), wanted.data(), bytes) == 0;
}

class PortTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    own_namespace_ = geteuid() == 0 && unshare(CLONE_NEWNET) == 0;
    EalSettings settings;
    settings.memory = MemoryMode::kNoHuge;
    settings.memory_mb = 128;
    const HostFacts facts = gather_host_facts();
    settings.worker_cpus = {facts.allowed_cpus.back()};
    prefix_ = "postern-test-" + std::to_string(getpid());
    directory_ = std::filesystem::temp_directory_path() / prefix_;
    std::filesystem::create_directory(directory_);
    settings.file_prefix = prefix_;
    Outcome<Eal> eal = Eal::start(
        settings, {MemoryMode::kNoHuge, facts.instruction_set, facts.allowed_cpus}, {},
        [](std::string_view line) {
          if (std::getenv("POSTERN_TEST_VERBOSE") != nullptr) {
            std::fprintf(stderr, "dpdk: %.*s\n", static_cast<int>(line.size()), line.data());
          }
        });
    ASSERT_TRUE(eal.ok()) << eal.complaint().text();
    eal_ = std::make_unique<Eal>(std::move(eal).value());
    runtime_directory_ = rte_eal_get_runtime_dir();
    ASSERT_NE(runtime_directory_.find(prefix_), std::string::npos);
  }
  static void TearDownTestSuite() {
    eal_.reset();
    std::filesystem::remove_all(directory_);
    EXPECT_FALSE(std::filesystem::exists(runtime_directory_));
  }

  static Outcome<Port> open(const std::string& device, uint32_t mtu_bytes = 1500,
                            uint16_t vlan = 0) {
    PortSettings settings;
    settings.name = "tested";
    settings.device = device;
    settings.mtu_bytes = mtu_bytes;
    settings.vlan = vlan;
    return Port::open(settings, eal_->log());
  }

  // A pool for one port and the port started over it; fails the test where that fails.
  struct Running {
    std::shared_ptr<MbufPool> pool;
    std::unique_ptr<Port> port;
  };
  static Running run(const std::string& device, uint32_t mtu_bytes = 1500, uint32_t buffers = 8191,
                     uint16_t vlan = 0) {
    Running running;
    Outcome<Port> port = open(device, mtu_bytes, vlan);
    if (!port) {
      ADD_FAILURE() << port.complaint().text();
      return running;
    }
    running.port = std::make_unique<Port>(std::move(port).value());
    Outcome<MbufPool> pool = MbufPool::create("tested", buffers, running.port->frame_room_bytes());
    if (!pool) {
      ADD_FAILURE() << pool.complaint().text();
      return {};
    }
    running.pool = std::make_shared<MbufPool>(std::move(pool).value());
    const std::optional<Complaint> complaint = running.port->start(*running.pool);
    if (complaint) {
      ADD_FAILURE() << complaint->text();
      return {};
    }
    return running;
  }

  // Another port over the same pool.
  static Running run_beside(const Running& first, const std::string& device, uint16_t vlan) {
    Outcome<Port> port = open(device, 1500, vlan);
    if (!port) {
      ADD_FAILURE() << port.complaint().text();
      return {};
    }
    Running running{first.pool, std::make_unique<Port>(std::move(port).value())};
    const std::optional<Complaint> complaint = running.port->start(*running.pool);
    EXPECT_EQ(complaint, std::nullopt);
    return running;
  }

  static void send(const Running& from, uint32_t bytes, uint8_t tag) {
    rte_mbuf* packet = rte_pktmbuf_alloc(from.pool->get());
    ASSERT_NE(packet, nullptr);
    auto* data =
        reinterpret_cast<uint8_t*>(rte_pktmbuf_append(packet, static_cast<uint16_t>(bytes)));
    ASSERT_NE(data, nullptr);
    fill_frame(data, bytes, tag);
    ASSERT_EQ(rte_eth_tx_burst(from.port->port_id(), 0, &packet, 1), 1);
  }

  // Whether the frame is among the next that arrive, within 50 ms; all of them are freed.
  static bool arrives(const Running& at, uint32_t bytes, uint8_t tag) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    bool found = false;
    while (!found && std::chrono::steady_clock::now() < deadline) {
      std::array<rte_mbuf*, 32> burst{};
      const uint16_t count = rte_eth_rx_burst(at.port->port_id(), 0, burst.data(), 32);
      for (uint16_t i = 0; i < count; ++i) {
        found = found || is_frame(burst[i], bytes, tag);
        rte_pktmbuf_free(burst[i]);
      }
      if (count == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return found;
  }

  // Whether a frame that the device was told to tag arrives as `test` wants it. Sent again for a
  // second, as below.
  template <typename Test>
  static bool hears_tagged(const Running& from, const Running& at, uint16_t vlan, Test test) {
    for (int tries = 0; at.port && tries < 500; ++tries) {
      rte_mbuf* frame = rte_pktmbuf_alloc(from.pool->get());
      auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(frame, kFrameBytes));
      fill_frame(data, kFrameBytes, 9);
      EXPECT_TRUE(put_tag_on(*frame, vlan, /*by_device=*/true));
      EXPECT_EQ(rte_eth_tx_burst(from.port->port_id(), 0, &frame, 1), 1);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      std::array<rte_mbuf*, 32> burst{};
      const uint16_t count = rte_eth_rx_burst(at.port->port_id(), 0, burst.data(), 32);
      bool heard = false;
      for (uint16_t i = 0; i < count; ++i) {
        heard = test(*burst[i]) || heard;
        rte_pktmbuf_free(burst[i]);
      }
      if (heard) return true;
    }
    return false;
  }

  // Whether a frame sent on one port arrives on another. Sent again for a second: the kernel drops
  // what is sent while it still takes note of a carrier.
  static bool passes(const Running& from, const Running& to, uint32_t bytes, uint8_t tag) {
    for (int attempt = 0; attempt < 20; ++attempt) {
      send(from, bytes, tag);
      if (HasFatalFailure()) return false;
      if (arrives(to, bytes, tag)) return true;
    }
    return false;
  }

  // Whether the link gets there within a second: the kernel takes note of carriers by and by.
  static bool link_becomes(const Running& of, bool up) {
    for (int attempt = 0; attempt < 1000 && of.port->link().up != up; ++attempt) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return of.port->link().up == up;
  }

  static inline bool own_namespace_ = false;
  static inline std::string runtime_directory_;
  static inline std::string prefix_;
  static inline std::filesystem::path directory_;
  static inline std::unique_ptr<Eal> eal_;
};

}  // namespace postern

#endif  // POSTERN_TEST_UNIT_RUN_PORT_RIG_H_
