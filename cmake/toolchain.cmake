# Compiler settings for the whole tree. The floor is x86-64-v3 (AVX2, BMI2); code for newer machines
# carries its own target attribute and is chosen at start, so that one build runs everywhere.
set(POSTERN_MARCH x86-64-v3 CACHE STRING "instruction set floor, as in -march=")
add_compile_options(-march=${POSTERN_MARCH} -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                    -Wno-sign-conversion -fno-strict-aliasing -fdiagnostics-color=auto)
option(POSTERN_WERROR "warnings are errors" ON)
if(POSTERN_WERROR)
  add_compile_options(-Werror)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")

if(POSTERN_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined
                      -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=address,undefined)
endif()

if(POSTERN_FUZZ)
  # Coverage for libFuzzer in every library; only the targets of test/fuzz link its main().
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()

find_program(POSTERN_CCACHE ccache)
if(POSTERN_CCACHE)
  # Paths relative to the checkout, so that a clone elsewhere finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 ${POSTERN_CCACHE})
endif()
find_program(POSTERN_LLD ld.lld)
if(POSTERN_LLD)
  add_link_options(-fuse-ld=lld)
endif()
