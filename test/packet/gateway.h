// A gateway without ports, for golden tests: a configuration in the file's own syntax is compiled
// into the real tables, packets are put into real mbufs and walked through the real stages, and
// what would leave is handed back. Time stands still unless a test moves it.
#ifndef POSTERN_TEST_PACKET_GATEWAY_H_
#define POSTERN_TEST_PACKET_GATEWAY_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/apply/compile.h"
#include "dataplane/packet/counters.h"
#include "dataplane/run/channel.h"
#include "dataplane/run/walk.h"
#include "test/packet/packet.h"

namespace postern::test {

// Starts EAL once for the process (no huge pages, no devices); every test program's main does.
void start_eal();

// A frame that would leave by a port.
struct Sent {
  std::string port;
  Bytes frame;
  uint16_t device_vlan = 0;  // of the tag that the device was told to put on; 0: none
};

// How a frame that is received lies in buffers.
using FrameMaker = std::function<rte_mbuf*(rte_mempool*, const Bytes&)>;
// In one segment on the heap, so that AddressSanitizer sees every byte read behind its end.
rte_mbuf* exact_frame(rte_mempool* pool, const Bytes& bytes);

class Gateway {
 public:
  static constexpr MacAddress kClusterMac{{2, 0, 0, 0, 0, 0x10}};
  static constexpr MacAddress kUplinkMac{{2, 0, 0, 0, 0, 0x20}};
  static constexpr MacAddress kSecondUplinkMac{{2, 0, 0, 0, 0, 0x21}};
  // Every next hop is resolved to this, unless a test says otherwise.
  static constexpr MacAddress kNextHopMac{{2, 0, 0, 0, 0, 0x99}};

  // Port 0 of the configuration gets kClusterMac, port 1 kUplinkMac, a third kSecondUplinkMac. Ends
  // the test program with the errors when the configuration is refused.
  explicit Gateway(const std::string& configuration);
  // The same with several workers, each with its table, and rings of so many slots between them.
  struct Several {
    uint32_t workers = 1;
    uint32_t ring_slots = 256;
    uint32_t max_sessions = 4096;  // in all
  };
  Gateway(const std::string& configuration, const Several& several);
  // Without a configuration in force: somebody else writes shared() and says what is, with adopt().
  struct Bare {};
  Gateway(const std::string& configuration, Bare);
  ~Gateway();

  // What the control thread does with a change: compile, publish, retire what went. Sessions stay.
  void apply(const std::string& configuration);

  // From here on `snapshot` is in force, which uses shared() and outlives its time.
  void adopt(const Snapshot& snapshot) { in_force_ = &snapshot; }
  SharedTables& shared();

  // Walks the frames as one burst received on that port (by worker 0, and by those that it hands
  // them over to); answers what would leave.
  std::vector<Sent> receive(std::string_view port, const std::vector<Packet>& packets);
  std::vector<Sent> receive(std::string_view port, const Packet& packet);
  // The same on any worker: what it hands over to others waits for hand_on().
  std::vector<Sent> receive_at(uint32_t worker, std::string_view port,
                               const std::vector<Packet>& packets);
  // Every worker walks what was handed over to it, until nothing is left.
  std::vector<Sent> hand_on();
  // Frames are made so from now on.
  void receive_as(FrameMaker maker) { make_frame_ = std::move(maker); }
  // Every device does so from now on, until the next change: puts VLAN tags on, judges checksums.
  void let_devices_tag();
  void let_devices_judge_sums();
  // From now on, until the next change, every frame is parsed field by field, and every packet goes
  // through all stages.
  void take_no_fast_way();
  // Lets held packets go, as the worker's loop does.
  std::vector<Sent> release_held();
  // Runs the sweep over all sessions, as the worker's loop does in two seconds.
  void sweep();

  // Has every session judged anew, as config.apply with `revalidate` does; how many have ended.
  uint32_t revalidate();
  // The same for a request of the control thread.
  void revalidate(SessionRevalidation& request);

  void pass_seconds(uint64_t seconds) { pass_ms(seconds * 1000); }
  void pass_ms(uint64_t ms) { now_.ms += ms; }
  void drain(std::string_view address, bool on);
  void set_neighbour(uint16_t port, std::string_view address, NeighbourState state,
                     MacAddress mac = kNextHopMac);
  void set_link(uint16_t port, bool up);

  [[nodiscard]] uint64_t dropped(Reason reason) const;
  [[nodiscard]] uint32_t workers() const;
  [[nodiscard]] const Counters& counters(uint32_t worker = 0) const;
  [[nodiscard]] SessionTable& table(uint32_t worker = 0);
  [[nodiscard]] const OwnerMap& owners() const;
  [[nodiscard]] SharedSessions& all_sessions();
  [[nodiscard]] RuleJournal& rules();
  [[nodiscard]] Sessions& sessions();
  [[nodiscard]] HoldQueue& holds();
  [[nodiscard]] rte_mempool* pool() const;
  [[nodiscard]] Now now() const { return now_; }
  [[nodiscard]] const Snapshot& snapshot() const { return *in_force_; }
  // received + made - forwarded - answered - dropped - held: zero in a gateway that counts right.
  [[nodiscard]] int64_t imbalance() const;
  // The session of the pod's flow, for tests that look inside.
  [[nodiscard]] const SessionEntry& only_session();

 private:
  struct Worker;
  struct Parts;
  std::vector<Sent> take_sent(Worker& worker);
  void revalidate(Sessions& sessions, SessionRevalidation& request);
  uint16_t port_index(std::string_view name) const;

  std::unique_ptr<Parts> parts_;
  std::unique_ptr<Snapshot> snapshot_;
  const Snapshot* in_force_ = nullptr;
  FrameMaker make_frame_ = exact_frame;
  std::vector<std::string> port_names_;
  Now now_{1'000'000};
};

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_GATEWAY_H_
