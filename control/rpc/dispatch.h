// One line of a client becomes one call: parsed, held against JSON-RPC 2.0 and the method table,
// given to its handler. What cannot be called is answered with its error here. The line is a
// stranger's: its nesting is counted before it is parsed, duplicate members are refused (the
// parser would keep the last one in silence), nothing throws. Event loop thread.
#ifndef POSTERN_CONTROL_RPC_DISPATCH_H_
#define POSTERN_CONTROL_RPC_DISPATCH_H_

#include <string_view>

#include "control/rpc/access.h"
#include "control/rpc/method.h"
#include "control/rpc/responder.h"

namespace postern {

// What became of a line.
struct Dispatched {
  bool malformed = false;          // no request at all, neither rightly nor wrongly made
  const Method* called = nullptr;  // the method that was called, if any
};

// Executes one line (without its newline). `deliver` is called exactly once, during the call or
// when the handler answers, also for a notification (with an empty line).
Dispatched dispatch_line(const MethodTable& methods, const Peer& peer, Rights rights, int nesting,
                         std::string_view line, Responder::Deliver deliver);

// The method that a line probably names, before anything is checked: only to guess what it will
// cost. Empty where it is not to be seen at once.
std::string_view probable_method(std::string_view line);

// Whether objects and arrays lie within each other more than `nesting` deep; strings are skipped.
// Of text that is no JSON it says something, and reads every byte once.
bool is_nested_deeper(std::string_view text, int nesting);

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_DISPATCH_H_
