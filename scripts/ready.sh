# Sourced with $here = the project's folder. Leaves the pinned dependencies installed and their Node in $node.
# What was installed, here or by `npm ci`, is remembered as a copy of the lock file (postinstall in package.json): a changed one means install again.

node="$here/node_modules/node/bin/node"

if ! cmp -s "$here/package-lock.json" "$here/node_modules/.tandem-lock" || [ ! -x "$node" ]; then
  if [ ! -e "$here/package-lock.json" ]; then
    echo "tandem: $here has no package-lock.json: Tandem is used from a clone of its repository, not from a package" >&2
    exit 2
  fi
  if ! command -v npm >/dev/null 2>&1; then
    echo "tandem: npm is not there; install Node 20 or later with npm, then run this again" >&2
    exit 2
  fi
  # Two first calls at once must not install over each other. Whose the lock is stands in it: another may have taken it for a leftover just before.
  lock="$here/.installing"
  us="$(uname -n) $$"
  ours() { (set -C && echo "$us" >"$lock") 2>/dev/null && sleep 0.2 && [ "$(cat "$lock" 2>/dev/null)" = "$us" ]; }
  # A leftover is one whose process is gone, and any that is older than ten minutes: processes of another machine cannot be looked for.
  isLeftover() {
    owner=$(cat "$lock" 2>/dev/null || true)
    case "$owner" in
      "$us") return 0 ;; # of a process that had our number before, in a container that was started again
      "$(uname -n) "*) kill -0 "${owner##* }" 2>/dev/null || [ -d "/proc/${owner##* }" ] || return 0 ;;
    esac
    [ -n "$(find "$lock" -prune -mmin +10 2>/dev/null)" ]
  }
  told=""
  until ours; do
    [ -w "$here" ] || { echo "tandem: $here cannot be written, so its dependencies cannot be installed; clone it where you may write" >&2; exit 2; }
    if isLeftover; then
      rm -rf "$lock"
    else
      [ -n "$told" ] || echo "tandem: another call is installing the dependencies; waiting for it (its lock is $lock)" >&2
      told=yes
      sleep 0.2
    fi
  done
  trap 'rm -rf "$lock"' EXIT
  trap 'exit 130' INT TERM HUP PIPE
  if ! cmp -s "$here/package-lock.json" "$here/node_modules/.tandem-lock" || [ ! -x "$node" ]; then
    echo "tandem: installing its pinned dependencies into node_modules (once, about half a minute)" >&2
    # The lock is npm's while it runs: it may outlive this shell.
    if ! sh -c 'cd "$1" && echo "$2 $$" >.installing && exec npm ci --no-audit --no-fund --loglevel=error' sh "$here" "$(uname -n)" \
      >"$here/.install.log" 2>&1; then
      cat "$here/.install.log" >&2
      echo "tandem: npm ci failed; its output is above and in .install.log" >&2
      exit 2
    fi
    rm -f "$here/.install.log"
  fi
  rm -rf "$lock"
  trap - EXIT INT TERM HUP PIPE
fi

if [ ! -x "$node" ]; then
  # No Node package for this platform: the machine's own will do when it is new enough.
  node=$(command -v node || true)
  major=$([ -n "$node" ] && "$node" -p 'process.versions.node.split(".")[0]' || echo 0)
  [ "$major" -ge 24 ] || { echo "tandem: needs Node 24 or later, and npm brought none for this platform" >&2; exit 2; }
fi

# Stamps by the kernel, on Linux with a C compiler: $native is a library to start Node with, or empty. See docs/decisions/kernel-stamps.md.
native="$here/node_modules/.tandem-native.so"
built="$here/node_modules/.tandem-native.c"
# One that the system cannot preload (of a newer system, or cut short) would end Node, or stay in LD_PRELOAD for all that is started: env says so first.
isNativeGood() {
  cmp -s "$here/src/host/native.c" "$built" && loading=$(LD_PRELOAD="$native" env 2>&1 >/dev/null) && [ -z "$loading" ]
}
# LD_PRELOAD takes its names apart at spaces and colons.
case "$native" in
  *[\ :]*) native="" ;;
  *)
    if ! isNativeGood 2>/dev/null && [ "$(uname)" = Linux ] && [ -w "$here/node_modules" ] && command -v cc >/dev/null 2>&1; then
      # Tried once in the Node that will be started with it. Put in its place whole and never taken away: another first call may be about to use it.
      if cc -O2 -shared -fPIC -o "$native.$$" "$here/src/host/native.c" -ldl &&
        LD_PRELOAD="$native.$$" "$node" -e 'const m = { exports: {} }; process.dlopen(m, process.argv[1]); process.exit(m.exports.isPreloaded ? 0 : 1)' \
          "$native.$$"; then
        cp "$here/src/host/native.c" "$built.$$" && mv -f "$native.$$" "$native" && mv -f "$built.$$" "$built"
      fi >/dev/null 2>&1 || true
      rm -f "$native.$$" "$built.$$"
    fi
    if ! isNativeGood 2>/dev/null; then
      native=""
      rm -f "$built" 2>/dev/null || true # or Node would load it as an addon
    fi
    ;;
esac

# What engines are started through, so that no orphan of theirs gets away; likewise. See docs/decisions/orphans.md.
adopter="$here/node_modules/.tandem-adopter"
isAdopterGood() {
  cmp -s "$here/src/host/adopter.c" "$adopter.c" && "$adopter" true
}
if ! isAdopterGood 2>/dev/null && [ "$(uname)" = Linux ] && [ -w "$here/node_modules" ] && command -v cc >/dev/null 2>&1; then
  if cc -O2 -o "$adopter.$$" "$here/src/host/adopter.c" && "$adopter.$$" true; then
    cp "$here/src/host/adopter.c" "$adopter.c.$$" && mv -f "$adopter.$$" "$adopter" && mv -f "$adopter.c.$$" "$adopter.c"
  fi >/dev/null 2>&1 || true
  rm -f "$adopter.$$" "$adopter.c.$$"
fi
if ! isAdopterGood 2>/dev/null; then
  rm -f "$adopter.c" 2>/dev/null || true # or engines would be started through it
fi
