// What the control thread asks of a worker's sessions: copies of them for lists, their end, and
// whether the policy still allows them. One errand at a time, a bounded part of it between bursts,
// so that neither a list nor a deletion of a million sessions keeps packets waiting. Owned by one
// worker.
#ifndef POSTERN_DATAPLANE_RUN_SESSION_ERRANDS_H_
#define POSTERN_DATAPLANE_RUN_SESSION_ERRANDS_H_

#include <cstddef>

#include "dataplane/packet/now.h"
#include "dataplane/run/channel.h"
#include "dataplane/table/sessions.h"
#include "dataplane/table/snapshot.h"

namespace postern {

class SessionErrands {
 public:
  explicit SessionErrands(Sessions& sessions) : sessions_(sessions) {}

  [[nodiscard]] bool busy() const {
    return copying_ != nullptr || removing_ != nullptr || revalidating_ != nullptr;
  }
  // Not while it is busy.
  void copy(SessionCopyRequest* request);
  void remove(SessionRemovalRequest* request);
  void revalidate(SessionRevalidation* request);

  // Goes on with the errand, if there is one.
  void turn(const Snapshot& snapshot, Now now);
  // The worker stops: whoever waits is told that it is over.
  void abandon();

 private:
  void go_on_copying(Now now);
  void go_on_removing(Now now);
  void go_on_revalidating(const Snapshot& snapshot, Now now);

  Sessions& sessions_;
  SessionCopyRequest* copying_ = nullptr;
  SessionRemovalRequest* removing_ = nullptr;
  size_t looked_at_ = 0;  // of removing_->sessions
  SessionRevalidation* revalidating_ = nullptr;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_SESSION_ERRANDS_H_
