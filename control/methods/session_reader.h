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

struct SessionPage {
  std::vector<SessionCopy> sessions;
  std::vector<size_t> workers;       // of each session
  std::optional<SessionPlace> next;  // nothing: all have been seen
};

// Copies at most `limit` sessions from `from` on and hands them to `done`, later. The workers of
// the context must go on until then, or have stopped.
void read_sessions(const MethodContext& context, SessionPlace from, uint32_t limit,
                   std::function<void(SessionPage)> done);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_SESSION_READER_H_
