#!/usr/bin/env bash
# run.sh PROGRAM CORPUS WORK SECONDS: runs one fuzz target over the stored corpus, without writing
# to the source tree: new inputs and a crashing one go to the directory WORK.
set -euo pipefail
program=$1 corpus=$2 work=$3 seconds=$4

mkdir -p "$work/found"
"$program" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 \
  -artifact_prefix="$work/" "$work/found" "$corpus"
