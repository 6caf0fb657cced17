# Libraries from the distribution, each as one imported target.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# DPDK. Its cflags are not taken: Debian's hold -march=corei7, which would win over ours and turn
# AVX2 off without a word. The headers need rte_config.h first and are system headers (they do not
# pass -Wpedantic). Libraries are shared; EAL loads the drivers from its plugin directory.
pkg_check_modules(DPDK REQUIRED libdpdk>=22.11)
add_library(postern_dpdk INTERFACE)
target_include_directories(postern_dpdk SYSTEM INTERFACE ${DPDK_INCLUDE_DIRS})
target_compile_options(postern_dpdk INTERFACE "SHELL:-include rte_config.h")
target_link_libraries(postern_dpdk INTERFACE ${DPDK_LDFLAGS})

pkg_check_modules(LIBCONFIG REQUIRED IMPORTED_TARGET libconfig)
pkg_check_modules(LIBCARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent_core)
pkg_check_modules(LIBEDIT REQUIRED IMPORTED_TARGET libedit)
pkg_check_modules(LIBSYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
find_package(absl REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
if(POSTERN_TESTS)
  find_package(GTest REQUIRED)
endif()
if(POSTERN_BENCH)
  find_package(benchmark REQUIRED)
endif()
