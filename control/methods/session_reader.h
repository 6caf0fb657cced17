// Reads sessions out of workers that go on working: a worker copies a stretch of its table when it
// is asked, some positions a turn of its loop. A place is a worker and a handle; sessions that live
// all the while are seen exactly once, whatever comes and goes around them, because a session never
// changes its handle. Control thread.
#ifndef POSTERN_CONTROL_METHODS_SESSION_READER_H_
#define POSTERN_CONTROL_METHODS_SESSION_READER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/apply/loop.h"
#include "control/methods/context.h"
#include "dataplane/run/channel.h"

namespace postern {

struct SessionPlace {
  size_t worker = 0;
  SessionHandle handle = 0;

  // As clients hold it, "0:1234"; nothing where the text is no place.
  [[nodiscard]] std::string text() const;
  static std::optional<SessionPlace> parse(std::string_view text);
};

// Sessions are copied so many at a time, between which others are served.
inline constexpr uint32_t kSessionsAtOnce = 1024;

enum class Reading : uint8_t { kGoOn, kEnough };
// Called for a session of a worker; says whether it is the last one that is wanted.
using SessionVisitor = std::function<Reading(const SessionCopy& copy, size_t worker)>;
// The place after the last session that was visited; nothing: all have been seen.
using SessionsRead = std::function<void(std::optional<SessionPlace> next)>;

// Shows the sessions from `from` on to `visit`, copied `at_once` at a time, then calls `done`; all
// later. The workers of the context must go on until then, or have stopped.
void read_sessions(const MethodContext& context, SessionPlace from, uint32_t at_once,
                   SessionVisitor visit, SessionsRead done);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_SESSION_READER_H_
