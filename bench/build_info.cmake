# Writes the source file that tells a benchmark what it was built from, when that has changed.
#   cmake -D SOURCE=DIR -D FILE=PATH -D COMPILER=TEXT -D FLAGS=TEXT -P build_info.cmake
find_package(Git QUIET)
set(commit unknown)
if(Git_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${SOURCE} describe --always --dirty --abbrev=12
                          --exclude=*
                  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(described)
    set(commit ${described})
  endif()
endif()
set(text "// Made by bench/build_info.cmake.
#include \"bench/build_info.h\"
namespace postern::bench {
BuildInfo build_info() { return {\"${commit}\", \"${COMPILER}\", \"${FLAGS}\"}; }
}  // namespace postern::bench
")
set(before "")
if(EXISTS ${FILE})
  file(READ ${FILE} before)
endif()
if(NOT text STREQUAL before)
  file(WRITE ${FILE} "${text}")
endif()
