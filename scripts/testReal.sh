#!/usr/bin/env bash
# What `npm run test:real` does: real engines on this machine's CPU, set up once (3.1 GB in ~/.cache/tandem), then every test in
# tests/real/*Cpu.ts and tests/real/llamaCpp.ts, one file after the other: its exit code, and whether it left a process behind; then the
# claims of tests/real/*.real.test.ts, whose runs are meant to end otherwise, or which ask the installed packages.
#   npm run test:real                    all of them, about twenty minutes on two cores
#   npm run test:real -- vllmCpu         those whose name begins so
#   npm run test:real -- llamaCpp        llama.cpp alone, which is built first: a quarter of an hour on two cores, once
#   npm run test:real -- traps           the second kind
#   npm run test:real -- lmcacheKeys     the keys that we let through beside those that the installed LMCache knows
#   npm run test:real -- kills           real engines, an LMCache server and the harness killed with SIGKILL: about 15 minutes, only when named
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
cache=${TANDEM_REAL:-$HOME/.cache/tandem}
output=$(mktemp -d "${TMPDIR:-/tmp}/tandem-real-XXXXXX")

mkdir -p "$cache"
if [ "${1:-}" != llamaCpp ]; then
  "$here/scripts/real-engines/install.sh" "$cache/real-engines"
  [ -s "$cache/tiny/model.safetensors" ] || "$cache/real-engines/bin/python" "$here/scripts/real-engines/make_model.py" "$cache/tiny"
fi

if [ "${1:-}" = kills ]; then
  . "$here/scripts/ready.sh"
  status=0
  "$node" "$here/tests/real/kills/kills.ts" "$output/kills" "$cache/real-engines" "$cache/tiny" "${2:-}" || status=$?
  echo "== results in $output"
  exit "$status"
fi

# Engines and services work in directories below the output: whoever still does is one of this run's.
left_in() {
  for process in /proc/[0-9]*; do
    case $(readlink "$process/cwd" 2>/dev/null) in "$1"/*) echo "${process#/proc/} ($(tr '\0' ' ' <"$process/cmdline" | cut -c1-80))" ;; esac
  done
}

nothing_left() {
  left=$(left_in "$output/$1")
  [ -z "$left" ] && return
  echo "FAILED  $1 left behind: $left" >&2
  failed=1
}

run_file() {
  name=$(basename "$1" .ts)
  echo "== $name"
  status=0
  "$here/tandem" run "$1" -o "$output/$name" --set "$2" --set "$3" || status=$?
  if [ "$status" -ne 0 ]; then
    echo "FAILED  $name: exit code $status; with 4 its reasons stand above, and a busy machine is one of them" >&2
    failed=1
  fi
  nothing_left "$name"
}

failed=0
for file in "$here"/tests/real/*Cpu.ts; do
  case $(basename "$file") in "${1:-}"*) ;; *) continue ;; esac
  run_file "$file" "venv=$cache/real-engines" "model=$cache/tiny"
done
case llamaCpp in
  "${1:-}"*)
    if "$here/scripts/real-engines/llamaCpp.sh" "$cache/llama.cpp"; then
      run_file "$here/tests/real/llamaCpp.ts" "program=$cache/llama.cpp/llama-server" "model=$cache/llama.cpp/tiny.gguf"
    else
      echo "SKIPPED llamaCpp: there is no llama-server to run, for the reason above" >&2
      # Whoever asked for it alone has got nothing.
      [ "${1:-}" != llamaCpp ] || failed=1
    fi
    ;;
esac
for file in "$here"/tests/real/*.real.test.ts; do
  case $(basename "$file") in "${1:-}"*) ;; *) continue ;; esac
  name=$(basename "$file" .real.test.ts)
  echo "== $name"
  . "$here/scripts/ready.sh"
  mkdir -p "$output/$name"
  (
    cd "$here"
    export TANDEM_REAL="$cache" TANDEM_REAL_OUTPUT="$output/$name"
    "$node" node_modules/vitest/vitest.mjs run --config tests/real/vitest.config.ts "$file" ${2:+-t "$2"}
  ) || failed=1
  nothing_left "$name"
done
echo "== results in $output"
exit "$failed"
