#!/bin/sh
# lean.sh DIR   Copies what it takes to measure, and no more, into DIR: for a machine without internet, where
#   NODE src/cli/main.js run FILE --journal-only
# leaves a journal, from which `tandem report` makes everything else elsewhere. NODE is Node 24 or later.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=$1
mkdir -p "$target/node_modules"
cp -R "$here/src" "$here/configs" "$here/tests" "$here/package.json" "$target/"
for package in apache-arrow undici commander yaml pure-rand; do
  cp -R "$here/node_modules/$package" "$target/node_modules/$package"
done
# What no import reaches: other builds of the same code, sources, maps.
cd "$target"
find . -name '*.test.ts' -delete
find node_modules \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.md' \) -delete
rm -rf node_modules/yaml/browser
# Of apache-arrow one file is used (src/journal/arrow.ts), found beside the one that its name leads to.
find node_modules/apache-arrow -type f ! -name package.json ! -name Arrow.node.js ! -name Arrow.esnext.min.js ! -name "*.txt" -delete
du -sk .
