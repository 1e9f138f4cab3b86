#!/usr/bin/env bash
# Build real llama-server for this CPU, and make a small model for it.
#
# Usage: llamaCpp.sh FOLDER
#
# FOLDER gets the program, its sources and a model (about 0.6 GB while it is
# built).  The sources are those that llama-cpp-python's source distribution on
# PyPI carries, so nothing but a package index is needed.  Running it again with
# the same pins does nothing.  Needs cmake, a C++17 compiler, make or ninja, and
# python3 with venv (PYTHON=... picks another); JOBS=... says how many compile
# at once.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '2,11p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
release=llama_cpp_python-0.3.36
sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
commit=0c1e57098 # as its changelog names it

missing=
for tool in cmake c++ "$python"; do command -v "$tool" >/dev/null || missing="$missing $tool"; done
[ -z "$missing" ] || { echo "llamaCpp.sh: missing:$missing (Debian: cmake g++ python3-venv)" >&2; exit 1; }

mkdir -p "$1"
folder=$(cd "$1" && pwd)
stamp=$(cat "$0" "$here/make_gguf.py" | sha256sum | cut -d' ' -f1)
if [ "$(cat "$folder/.real-engine" 2>/dev/null || true)" = "$stamp" ]; then
    echo "llamaCpp.sh: $folder is up to date"
    exit 0
fi
# What an interrupted build has compiled is kept: its sources come back with the same dates.
rm -rf "$folder/.real-engine" "$folder/src" "$folder/sdist"
[ -x "$folder/venv/bin/python" ] || "$python" -m venv "$folder/venv"
pip="$folder/venv/bin/python -m pip --quiet --disable-pip-version-check"
# The backend is only asked what the distribution is called.
$pip install gguf==0.19.0 numpy scikit-build-core
echo "${release%-*}==${release##*-} --hash=sha256:$sha256" >"$folder/sdist.txt"
$pip download --no-deps --no-build-isolation --no-binary :all: --require-hashes --dest "$folder/sdist" --requirement "$folder/sdist.txt"
mkdir "$folder/src"
tar xzf "$folder/sdist/$release.tar.gz" -C "$folder/src" --strip-components=3 "$release/vendor/llama.cpp"

# Neither TLS nor a web page; one program that needs no library of its own.
cmake -S "$folder/src" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DLLAMA_BUILD_COMMIT=$commit \
    -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_TESTS=OFF \
    -DLLAMA_BUILD_EXAMPLES=OFF -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF >"$folder/build.log" 2>&1 \
    && cmake --build "$folder/build" --target llama-server --parallel "${JOBS:-$(nproc)}" >>"$folder/build.log" 2>&1 \
    || { tail -5 "$folder/build.log" >&2; echo "llamaCpp.sh: llama-server was not built; all of it is in $folder/build.log" >&2; exit 1; }
cp "$folder/build/bin/llama-server" "$folder/llama-server"
"$folder/venv/bin/python" "$here/make_gguf.py" "$folder/tiny.gguf"
rm -rf "$folder/src" "$folder/build" "$folder/sdist"
echo "$stamp" >"$folder/.real-engine"
echo "llamaCpp.sh: llama.cpp $commit in $folder"
