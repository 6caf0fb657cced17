// Runs that compare a treatment of packets with forwarding them unseen (alternation.h): io, decap,
// nat-out, nat-in, mix, imix.
#ifndef POSTERN_BENCH_RUN_ALTERNATING_RUN_H_
#define POSTERN_BENCH_RUN_ALTERNATING_RUN_H_

#include <string>

#include "bench/run/solo_case.h"

namespace postern::bench {

// Measures and reports. Returns "" or what went wrong. Main thread.
std::string run_alternating(const CaseParts& parts);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_ALTERNATING_RUN_H_
