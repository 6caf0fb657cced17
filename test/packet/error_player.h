// Plays bytes as an ICMP error that arrives by the uplink: about one of several sessions (UDP, TCP,
// echo, through egress routers, one that has ended) or about none, cut, changed, forged. The frame
// is judged by a plain reading of RFC 5508 and RFC 5927 over a list of what was opened, and walked
// through a gateway:
//   - it leaves exactly when the judge says so, to the node and pod of the session that it quotes;
//   - every byte that is no address, port, TTL, MTU or checksum of ours stays as it came;
//   - checksums of the error are right, and those that are quoted as right or wrong as they came;
//   - no session is begun, ended, refreshed or changed.
// With several workers each error arrives at another one. For the fuzzer and for a test with random
// bytes.
#ifndef POSTERN_TEST_PACKET_ERROR_PLAYER_H_
#define POSTERN_TEST_PACKET_ERROR_PLAYER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/packet/gateway.h"

namespace postern::test {

// An end of a flow, host byte order.
struct PlainEnd {
  uint32_t address = 0;
  uint16_t port = 0;
};

// A session as its opener knows it.
struct PlainSession {
  uint8_t protocol = 0;
  PlainEnd pod;
  PlainEnd dialled;  // what the pod sends to
  PlainEnd remote;   // what that is outside
  PlainEnd egress;
  uint32_t node_vtep = 0;
  bool live = true;
  // TCP: what of the pod's sequence numbers may be under way.
  uint32_t lowest_sequence = 0;
  uint32_t highest_sequence = 0;
};

class ErrorPlayer {
 public:
  explicit ErrorPlayer(uint32_t workers = 1);

  // What differed from what must become of that error; empty when nothing did.
  std::string play(std::span<const uint8_t> bytes);
  // How many errors reached a pod so far.
  [[nodiscard]] uint64_t passed() const { return passed_; }

 private:
  PlainSession open(const Packet& first, std::string_view pod, std::string_view dialled,
                    std::string_view remote);
  void open_sessions();
  void note_entries();
  void carry_tcp(PlainSession& session);
  [[nodiscard]] const PlainSession* judge(const Bytes& frame) const;
  [[nodiscard]] std::string check_passed(const Bytes& came, const Bytes& left,
                                         const PlainSession& session) const;
  [[nodiscard]] std::string check_sessions();

  Gateway gateway_;
  std::vector<PlainSession> sessions_;
  // Every entry, and as it was when all sessions had been opened.
  std::vector<std::pair<const SessionEntry*, SessionEntry>> entries_;
  uint32_t arrival_ = 0;  // the worker that the last error came to
  uint64_t passed_ = 0;
};

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_ERROR_PLAYER_H_
