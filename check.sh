#!/usr/bin/env bash
# check.sh: builds postern and runs every test. What it prints last is ctest's summary, and its exit
# status is ctest's.
#
#   sudo ./check.sh             lint, unit and packet tests (release and sanitizers), every fuzz
#                               target for 10 s, system tests in network namespaces
#   sudo ./check.sh --nightly   also what takes long (clang-tidy over every file; the image is built
#                               and carries a session)
#   ./check.sh --quick          release build; lint, unit and packet tests; no root once the
#                               packages are installed
#   ./check.sh [...] ARGS       every other argument goes to ctest: sudo ./check.sh -R system.curl
#
# Trees: build/release, build/asan and build/fuzz, as in CMakePresets.json. The tests of all three
# are registered in build/release, so that one ctest counts them.
set -euo pipefail
cd "$(dirname "$0")"
exec </dev/null

quick=0
nightly=0
ctest_arguments=()
for argument in "$@"; do
  case "$argument" in
    --quick) quick=1 ;;
    --nightly) nightly=1 ;;
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    *) ctest_arguments+=("$argument") ;;
  esac
done

if [ "$quick" = 0 ] && [ "$(id -u)" != 0 ]; then
  echo "check.sh: the system tests make network namespaces and need root: sudo ./check.sh" >&2
  echo "check.sh: without root there is: ./check.sh --quick" >&2
  exit 2
fi

# build_tree PRESET [cmake arguments]: configures and builds one tree.
build_tree() {
  local preset=$1 started=$SECONDS
  shift
  echo "== building build/$preset"
  cmake --preset "$preset" "$@" >"build/$preset.configure.log" 2>&1 || {
    cat "build/$preset.configure.log" >&2
    return 1
  }
  cmake --build --preset "$preset"
  echo "== built build/$preset in $((SECONDS - started)) s"
}

./docker/install-packages.sh
if [ "$nightly" = 1 ]; then
  ./docker/install-packages.sh --list docker/packages-nightly.txt
fi
mkdir -p build
if [ "$quick" = 1 ]; then
  build_tree release -DPOSTERN_ALL_TREES=OFF
  ctest_arguments=(-L "lint|unit|packet" "${ctest_arguments[@]}")
else
  build_tree asan
  build_tree fuzz
  build_tree release -DPOSTERN_ALL_TREES=ON
fi
if [ "$nightly" = 0 ]; then
  ctest_arguments=(-LE nightly "${ctest_arguments[@]}")
fi
exec ctest --test-dir build/release --output-on-failure --no-tests=error --timeout 600 \
  --parallel "$(nproc)" "${ctest_arguments[@]}"
