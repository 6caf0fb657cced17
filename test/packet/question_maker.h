// Questions for `explain` at random, about a configuration: mostly packets of its pods to where
// something is written about, sometimes packets that fit nothing, or that come back from outside.
#ifndef POSTERN_TEST_PACKET_QUESTION_MAKER_H_
#define POSTERN_TEST_PACKET_QUESTION_MAKER_H_

#include <cstdint>
#include <random>
#include <vector>

#include "config/model.h"
#include "control/methods/explain_question.h"
#include "dataplane/table/session_table.h"

namespace postern::test {

class QuestionMaker {
 public:
  explicit QuestionMaker(uint64_t seed) : random_(seed) {}

  // What the questions are about from now on.
  void take(const config::Model& model);
  // `table`: whose sessions packets may belong to.
  ExplainQuestion next(const SessionTable& table);

  uint32_t number(uint32_t least, uint32_t most) {
    return std::uniform_int_distribution<uint32_t>(least, most)(random_);
  }
  bool chance(uint32_t in) { return number(1, in) == 1; }
  template <typename T>
  const T& any(const std::vector<T>& from) {
    return from[number(0, static_cast<uint32_t>(from.size() - 1))];
  }
  Ipv4Address within(const Ipv4Prefix& prefix) {
    return {prefix.address.value + number(0, std::min(255U, ~prefix.mask()))};
  }

 private:
  ExplainQuestion from_pod();
  bool from_session(const SessionTable& table, ExplainQuestion& question);
  void put_service(ExplainQuestion& question);

  std::mt19937_64 random_;
  std::vector<Ipv4Prefix> pods_;
  std::vector<Ipv4Prefix> other_sources_;  // on nodes, of the gateway, of nobody
  std::vector<Ipv4Prefix> remotes_;
  std::vector<Ipv4Prefix> inside_;  // of the cluster and the gateway, and what is no destination
  std::vector<Ipv4Prefix> routers_;
  std::vector<uint16_t> ports_;
  std::vector<std::string> nodes_;  // names and underlay addresses
};

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_QUESTION_MAKER_H_
