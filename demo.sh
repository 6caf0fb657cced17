#!/usr/bin/env bash
# demo.sh: shows postern at work, on a fresh Debian 12, without a NIC and without huge pages.
#
#   sudo ./demo.sh              installs what is missing, builds, shows; exit 0 only if all that was
#                               expected was seen
#   sudo ./demo.sh --shell      keeps it running and opens a shell for trying posternctl
#
# Two nodes (kernel VXLAN), pods of three namespaces, a gateway and a server stand in network
# namespaces of their own. Nothing on the host changes but packages, and nothing is left behind.
set -euo pipefail
cd "$(dirname "$0")"

case "${1:-}" in
  "" | --shell) ;;
  -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
  *) echo "demo.sh: unknown argument $1 (there is --shell)" >&2; exit 2 ;;
esac
if [ "$(id -u)" != 0 ]; then
  echo "demo.sh: network namespaces need root: sudo ./demo.sh" >&2
  exit 2
fi

./docker/install-packages.sh
mkdir -p build
echo "== building build/release"
started=$SECONDS
{
  cmake --preset release && cmake --build --preset release --target postern posternctl
} >build/demo.log 2>&1 || {
  tail -n 40 build/demo.log >&2
  echo "demo.sh: the build failed; all of its output is in build/demo.log" >&2
  exit 1
}
echo "== built in $((SECONDS - started)) s"
exec /usr/bin/python3 -B test/system/demo.py --bin build/release/bin "$@"
