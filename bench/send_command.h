// postern-bench send: the frames of a file, round and round, out of a port, as fast as it takes
// them; what comes in is counted and freed. The generator behind a port under test. Main thread.
#ifndef POSTERN_BENCH_SEND_COMMAND_H_
#define POSTERN_BENCH_SEND_COMMAND_H_

#include <span>

namespace postern::bench {

// `arguments` begin with "send". Exit status: 0 sent, 1 could not send, 2 usage.
int send_command(std::span<const char* const> arguments);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_SEND_COMMAND_H_
