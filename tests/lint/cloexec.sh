#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A descriptor is close-on-exec from birth: what clang-tidy misses (socket, memfd_create, …) and what must not be used.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0
sources=(bundle-spec runtime imagetool)

# needs CALL FLAG: the statement of each call (up to its semicolon) names the flag.
needs() {
  local found
  found=$(grep -rlE "(^|[^a-zA-Z_:.>])(::)?$1\(" "${sources[@]}" --include='*.cpp' --include='*.hpp' | xargs -r perl -0777 -ne '
    s{//[^\n]*}{}g;
    while (/(?<![\w.>])(?:::)?'"$1"'\s*\(([^;]*);/g) { my $words = $1; next if $words =~ /'"$2"'/; my $line = 1 + (substr($_, 0, $-[0]) =~ tr/\n//); print "$ARGV:$line: '"$1"' without '"$2"'\n"; }' || true)
  [ -z "$found" ] || { echo "$found"; status=1; }
}
never() {
  local found
  found=$(grep -rnE "(^|[^a-zA-Z_.>])(::)?$1\(" "${sources[@]}" --include='*.cpp' --include='*.hpp' | grep -vE '//.*'"$1"'|= delete' || true)
  [ -z "$found" ] || { printf '%s: use %s\n' "$found" "$2"; status=1; }
}

needs socket 'SOCK_CLOEXEC'
needs socketpair 'SOCK_CLOEXEC'
needs accept4 'SOCK_CLOEXEC'
needs memfd_create 'MFD_CLOEXEC|flags'
needs pipe2 'O_CLOEXEC'
needs eventfd 'EFD_CLOEXEC'
needs signalfd 'SFD_CLOEXEC'
needs epoll_create1 'EPOLL_CLOEXEC'
needs open_tree 'OPEN_TREE_CLOEXEC|flags|AT_EMPTY_PATH'
needs fsopen 'FSOPEN_CLOEXEC'
needs fsmount 'FSMOUNT_CLOEXEC'
never '[:][:]accept' 'accept4 with SOCK_CLOEXEC'
never pipe 'pipe2 with O_CLOEXEC'
never dup 'fcntl F_DUPFD_CLOEXEC'
never creat 'open with O_CLOEXEC'
never mkostemp 'a name of ours and O_EXCL'
never mkstemp 'a name of ours and O_EXCL'
never epoll_create 'epoll_create1'
# sleeping is polling; the product waits for events
never usleep 'poll on an event'
never sleep 'poll on an event'
exit $status
