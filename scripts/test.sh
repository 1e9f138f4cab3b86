#!/bin/sh
# What `npm test` does: dependencies as ./tandem brings them, then every check and every test.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$here/scripts/ready.sh"
cd "$here"
PATH="$here/node_modules/.bin:$(dirname -- "$node"):$PATH"
export PATH
step() {
  echo "== $1"
  shift
  "$@"
}
step "format" oxfmt --check .
step "lint, with the arrows between rooms" oxlint --type-aware .
step "types" tsc -p .
step "dead code" knip
results=$(mktemp)
trap 'rm -f "$results"' EXIT
failed=0
step "tests" vitest run --reporter=default --reporter=json --outputFile.json="$results" "$@" || failed=$?
# One plain line that any CI can read.
node -e '
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
  console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
' "$results"
exit "$failed"
