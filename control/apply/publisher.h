// Hands snapshots and changes of shared tables to the workers and knows when they have them: the
// old snapshot is freed, and what waited for it goes on, once every worker has passed to the new
// generation. Also starts purges, after which no session remembers what was removed.
//
// Workers never wait: they store the generation that they use and count the purges that they have
// finished (dataplane/run/channel.h); the publisher looks. Control thread.
#ifndef POSTERN_CONTROL_APPLY_PUBLISHER_H_
#define POSTERN_CONTROL_APPLY_PUBLISHER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "control/apply/loop.h"
#include "dataplane/run/channel.h"
#include "dataplane/table/snapshot.h"

namespace postern {

class Publisher {
 public:
  // All outlive the publisher; `loop` calls nothing after it stopped.
  Publisher(Loop* loop, PublishedSnapshot* published, std::vector<WorkerChannel*> workers);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  // The workers must have left their loops.
  ~Publisher();

  // Workers use `snapshot` from their next loop on; `seen` is called when all of them do. Its
  // generation is higher than that of the one before.
  void publish(std::unique_ptr<const Snapshot> snapshot, std::function<void()> seen);
  // The same where what snapshots share was changed in place and the snapshot stays; one was
  // published before. Cheap: no worker does more than store a word.
  void advance(uint64_t generation, std::function<void()> seen);
  // Calls `seen` when every worker has what was published so far, at once where they have.
  void when_seen(std::function<void()> seen);
  [[nodiscard]] const std::vector<WorkerChannel*>& workers() const { return workers_; }
  // The last one published, or null.
  [[nodiscard]] const Snapshot* current() const { return current_.get(); }

  // Calls `done` when every worker has looked at every session that it has now.
  void purge(std::function<void()> done);

 private:
  static constexpr uint64_t kNever = ~uint64_t{0};

  struct Waiting {
    uint64_t generation = 0;
    std::unique_ptr<const Snapshot> old;  // freed with it
    std::function<void()> seen;
  };
  struct Round {  // of a purge
    std::vector<uint64_t> finished_before;
    std::vector<bool> asked;
    std::vector<std::function<void()>> done;
  };

  void look();
  void look_again();
  [[nodiscard]] uint64_t seen_by_all() const;
  void start_round();
  void ask_for_purge();
  void finish_round();
  [[nodiscard]] bool round_finished() const;

  Loop* loop_;
  PublishedSnapshot* published_;
  std::vector<WorkerChannel*> workers_;
  std::unique_ptr<const Snapshot> current_;
  std::deque<Waiting> waiting_;  // oldest first
  Round round_;
  bool purging_ = false;
  std::vector<std::function<void()>> next_round_;
  uint64_t next_look_us_ = kNever;  // a timer is set for it; earlier ones have been overtaken
};

}  // namespace postern

#endif  // POSTERN_CONTROL_APPLY_PUBLISHER_H_
