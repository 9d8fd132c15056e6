# The part of the set-up that builds the console; read by tools/setup.sh, whose words it uses.
# A build is a folder console/built/HASH, named by the content of all that it is made from. Where that folder is there, nothing is built.
# A ready bundle for the hash is taken before anything is built: ORRERY_CONSOLE_BUNDLE names the file or a folder of such files (default: console-bundles/ in the project).
# A site runs without the console: what cannot be built is said once, and keeps nobody from working.

console=$root/console
builds=$console/built
# Newer than all sources once a build for them is there, or was tried; holds the hash, or nothing.
consoleStamp=$builds/.stamp
consoleModules=$console/node_modules
consolePackages=$consoleModules/.installed-$(uname -m)
# The centre serves so many: pages that people have open load chunks of the build that they came from.
buildsMax=4

# Files of src/ that are built into the console, too: console/shared.txt names them.
# shellcheck disable=SC2046
sharedFiles() { (cd "$root" && find $(cat console/shared.txt) "$@"); }
consoleFiles() { find "$console" -mindepth 1 \( -path "$consoleModules" -o -path "$builds" \) -prune -o "$@" && sharedFiles "$@"; }
# 32 hexadecimal digits that change with any file that a build is made from.
consoleHash() { (cd "$console" && find . \( -path ./node_modules -o -path ./built \) -prune -o -type f ! -name '*.test.*' -exec sha256sum {} + && sharedFiles -exec sha256sum {} +) | LC_ALL=C sort | sha256sum | cut -c1-32; }
hasConsolePackages() { cmp -s "$console/package-lock.json" "$consolePackages"; }
isBuilt() { [ -n "$1" ] && [ -f "$builds/$1/index.html" ]; }

hasConsole() {
  [ -f "$consoleStamp" ] || return 1
  [ -z "$(consoleFiles -newer "$consoleStamp" -print | head -n 1)" ] || return 1
  # Who runs a site is not kept waiting for what has failed; who develops is told again, and needs the packages for the check of types.
  [ "$mode" = runtime ] || { isBuilt "$(cat "$consoleStamp")" && hasConsolePackages; }
}

# Makes console/built/ match the sources. Never fails.
ensureConsole() {
  mkdir -p "$builds" 2>/dev/null || return 0
  # Its time becomes the stamp's: what changes meanwhile is newer.
  : >"$consoleStamp.begun"
  hash=$(consoleHash)
  if [ "$mode" = development ] && ! hasConsolePackages; then installConsolePackages || :; fi
  if isBuilt "$hash" || takeConsoleBundle || buildConsole; then
    printf '%s\n' "$hash" >"$consoleStamp.begun.hash"
    touch -r "$consoleStamp.begun" "$consoleStamp.begun.hash"
    mv -f "$consoleStamp.begun.hash" "$consoleStamp"
    rm -f "$consoleStamp.begun"
    removeOldBuilds
  else
    say "the console is not there; all else works. 'sh tools/setup.sh' tries again; docs/console.md tells how a ready bundle is made on another machine (this one needs console-$hash.tar.gz)"
    mv -f "$consoleStamp.begun" "$consoleStamp"
  fi
}

installConsolePackages() {
  say "installing what the console is built with (once; about 60 MB)"
  # In a shell of its own: what ends the set-up elsewhere is only a failure here.
  (reachRegistry) || return 1
  npmInstallIn "$console" --include=dev || return 1
  cp "$console/package-lock.json" "$consolePackages.tmp" && mv "$consolePackages.tmp" "$consolePackages"
}

buildConsole() {
  hasConsolePackages || installConsolePackages || return 1
  say "building the console (once for each version; some seconds)"
  making=$builds/.making-$$
  rm -rf "$making"
  if ! (cd "$console" && CONSOLE_OUT=$making NODE_ENV=production within "$installSeconds" "$modules/.bin/node" node_modules/vite/bin/vite.js build --logLevel error >&2); then
    rm -rf "$making"
    return 1
  fi
  placeBuild "$making"
}

# The folder is complete before it gets its name.
placeBuild() {
  rm -rf "${builds:?}/$hash"
  mv "$1" "$builds/$hash"
}

takeConsoleBundle() {
  given=${ORRERY_CONSOLE_BUNDLE-$root/console-bundles}
  if [ -d "$given" ]; then given=$given/console-$hash.tar.gz; fi
  if [ ! -f "$given" ]; then
    [ -z "${ORRERY_CONSOLE_BUNDLE-}" ] || say "there is no console bundle $given"
    return 1
  fi
  taking=$builds/.taking-$$
  rm -rf "$taking"
  mkdir -p "$taking"
  if (cd "$taking" && tar -xzf "$given") && [ -f "$taking/$hash/index.html" ]; then
    placeBuild "$taking/$hash"
    rm -rf "$taking"
    return 0
  fi
  say "the console bundle $given is not of this version: it must hold $hash"
  rm -rf "$taking"
  return 1
}

removeOldBuilds() {
  # What was broken off, and builds beyond those that are served.
  find "$builds" -maxdepth 1 \( -name '.making-*' -o -name '.taking-*' \) -exec rm -rf {} +
  # Names are hashes: nothing in them that a shell would take apart.
  # shellcheck disable=SC2012
  (cd "$builds" && touch "$hash" "$hash/index.html" && ls -dt -- */ | tail -n "+$((buildsMax + 1))" | while read -r old; do rm -rf "./$old"; done)
}

# `sh tools/setup.sh bundle [FOLDER]`: writes the build that is there as a file for machines on which it cannot be built.
writeConsoleBundle() {
  hash=$(cat "$consoleStamp" 2>/dev/null || true)
  isBuilt "$hash" || fail "there is no console to make a bundle of"
  folder=${1:-.}
  mkdir -p "$folder"
  tar -czf "$folder/console-$hash.tar.gz" -C "$builds" "$hash"
  say "wrote $folder/console-$hash.tar.gz"
}
