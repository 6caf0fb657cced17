// The case new-sessions: how many sessions a second begin, and what it costs.
//
// Windows of half a million first packets, each of a session of its own, with so many others live
// all the time. Time is skipped between windows, so that the sessions of one have expired when the
// next begins: the sweep ends them beside the new ones, a share of the table after every burst as
// the worker does, so a window pays for as many ends as beginnings. Ports are not held
// (port_hold = "0s").
#ifndef POSTERN_BENCH_RUN_NEW_SESSIONS_RUN_H_
#define POSTERN_BENCH_RUN_NEW_SESSIONS_RUN_H_

#include <string>

#include "bench/run/solo_case.h"

namespace postern::bench {

// Measures and reports. Returns "" or what went wrong. Main thread.
std::string run_new_sessions(const CaseParts& parts);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_NEW_SESSIONS_RUN_H_
