#!/bin/sh
# lean.sh DIR   Copies what it takes to measure, and no more, into DIR: for a machine without internet, where
#   NODE src/cli/main.js run FILE --journal-only
# leaves a journal, from which `tandem report` makes everything else elsewhere. NODE is Node 24 or later.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=$1
mkdir -p "$target/node_modules/@swc"
cp -R "$here/src" "$here/configs" "$here/tests" "$here/package.json" "$target/"
for package in apache-arrow undici commander yaml pure-rand flatbuffers tslib @swc/helpers; do
  cp -R "$here/node_modules/$package" "$target/node_modules/$package"
done
# What no import reaches: other builds of the same code, sources, maps.
cd "$target"
find . -name '*.test.ts' -delete
find node_modules \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.md' \) -delete
rm -rf node_modules/apache-arrow/src node_modules/apache-arrow/bin node_modules/apache-arrow/*es5* node_modules/apache-arrow/*es2015* \
  node_modules/apache-arrow/Arrow.es* node_modules/yaml/browser node_modules/@swc/helpers/_ node_modules/@swc/helpers/src
du -sk .
