// What the control thread asks of a worker's sessions: copies of them for lists, and their end. One
// errand at a time, a bounded part of it between bursts, so that neither a list nor a deletion of a
// million sessions keeps packets waiting. Owned by one worker.
#ifndef POSTERN_DATAPLANE_RUN_SESSION_ERRANDS_H_
#define POSTERN_DATAPLANE_RUN_SESSION_ERRANDS_H_

#include <cstddef>

#include "dataplane/packet/now.h"
#include "dataplane/run/channel.h"
#include "dataplane/table/sessions.h"

namespace postern {

class SessionErrands {
 public:
  explicit SessionErrands(Sessions& sessions) : sessions_(sessions) {}

  [[nodiscard]] bool busy() const { return copying_ != nullptr || removing_ != nullptr; }
  // Not while it is busy.
  void copy(SessionCopyRequest* request);
  void remove(SessionRemovalRequest* request);

  // Goes on with the errand, if there is one.
  void turn(Now now);
  // The worker stops: whoever waits is told that it is over.
  void abandon();

 private:
  void go_on_copying(Now now);
  void go_on_removing(Now now);

  Sessions& sessions_;
  SessionCopyRequest* copying_ = nullptr;
  SessionRemovalRequest* removing_ = nullptr;
  size_t looked_at_ = 0;  // of removing_->sessions
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_SESSION_ERRANDS_H_
