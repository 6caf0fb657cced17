// Included before anything else where benchmarks are built a second time without prefetches, to
// show what they are worth: __builtin_prefetch, and _mm_prefetch with it, asks for nothing. DPDK's
// own prefetches stay.
#ifndef POSTERN_BENCH_NO_PREFETCH_H_
#define POSTERN_BENCH_NO_PREFETCH_H_

#define __builtin_prefetch(...) static_cast<void>((__VA_ARGS__))

#endif  // POSTERN_BENCH_NO_PREFETCH_H_
