// What a benchmark was built from. The values are in a file that build_info.cmake writes at every
// build. Any thread.
#ifndef POSTERN_BENCH_BUILD_INFO_H_
#define POSTERN_BENCH_BUILD_INFO_H_

namespace postern::bench {

struct BuildInfo {
  const char* commit;    // of the working tree, "-dirty" where it differs, or "unknown"
  const char* compiler;  // "GNU 12.2.0"
  const char* flags;     // of the build type, with the instruction set
};

[[nodiscard]] BuildInfo build_info();

}  // namespace postern::bench

#endif  // POSTERN_BENCH_BUILD_INFO_H_
