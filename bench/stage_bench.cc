// What each stage of the walk costs by itself: TSC cycles a packet, medians over bursts, by
// sessions and by the size of the burst (64 is the walk's largest; staged_row.h has the larger
// ones). Each stage's packets have gone through the stages before it, so its lines are as warm as
// in the walk.
//
//   stage_bench --benchmark_filter=track/
//   stage_bench --benchmark_filter=16777216/     the largest ones, only where they are named
//
// stage_bench_no_prefetch is the same program with every prefetch in packet/, table/ and stage/
// compiled out: stages beside each other tell what prefetches are worth, bursts what staging is.
// Classification is in classify_bench, handing over in handover_bench, port search in
// port_search_bench.
#include "bench/stage_bench.h"

namespace postern::bench {
namespace {

void add_all(const PacketBench& bench) {
  add_established_stages(bench);
  add_opening_stages(bench);
  add_refusing_stages(bench);
  add_tag_stages(bench);
  add_error_stages(bench);
  add_fragment_stages(bench);
  add_local_stages(bench);
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  return postern::bench::run_packet_benchmarks(argc, argv, "stage_bench", postern::bench::add_all);
}
