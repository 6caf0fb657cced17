#!/bin/sh
# Installs what a list of packages names and this machine lacks; does nothing where nothing is
# missing. demo.sh, check.sh and docker/Dockerfile call it. As root or, failing that, by sudo.
#   install-packages.sh [--check] [--list FILE] [--only PART]
#     --check       only name what is missing, exit 1 if anything is
#     --list FILE   instead of docker/packages.txt
#     --only PART   the list's lines between "# PART:" and the next such heading
set -eu
list="$(dirname "$0")/packages.txt"
part=""
check=0
while [ $# -gt 0 ]; do
  case "$1" in
    --check) check=1 ;;
    --list) list=${2:?--list needs a file}; shift ;;
    --only) part=${2:?--only needs a part}; shift ;;
    *) echo "install-packages: unknown argument $1" >&2; exit 2 ;;
  esac
  shift
done

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "install-packages: this is no Debian: install what $list names by hand" >&2
  exit 2
fi

names=$(awk -v part="$part" '
  /^# [a-z]+:$/ { heading = substr($2, 1, length($2) - 1); next }
  { sub(/#.*/, ""); gsub(/[[:space:]]/, "") }
  $0 != "" && (part == "" || part == heading)' "$list")
if [ -z "$names" ]; then
  echo "install-packages: nothing in $list${part:+ under \"# $part:\"}" >&2
  exit 2
fi

missing=$(
  for package in $names; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || printf '%s ' "$package"
  done
)
[ -n "$missing" ] || exit 0

if [ "$check" = 1 ]; then
  echo "install-packages: missing: $missing" >&2
  exit 1
fi

sudo=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "install-packages: missing: $missing" >&2
    echo "install-packages: run this as root, or:" >&2
    echo "  apt-get install --no-install-recommends $missing" >&2
    exit 2
  fi
  sudo=sudo
fi

echo "install-packages: installing $missing"
export DEBIAN_FRONTEND=noninteractive

set -- -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0
if ! $sudo apt-get "$@" update; then
  echo "install-packages: apt-get update failed; trying with the lists that are there" >&2
fi
# shellcheck disable=SC2086  # a list of names
if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get "$@" install -y --no-install-recommends \
    $missing; then
  echo "install-packages: apt-get could not install: $missing" >&2
  exit 2
fi
