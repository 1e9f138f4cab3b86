#!/usr/bin/env bash
# What `npm run test:real` does: real engines on this machine's CPU, set up once (3.1 GB in ~/.cache/tandem), then every test in
# tests/real/*Cpu.ts, one file after the other: its exit code, and whether it left a process behind.
#   npm run test:real                    all of them, about ten minutes on two cores
#   npm run test:real -- vllmCpu         those whose name begins so
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
cache=${TANDEM_REAL:-$HOME/.cache/tandem}
output=$(mktemp -d "${TMPDIR:-/tmp}/tandem-real-XXXXXX")

mkdir -p "$cache"
"$here/scripts/real-engines/install.sh" "$cache/real-engines"
[ -s "$cache/tiny/model.safetensors" ] || "$cache/real-engines/bin/python" "$here/scripts/real-engines/make_model.py" "$cache/tiny"

# Engines and services work in directories below the output: whoever still does is one of this run's.
left_in() {
  for process in /proc/[0-9]*; do
    case $(readlink "$process/cwd" 2>/dev/null) in "$1"/*) echo "${process#/proc/} ($(tr '\0' ' ' <"$process/cmdline" | cut -c1-80))" ;; esac
  done
}

failed=0
for file in "$here"/tests/real/*Cpu.ts; do
  case $(basename "$file") in "${1:-}"*) ;; *) continue ;; esac
  name=$(basename "$file" .ts)
  echo "== $name"
  status=0
  "$here/tandem" run "$file" -o "$output/$name" --set "venv=$cache/real-engines" --set "model=$cache/tiny" || status=$?
  left=$(left_in "$output/$name")
  if [ "$status" -ne 0 ]; then
    echo "FAILED  $name: exit code $status; with 4 its reasons stand above, and a busy machine is one of them" >&2
    failed=1
  fi
  if [ -n "$left" ]; then
    echo "FAILED  $name left behind: $left" >&2
    failed=1
  fi
done
echo "== results in $output"
exit "$failed"
