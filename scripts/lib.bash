# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What quickstart and check share: installing what is missing, printing commands.

# install_missing PURPOSE...: apt-get only when dpkg says that something is missing.
install_missing() {
  local purposes=" $* " purpose package missing=()
  while read -r purpose package _; do
    case $purpose in '' | '#'*) continue ;; esac
    case $purposes in *" $purpose "*) ;; *) continue ;; esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done <"$ROOT/scripts/packages"
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || { echo "missing packages: ${missing[*]}; install them or run this as root" >&2; return 1; }
  say "apt-get install ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null
  # docker-registry would start a service of its own: the demonstration and the tests start theirs on loopback.
  RUNLEVEL=1 apt-get install -qy --no-install-recommends "${missing[@]}" </dev/null >"$ROOT/build-apt.log" 2>&1 ||
    { tail -20 "$ROOT/build-apt.log" >&2; return 1; }
  rm -f "$ROOT/build-apt.log"
}

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
