// What config.rollback and an unconfirmed change go back to, said plainly: the last eight files
// that were replaced by different ones, each with what went from the layer of pods with its
// namespaces.
#ifndef POSTERN_TEST_PACKET_PLAIN_HISTORY_H_
#define POSTERN_TEST_PACKET_PLAIN_HISTORY_H_

#include <cstddef>
#include <deque>
#include <optional>

#include "test/packet/plain_model.h"

namespace postern::test {

class PlainHistory {
 public:
  struct Step {
    PlainWorld file;
    PlainLayer gone;
  };
  static constexpr size_t kMost = 8;

  // `after` came into force in the place of `before`, and waits to be confirmed or not.
  void applied(const PlainWorld& before, const PlainWorld& after, bool waits);
  void confirmed() { waiting_.reset(); }
  // The gateway has gone back to where() said.
  void went_back();
  // Nothing of the layer comes back with any step.
  void forget_layers();

  [[nodiscard]] bool waits() const { return waiting_.has_value(); }
  // Where a step back leads; nothing where it leads nowhere.
  [[nodiscard]] std::optional<Step> where() const;
  // What is in force after a step back from `now`.
  [[nodiscard]] static PlainWorld back(const PlainWorld& now, const Step& to);

 private:
  struct Waiting {
    Step before;
    bool is_a_step = false;
  };

  std::deque<Step> steps_;
  std::optional<Waiting> waiting_;
};

}  // namespace postern::test

#endif  // POSTERN_TEST_PACKET_PLAIN_HISTORY_H_
