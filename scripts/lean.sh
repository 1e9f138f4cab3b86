#!/bin/sh
# lean.sh DIR   Copies what it takes to measure, and no more, into DIR: for a machine without internet, where
#   mkdir -p DIR/node_modules/node && ln -s NODE/bin DIR/node_modules/node/bin      (NODE: an unpacked Node 24 or later)
#   DIR/tandem run FILE --journal-only
# leaves a journal, from which `tandem report` makes everything else elsewhere.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=$1
mkdir -p "$target/node_modules" "$target/scripts"
cp -R "$here/src" "$here/configs" "$here/tests" "$here/package.json" "$here/package-lock.json" "$here/tandem" "$target/"
cp "$here/scripts/ready.sh" "$target/scripts/"
cp "$here/package-lock.json" "$target/node_modules/.tandem-lock"
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
