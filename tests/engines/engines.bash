# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the engine tests share: an image, daemons by pid, and a check that engine and runtime together left nothing.
# Each file: `engine_begin NAME` in setup_file, its last test is `nothing_is_left`, `engine_end` in teardown_file.

load ../system/support
load ../system/registry
SYSTEM=$REPO/tests/system
export SYSTEM
RUNTIME_PATH=$(command -v "$RUNTIME") || { echo "no runtime $RUNTIME: build it first" >&2; exit 1; }
setup() { OUT=$BATS_TEST_TMPDIR/out; }
teardown() { :; }

# engine_begin NAME [PREFIX]: everything an engine makes is below $WORK, /run and the cgroup $CGROUP_PARENT;
# PREFIX is how the paths of its cgroups begin where the engine takes no parent.
engine_begin() {
  export ENGINE=$1 WORK=$BATS_FILE_TMPDIR CGROUP_PARENT=/toytest.d/$1 CGROUPS=${2:-/toytest.d/$1/}
  : >"$WORK/pids"
  world >"$WORK/before"
}

# in_background LOG COMMAND...: a daemon of this file; BACKGROUND is its pid.
in_background() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 </dev/null 3>&- 4>&- &
  BACKGROUND=$!
  echo "$BACKGROUND" >>"$WORK/pids"
}

# end_background PID: TERM, and KILL when that is not enough.
end_background() {
  kill "$1" 2>/dev/null || return 0
  wait_for 20 not_alive "$1" || kill -9 "$1" 2>/dev/null || true
}
not_alive() { [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

engine_end() {
  local pid
  for pid in $(tac "$WORK/pids"); do end_background "$pid"; done
  # the pid namespace is the run's own: whatever lives in other mounts was started by this file
  for pid in $(stranger_pids); do kill -9 "$pid" 2>/dev/null || true; done
  cut -d' ' -f5 /proc/self/mountinfo | grep -E "^($WORK|/run/$ENGINE)" | sort -r | xargs -r umount -l 2>/dev/null || true
  find /sys/fs/cgroup -mindepth 2 -depth -type d -path "*$CGROUPS*" -exec rmdir {} \; 2>/dev/null || true
}

stranger_pids() {
  local own link
  own=$(readlink /proc/self/ns/mnt)
  for link in /proc/[0-9]*/ns/mnt; do
    case $(readlink "$link" 2>/dev/null) in "$own" | '') continue ;; esac
    link=${link#/proc/}
    echo "${link%%/*}"
  done
}

# What a container can leave: cgroups (but for those that conmon and BuildKit make for themselves), mounts, processes, and the records of the runtime, which engines put below
# /run; a runtime without --root uses a directory of its own name there.
world() {
  local pid
  find /sys/fs/cgroup -mindepth 2 -type d -path "*$CGROUPS*" ! -name conmon ! -name buildkit | sort
  # whoever uses /run/netns first makes it a mount
  cut -d' ' -f5 /proc/self/mountinfo | grep -vx /run/netns | sort
  for pid in $(stranger_pids); do tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null && echo; done
  ps -eo comm= | awk '/^(docker|containerd|conmon|podman|buildah|toyrun|runc|crun)/' | sort
  find "/run/$(basename "$RUNTIME")" /run/"$ENGINE"/runtime-*/*/ -mindepth 1 2>/dev/null | sort || true
}
same_world() { diff "$WORK/before" <(world) >"$WORK/difference"; }
nothing_is_left() { wait_for 20 same_world || { cat "$WORK/difference"; return 1; }; }

# busybox_archive: an image of two layers as `docker save` writes it, made once a run.
busybox_archive() {
  local work=$BATS_RUN_TMPDIR/engine-image
  if [ ! -s "$work/busybox.tar" ]; then
    rm -rf "$work"
    busybox_rootfs "$work/one"
    mkdir -p "$work/two/www"
    echo served >"$work/two/www/index.html"
    layout_from "$work/layout" "$work/one" "$work/two"
    skopeo copy --quiet --insecure-policy "oci:$work/layout:latest" "docker-archive:$work/new.tar:busybox:latest" || return 1
    mv "$work/new.tar" "$work/busybox.tar"
  fi
  echo "$work/busybox.tar"
}

# group_file CONTROLLER FILE ID: the content of a file in the cgroup of the container with that id.
group_file() {
  local directory=/sys/fs/cgroup/$1
  [ -d "$directory" ] || directory=/sys/fs/cgroup
  cat "$(find "$directory" -type d -path "*$CGROUPS*$3*" ! -name '*conmon*' | head -1)/$2"
}
on_v1() { [ "$(stat -f -c %T /sys/fs/cgroup)" = tmpfs ]; }
# memory_limit / pids_limit / cpu_limit ID: as both cgroup versions have it; cpu as "quota period".
memory_limit() { if on_v1; then group_file memory memory.limit_in_bytes "$1"; else group_file - memory.max "$1"; fi; }
pids_limit() { group_file pids pids.max "$1"; }
cpu_limit() {
  if on_v1; then echo "$(group_file cpu cpu.cfs_quota_us "$1") $(group_file cpu cpu.cfs_period_us "$1")"; else group_file - cpu.max "$1"; fi
}
# a hybrid host has two freezers
frozen() {
  [ "$(group_file freezer freezer.state "$1" 2>/dev/null)" = FROZEN ] || group_file unified cgroup.events "$1" 2>/dev/null | grep -q '^frozen 1'
}

at_terminal() { python3 "$SYSTEM/foreground.py" "$@" 3>&- 4>&- </dev/null; }
# a program that catches TERM tells from one that was killed
trapper() { echo "trap 'echo caught; exit 9' TERM; echo waiting; while :; do sleep 0.1; done"; }
