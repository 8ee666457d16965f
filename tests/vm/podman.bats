# SPDX-License-Identifier: Apache-2.0
# podman with its systemd cgroup manager drives the runtime: for a guest with systemd and podman (VM_FULL, tests/vm/run).
load ../system/support

setup_file() {
  export WORK=$BATS_FILE_TMPDIR CONTAINERS_CONF=$BATS_FILE_TMPDIR/containers.conf CONTAINERS_STORAGE_CONF=$BATS_FILE_TMPDIR/storage.conf
  cat >"$CONTAINERS_CONF" <<TOML
[engine]
runtime = "tested"
cgroup_manager = "systemd"
events_logger = "file"
tmp_dir = "/run/podman/libpod"
[engine.runtimes]
tested = ["$(command -v "$RUNTIME")"]
TOML
  printf '[storage]\ndriver = "vfs"\nrunroot = "/run/podman/storage"\ngraphroot = "%s/storage"\n' "$WORK" >"$CONTAINERS_STORAGE_CONF"
  busybox_rootfs "$WORK/rootfs"
}
setup() {
  [ -d /run/systemd/system ] && command -v podman >/dev/null || skip 'no systemd with podman here'
  OUT=$BATS_TEST_TMPDIR/out
  cd "$BATS_TEST_TMPDIR"
}
teardown() { p rm --all --force --time 0 >/dev/null 2>&1 || true; }

p() { podman "$@" 3>&- 4>&- </dev/null; }
# sleeps NAME OPTION...: a container in the background; UNIT is its scope.
sleeps() {
  p run --detach --network none --name "$1" "${@:2}" --rootfs "$WORK/rootfs" sleep 1000 >"$OUT" || { cat "$OUT"; return 1; }
  UNIT=libpod-$(tail -1 "$OUT").scope
}
property() { systemctl show --property "$1" --value "$UNIT"; }

@test "podman, systemd: the container sits in its scope, with its limits" {
  sleeps limited --memory 64m --pids-limit 50 --cpus 0.5
  [ "$(property ActiveState)" = active ]
  [ "$(property Slice)" = machine.slice ]
  [ "$(property MemoryMax)" = 67108864 ]
  [ "$(property TasksMax)" = 50 ]
  [ "$(property CPUQuotaPerSecUSec)" = 500ms ]
  local pid
  pid=$(p inspect --format '{{.State.Pid}}' limited)
  grep -q "^0::$(property ControlGroup)" "/proc/$pid/cgroup"
  run -0 p exec limited cat /proc/1/comm
  [ "$output" = sleep ]
}

@test "podman, systemd: update changes the unit, pause and unpause the cgroup" {
  sleeps changed --memory 64m
  p update --memory 128m changed >"$OUT" 2>&1
  [ "$(property MemoryMax)" = 134217728 ]
  p pause changed
  [ "$(p inspect --format '{{.State.Status}}' changed)" = paused ]
  grep -q 'frozen 1' "/sys/fs/cgroup$(property ControlGroup)/cgroup.events"
  p unpause changed
  grep -q 'frozen 0' "/sys/fs/cgroup$(property ControlGroup)/cgroup.events"
}

@test "podman, systemd: stop and start again, the exit status, and no unit afterwards" {
  sleeps again
  p stop --time 0 again
  [ "$(p inspect --format '{{.State.ExitCode}}' again)" = 137 ]
  wait_for 20 eval '[ "$(property ActiveState)" != active ]'
  p start again
  [ "$(property ActiveState)" = active ]
  p rm --force --time 0 again
  wait_for 20 eval '[ "$(property LoadState)" = not-found ]'
  run -3 p run --rm --network none --rootfs "$WORK/rootfs" sh -c 'exit 3'
  run ! ls -d /sys/fs/cgroup/machine.slice/libpod-*.scope/container
}
