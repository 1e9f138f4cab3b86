"""Prints when each key of LMCache's configuration came and went, as src/engines/lmcacheKeys.ts has it. Nothing is installed or imported.

    pip download lmcache==0.5.6 --no-deps --only-binary :all: -d wheels    # and so on, each version
    python3 scripts/lmcacheKeys.py wheels
"""

import ast
import pathlib
import re
import sys
import zipfile


def keys_in(source):
    """Of _CONFIG_DEFINITIONS, or before there was one of the class."""
    for node in ast.parse(source).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if getattr(target, "id", None) == "_CONFIG_DEFINITIONS":
                return [key.value for key in node.value.keys]
        if isinstance(node, ast.ClassDef) and node.name == "LMCacheEngineConfig":
            fields = [field.target.id for field in node.body if isinstance(field, ast.AnnAssign)]
            if fields:
                return fields
    raise SystemExit("this version says its keys in another way: look at lmcache/v1/config.py")


def numbers(version):
    return [int(number) for number in re.findall(r"\d+", version)]


versions = {}
for wheel in pathlib.Path(sys.argv[1]).glob("lmcache-*.whl"):
    source = zipfile.ZipFile(wheel).read("lmcache/v1/config.py").decode()
    versions[wheel.name.split("-")[1]] = keys_in(source)
before = []
for version in sorted(versions, key=numbers):
    now = versions[version]
    came = [key for key in now if key not in before]
    went = [key for key in before if key not in now]
    print(version, "came:", " ".join(came), *(["went:", " ".join(went)] if went else []))
    before = now
