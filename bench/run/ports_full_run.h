// The case ports-full: what a session costs where ports are scarce, and whether one is refused
// while a port is free.
//
// Pods of one namespace, with one egress address, all towards one remote endpoint: 64,512 sessions
// are all there can be. At each level of use as many sessions end as begin, so the level stays. Up
// to 99 % there is always a port free, and each refusal is wrong; with all ports in use but one, it
// must be found, and with none a session must be refused.
#ifndef POSTERN_BENCH_RUN_PORTS_FULL_RUN_H_
#define POSTERN_BENCH_RUN_PORTS_FULL_RUN_H_

#include <string>

#include "bench/run/solo_case.h"

namespace postern::bench {

// Measures and reports. Returns "" or what went wrong; a wrong refusal goes into the figures. Main
// thread.
std::string run_ports_full(const CaseParts& parts);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_PORTS_FULL_RUN_H_
