// `explain`: what would become of a packet, and why. The packet is made up, and tried (run/trial.h)
// in the state that the worker tells of (run/trial_facts.h); what happened is put into words
// (explain_steps.h).
//
//   question() ---> the worker tells ---> take() ---> answer
//       ^                                   |
//       '-- ask again: a source port that --'
//           is free, room for a packet that waits
//
// The tables may change between the two: then question() is called once more before take(), and
// where it asks something else now, the worker is asked again. Control thread.
#ifndef POSTERN_CONTROL_METHODS_EXPLAIN_H_
#define POSTERN_CONTROL_METHODS_EXPLAIN_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "control/methods/explain_question.h"
#include "control/methods/explain_way.h"
#include "dataplane/run/trial.h"
#include "dataplane/stage/classify.h"

namespace postern {

class Explanation {
 public:
  explicit Explanation(const ExplainQuestion& question) : question_(question) {}

  // What the worker is to be asked. Fails where the packet cannot come in at all, as find_way().
  absl::StatusOr<TrialQuestion> question(const ExplainGround& ground);
  enum class Progress : uint8_t {
    kAnswered,
    kAnotherPort,  // ask again: source ports that were looked at have sessions
    kAskAgain,     // ask again: the packet would wait for its next hop
  };
  // Takes what the worker told of the last question(), in the tables of that moment. Fails where no
  // buffer is free.
  absl::StatusOr<Progress> take(const ExplainGround& ground, const TrialQuestion& question,
                                const TrialFacts& facts);
  // {verdict, reason?, steps, translated?}.
  [[nodiscard]] const nlohmann::json& answer() const { return answer_; }
  // The frame that was tried, for tests that send it.
  [[nodiscard]] const TrialPacket& packet() const { return made_.packet; }

 private:
  bool takes_another_port(const TrialQuestion& question, const TrialFacts& facts);
  [[nodiscard]] TrialQuestion::Waiting waiting_for(const ExplainGround& ground,
                                                   const TrialOutcome& outcome) const;
  void add_remotes(const ExplainGround& ground, TrialQuestion& question) const;

  ExplainQuestion question_;
  uint16_t source_port_ = 49152;  // the first dynamic one (RFC 6335 6), where none is given
  std::optional<TrialQuestion::Waiting> waiting_;
  ExplainWay way_;
  ExplainFlow flow_;
  Decision decision_;
  MadePacket made_;
  nlohmann::json answer_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_EXPLAIN_H_
