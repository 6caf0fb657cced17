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

// Whether the line is a request at all, rightly or wrongly made.
enum class LineVerdict : uint8_t { kRequest, kMalformed };

// Executes one line (without its newline). `deliver` is called exactly once, during the call or
// when the handler answers, also for a notification (with an empty line).
LineVerdict dispatch_line(const MethodTable& methods, const Peer& peer, Rights rights, int nesting,
                          std::string_view line, Responder::Deliver deliver);

// Whether objects and arrays lie within each other more than `nesting` deep; strings are skipped.
// Of text that is no JSON it says something, and reads every byte once.
bool is_nested_deeper(std::string_view text, int nesting);

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_DISPATCH_H_
