#include "dataplane/run/session_errands.h"

#include <algorithm>

#include "dataplane/stage/revalidate.h"
#include "dataplane/stage/track.h"

namespace postern {
namespace {

// Copying looks at so many positions a turn: at most a few microseconds.
// Bounds for a turn.
constexpr uint32_t kCopyPositionsPerTurn = 1024;
constexpr uint32_t kCopiesPerTurn = 64;
// Ending a session misses the cache a few times (bench/session_table_bench, `ended`).
constexpr size_t kRemovalsPerTurn = 32;
// Judging one costs what a first packet costs in classification, up to thousands of rules
// (bench/stage_bench, revalidate).
constexpr uint32_t kRevalidationPositionsPerTurn = 1024;
constexpr uint32_t kJudgementsPerTurn = 32;

template <typename Request>
void finish(Request*& request) {
  Request* const finished = request;
  request = nullptr;
  finished->done.store(true, std::memory_order_release);
}

}  // namespace

void SessionErrands::copy(SessionCopyRequest* request) {
  copying_ = request;
  copying_->next = copying_->first;
}

void SessionErrands::remove(SessionRemovalRequest* request) {
  removing_ = request;
  looked_at_ = 0;
}

void SessionErrands::revalidate(SessionRevalidation* request) { revalidating_ = request; }

void SessionErrands::turn(const Snapshot& snapshot, Now now) {
  if (copying_ != nullptr) go_on_copying(now);
  if (removing_ != nullptr) go_on_removing(now);
  if (revalidating_ != nullptr) go_on_revalidating(snapshot, now);
}

void SessionErrands::abandon() {
  if (copying_ != nullptr) finish(copying_);
  if (removing_ != nullptr) finish(removing_);
  if (revalidating_ != nullptr) finish(revalidating_);
}

void SessionErrands::go_on_copying(Now now) {
  SessionCopyRequest& request = *copying_;
  const SessionTable& table = sessions_.table();
  const uint32_t capacity = table.capacity();
  const uint32_t end = std::min(capacity, request.next + kCopyPositionsPerTurn);
  uint32_t copied = 0;
  while (request.next < end && copied < kCopiesPerTurn && request.out->size() < request.limit) {
    const SessionHandle handle = request.next++;
    if (!table.is_live(handle)) continue;
    request.out->push_back({.handle = handle,
                            .entry = table.entry(handle),
                            .cold = table.cold(handle),
                            .copied_at_ms = now.ms});
    ++copied;
  }
  if (request.next < capacity && request.out->size() < request.limit) return;
  finish(copying_);
}

void SessionErrands::go_on_removing(Now now) {
  SessionRemovalRequest& request = *removing_;
  SessionTable& table = sessions_.table();
  const size_t end = std::min(request.sessions.size(), looked_at_ + kRemovalsPerTurn);
  for (; looked_at_ < end; ++looked_at_) {
    const NotedSession& noted = request.sessions[looked_at_];
    if (noted.handle >= table.capacity() || !table.is_live(noted.handle)) continue;
    if (outbound_key_of(table.entry(noted.handle), table.cold(noted.handle)) != noted.key) continue;
    sessions_.remove(noted.handle, now);
    ++request.removed;
  }
  if (looked_at_ == request.sessions.size()) finish(removing_);
}

// Sessions that begin meanwhile were judged by the same tables. One whose ground is gone serves
// nothing already; it is ended here as the sweep would.
void SessionErrands::go_on_revalidating(const Snapshot& snapshot, Now now) {
  SessionRevalidation& request = *revalidating_;
  SessionTable& table = sessions_.table();
  const uint32_t end = std::min(table.capacity(), request.next + kRevalidationPositionsPerTurn);
  uint32_t judged = 0;
  for (; request.next < end && judged < kJudgementsPerTurn; ++request.next) {
    if (!table.is_live(request.next)) continue;
    ++judged;
    const bool stands = session_stands(snapshot, table.entry(request.next));
    if (stands && is_still_allowed(snapshot, table.entry(request.next), table.cold(request.next))) {
      continue;
    }
    sessions_.remove(request.next, now);
    if (stands) ++request.ended;
  }
  if (request.next == table.capacity()) finish(revalidating_);
}

}  // namespace postern
