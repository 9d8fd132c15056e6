#!/bin/sh
# Fills the cache of compiled code where it is missing or older than the code (a first start, a `git pull`): tools/precompile.ts has why.
# Costs a few milliseconds when nothing is to do. A site also starts without it: where the cache cannot be written, nothing is done.
set -eu

root=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
cache=${NODE_COMPILE_CACHE-$root/node_modules/.cache/compile}
if [ -z "$cache" ] || [ -n "${NODE_DISABLE_COMPILE_CACHE-}" ]; then exit 0; fi
# Node keeps a cache for each user.
stamp=$cache/.filled-$(id -u)
# Folders are looked at, too: a file that was moved keeps its time.
isNewer() { [ -n "$(find "$root/src" "$root/package-lock.json" -newer "$stamp" 2>/dev/null | head -n 1)" ]; }
if [ -f "$stamp" ] && ! isNewer; then exit 0; fi

mkdir -p "$cache" 2>/dev/null || exit 0
# Its time becomes the stamp's: what changes while the cache is being filled is newer. What was broken off leaves no stamp.
begun=$stamp.begun
(: >"$begun") 2>/dev/null || exit 0
trap 'rm -f "$begun"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if NODE_COMPILE_CACHE=$cache "$root/node_modules/.bin/node" "$root/tools/precompile.ts" >/dev/null 2>&1; then mv -f "$begun" "$stamp" 2>/dev/null || :; fi
