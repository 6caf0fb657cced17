// The case reload: what traffic meets while 100,000 pods and 1,000 policies are replaced.
//
// --sessions established ones have traffic, outbound; their own pods and policies stay. Beside them
// the configuration is replaced by one in which each of 100,000 other pods has another namespace
// and each of 1,000 namespaces another egress address and firewall rule: read, checked, compiled
// and published by the daemon's own code on its own threads, sessions purged afterwards. Twice: at
// 80 % of what the worker can carry (packets lost), and with as much as it can (rate during /
// before).
#ifndef POSTERN_BENCH_RUN_RELOAD_RUN_H_
#define POSTERN_BENCH_RUN_RELOAD_RUN_H_

#include <string>

#include "bench/run/solo_case.h"

namespace postern::bench {

// Measures and reports. Returns "" or what went wrong. Main thread.
std::string run_reload(const CaseParts& parts);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_RELOAD_RUN_H_
