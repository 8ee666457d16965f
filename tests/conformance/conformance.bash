# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the files share, on top of tests/system/support.bash. A test's name begins with the clauses it covers, as in
# the file `clauses`: "config.md#mounts 1,2; config.md#root 1: words". No test is skipped because a reference is known
# to fail it: README.md is the table of those.
load ../system/support
SYSTEM=$REPO/tests/system

# One config.json for every runtime, so that a difference is never that of their `spec` verbs.
make_bundle() {
  local template=$BATS_RUN_TMPDIR/busybox
  if [ ! -d "$template" ]; then
    busybox_rootfs "$template.new"
    mv "$template.new" "$template"
  fi
  mkdir -p "$BUNDLE" "$STATE"
  [ -d "$ROOTFS" ] || cp -a "$template" "$ROOTFS"
  jq --arg path "$(cgroups_path "")" '.linux.cgroupsPath = $path' "$BATS_TEST_DIRNAME/config.json" >"$BUNDLE/config.json"
}

# started CODE / sleeping [CODE]: a running container with this shell code, or one that waits.
started() {
  command_is sh -c "$1"
  running
}
sleeping() { started 'exec sleep 1000'; }

# ns TYPE FLAG COMMAND...: a command in one namespace of the container's process.
in_container() { # in_container NSENTER-FLAG COMMAND...
  local flag=$1
  shift
  nsenter -t "$(pid_of)" "$flag" "$@"
}

no_container() { ! rt state "$ID" >/dev/null 2>&1; }

# The world as in support.bash, without mount points made in the image: those every runtime leaves there.
world() { snapshot | grep -v "^$ROOTFS"; }

# refused [JQ-CHANGE]: create fails, nothing is left.
refused() {
  if [ -n "${1:-}" ]; then
    make_bundle
    edit "$1"
  fi
  world >"$BATS_TEST_TMPDIR/before"
  attempt rt create --bundle "$BUNDLE" "$ID"
  if [ "$status" -eq 0 ]; then
    rt delete --force "$ID"
    echo "create accepted: ${1:-this}"
    return 1
  fi
  no_container || { echo "create failed, but the container is there: ${1:-this}"; return 1; }
  world >"$BATS_TEST_TMPDIR/after"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after" || { echo "left behind by: ${1:-this}"; return 1; }
}

# accepted [JQ-CHANGE]: the program of the plain config.json runs.
accepted() {
  if [ -n "${1:-}" ]; then
    make_bundle
    edit "$1"
  fi
  run rt run --bundle "$BUNDLE" "$ID" </dev/null
  grep -qx program-ran <<<"$output" || { printf 'refused: %s\n%s\n' "${1:-this}" "$output"; return 1; }
}

# mount_entry DESTINATION TYPE SOURCE OPTION...: appends one mount.
mount_entry() {
  local destination=$1 type=$2 source=$3
  shift 3
  edit '.mounts += [{"destination": $d, "type": $t, "source": $s, "options": $ARGS.positional}]' \
    --arg d "$destination" --arg t "$type" --arg s "$source" --args -- "$@"
}

# mount_line TARGET: the line of /proc/self/mountinfo, as a container that runs once sees it.
mount_line() { inside "grep ' $1 ' /proc/self/mountinfo"; }

# host_tree: a shared tmpfs on the host with another one inside, at $TREE; end_tree takes it away.
host_tree() {
  TREE=$BATS_TEST_TMPDIR/tree
  mkdir -p "$TREE"
  mount -t tmpfs tree "$TREE"
  mount --make-shared "$TREE"
  mkdir "$TREE/inner" "$TREE/late"
  mount -t tmpfs inner "$TREE/inner"
  cp "$ROOTFS/bin/busybox" "$TREE/inner/busybox"
}
end_tree() { umount -R "$TREE" 2>/dev/null || umount -lR "$TREE"; }

# hook NAME KIND [SHELL-CODE]: a host's hook that keeps the state it was given and notes its name, then runs the code.
hook() {
  local path=$BATS_TEST_TMPDIR/hook-$1
  printf '#!/bin/sh\ncat >%s\necho %s >>%s\n%s\n' "$BATS_TEST_TMPDIR/stdin-$1" "$1" "$BATS_TEST_TMPDIR/order" "${3:-}" >"$path"
  chmod +x "$path"
  edit '.hooks[$kind] += [{"path": $path}]' --arg kind "$2" --arg path "$path"
}
# inner_hook NAME KIND [SHELL-CODE]: the same in the container's root file system, noting into its /tmp.
inner_hook() {
  printf '#!/bin/sh\ncat >/tmp/stdin-%s\necho %s >>/tmp/order\n%s\n' "$1" "$1" "${3:-}" >"$ROOTFS/bin/hook-$1"
  chmod +x "$ROOTFS/bin/hook-$1"
  edit '.hooks[$kind] += [{"path": $path}]' --arg kind "$2" --arg path "/bin/hook-$1"
}
order() { tr '\n' ' ' <"$BATS_TEST_TMPDIR/order"; }
given() { jq -r ".$2" "$BATS_TEST_TMPDIR/stdin-$1"; }

# namespace JQ: replaces the list of namespaces.
namespaces() { edit ".linux.namespaces |= ($1)"; }
own() { readlink "/proc/self/ns/$1"; }

# built PATH WHAT: skips while `features` says that toyrun has it not yet.
built() { [ "$(rt features | jq "$1")" = true ] || skip "not built yet: $2"; }

# user_namespace: the container in a mapped one, the root file system given to the mapped root.
user_namespace() {
  edit '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    | .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
  chown -hR 100000:200000 "$ROOTFS"
  chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR" "$BUNDLE" 2>/dev/null || true
}

resources() { edit '.linux.resources += $more' --argjson more "$1"; }
value() { cat "$(cgroup_file "$1" "$2")"; }
has_v1() { [ -d "/sys/fs/cgroup/$1" ]; }
# either CONTROLLER V1-FILE V2-FILE: the file's content on whichever hierarchy has the controller.
either() { if has_v1 "$1"; then value "$1" "$2"; else value "$1" "$3"; fi; }
pure_v2() { [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; }

# compiled NAME: a static program from standard input, in the rootfs.
compiled() { command -v gcc >/dev/null || skip 'no compiler here'; gcc -static -O1 -xc -o "$ROOTFS/bin/$1" -; }
# profile DEFAULT [RULES-JSON]: the seccomp object.
profile() { edit '.linux.seccomp = {"defaultAction": $default, "syscalls": $rules}' --arg default "$1" --argjson rules "${2:-[]}"; }
