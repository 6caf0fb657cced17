// Random packets through the real stages, each held against the plain model: first packets of pods
// and of who would be one, further packets of sessions that were opened under earlier
// configurations, and replies to the living and the dead.
#ifndef POSTERN_TEST_PACKET_RANDOM_TRAFFIC_H_
#define POSTERN_TEST_PACKET_RANDOM_TRAFFIC_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/packet/live_gateway.h"
#include "test/packet/plain_model.h"
#include "test/packet/world_editor.h"

namespace postern::test {

class RandomTraffic {
 public:
  // All outlive it; the world is what is in force.
  RandomTraffic(WorldEditor& editor, const PlainWorld& world, LiveGateway& gateway)
      : editor_(editor), world_(world), gateway_(gateway) {}

  // One packet of a pod, or of who would be one.
  void send();
  // A packet that comes back for a session, living or dead.
  void reply();
  // Another world is in force: ends those sessions that it ends.
  void world_changed();
  // Ends those that could not begin now; how many there were.
  uint64_t revalidated();
  // Nobody speaks for longer than any timeout.
  void expire();

  [[nodiscard]] uint64_t forwarded() const { return forwarded_; }
  [[nodiscard]] uint64_t dropped() const { return dropped_; }
  [[nodiscard]] uint64_t ended() const { return ended_; }

 private:
  // A session as the model knows it.
  struct Session {
    PlainFlow flow = {};
    Ipv4Address face = {};
    uint16_t port = 0;
    Ipv4Address remote = {};
    uint16_t remote_port = 0;
    PlainIdentity identity = {};
    std::string serves_for = {};  // what its face does
    bool answered = false;
    bool dead = false;
  };

  Ipv4Address source();
  PlainFlow fresh_flow();
  void send(const PlainFlow& flow, const PlainNode& from);
  void expect_opened(const std::string& what, const PlainFlow& flow, const PlainVerdict& verdict,
                     const Packet& packet);
  void expect_face(const std::string& what, const Session& opened, const PlainVerdict& verdict);
  void expect_old(const std::string& what, const Session& session, const PlainNode& from,
                  const Packet& packet);
  Bytes expect_forwarded(const std::string& what, std::string_view by, const Packet& packet);
  void expect_dropped(const std::string& what, Reason reason, std::string_view port,
                      const Packet& packet);
  bool at_its_quota(Ipv4Address source);
  Session* session_of(const PlainFlow& flow);
  std::vector<uint64_t> drops();
  std::string reason_since(const std::vector<uint64_t>& before);

  WorldEditor& editor_;
  const PlainWorld& world_;
  LiveGateway& gateway_;
  std::vector<Session> sessions_;
  std::map<std::pair<Ipv4Address, std::vector<Ipv4Address>>, Ipv4Address> faces_;
  uint64_t forwarded_ = 0;
  uint64_t dropped_ = 0;
  uint64_t ended_ = 0;
};

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_RANDOM_TRAFFIC_H_
