# SPDX-License-Identifier: Apache-2.0
# The systemd cgroup driver: the scope, its properties beside the cgroup's files, its end. tests/vm/run --systemd boots a
# guest with systemd; elsewhere only the refusal can be tried.
load support

has_systemd() { [ -S /run/systemd/private ]; }
need_systemd() { has_systemd || skip 'no systemd runs here; tests/vm/run --systemd boots a guest that has it'; }

setup() {
  begin_test
  UNIT=toyrun-$ID.scope
  SCOPE=/sys/fs/cgroup/system.slice/$UNIT
}
teardown() {
  end_test
  ! has_systemd || systemctl stop "$UNIT" 2>/dev/null || true
}

sd() { rt --systemd-cgroup "$@"; }
# systemd_bundle [cgroupsPath]: a sleeper; by default the scope is named after the id.
systemd_bundle() {
  sleeper
  if [ -n "${1:-}" ]; then edit '.linux.cgroupsPath = $path' --arg path "$1"; else edit 'del(.linux.cgroupsPath)'; fi
}
resources() { edit '.linux.resources += $more' --argjson more "$1"; }
sd_running() {
  sd create --bundle "$BUNDLE" "${1:-$ID}" </dev/null >"$OUT" 2>&1 || { cat "$OUT"; return 1; }
  rt start "${1:-$ID}"
}
value() { cat "$SCOPE/$1"; }
# property NAME [UNIT]: as systemctl shows it
property() { systemctl show --value --property "$1" "${2:-$UNIT}"; }
no_unit() { [ "$(property LoadState "${1:-$UNIT}")" = not-found ]; }

@test "systemd: without one on this host the driver is refused in a clear sentence, and nothing is left" {
  ! has_systemd || skip 'systemd runs here'
  systemd_bundle
  leaves_nothing sd create --bundle "$BUNDLE" "$ID"
  failed
  is_toyrun || return 0
  expect 'cannot reach systemd over D-Bus \(does systemd run on this host\?\)'
  [ "${#lines[@]}" -eq 1 ]
}

@test "systemd: cgroupsPath must be slice:prefix:name" {
  need_systemd
  local path
  systemd_bundle
  for path in /a/b a.slice:b a.slice:b:c:d a--b.slice:x:y a/b.slice:x:y; do
    edit '.linux.cgroupsPath = $path' --arg path "$path"
    leaves_nothing sd create --bundle "$BUNDLE" "$ID"
    failed
    expect 'slice:prefix:name|invalid slice name'
  done
}

@test "systemd: a container sits in its scope, delegated, and limits are properties and files" {
  need_systemd
  systemd_bundle
  resources '{"memory": {"limit": 104857600, "reservation": 52428800, "swap": 157286400}, "pids": {"limit": 33},
    "cpu": {"shares": 2048, "quota": 33333, "period": 100000, "cpus": "0", "mems": "0"}, "unified": {"memory.high": "90000384"}}'
  sd_running
  [ "$(cat "/proc/$(pid_of)/cgroup")" = "0::/system.slice/$UNIT" ]
  [ "$(property ActiveState)" = active ]
  [ "$(property Slice)" = system.slice ]
  [ "$(property Delegate)" = yes ]
  [ "$(property MemoryMax)" = 104857600 ]
  [ "$(property MemoryLow)" = 52428800 ]
  [ "$(property MemoryHigh)" = 90000384 ]
  [ "$(property MemorySwapMax)" = 52428800 ]
  [ "$(property TasksMax)" = 33 ]
  [ "$(property CPUWeight)" = 174 ]
  [ "$(property CPUQuotaPerSecUSec)" = 340ms ] # whole percents
  [ "$(property AllowedCPUs)" = 0 ]
  [ "$(property AllowedMemoryNodes)" = 0 ]
  [ "$(property DevicePolicy)" = strict ]
  [ "$(value memory.max)" = 104857600 ]
  [ "$(value memory.high)" = 90000384 ]
  [ "$(value memory.swap.max)" = 52428800 ]
  [ "$(value pids.max)" = 33 ]
  [ "$(value cpu.max)" = "33333 100000" ] # exactly
  [ "$(value cpu.weight)" = 174 ]
  [ "$(value cpuset.cpus)" = 0 ]
  [ "$(cat "$SCOPE/cgroup.procs")" = "$(pid_of)" ] # nobody who kept the place is left
}

@test "systemd: delete without the option stops the unit, and its name is free at once" {
  need_systemd
  systemd_bundle
  local life
  for life in 1 2 3; do
    sd_running
    rt delete --force "$ID"
    no_unit
    [ ! -e "$SCOPE" ]
  done
  sd_running
  rt kill "$ID" KILL
  wait_for 5 has_status stopped
  rt delete "$ID"
  no_unit
}

@test "systemd: run in the foreground leaves no unit, whether it works or not" {
  need_systemd
  systemd_bundle
  command_is sh -c 'cat /proc/self/cgroup; exit 7'
  run -7 sd run --bundle "$BUNDLE" "$ID" </dev/null
  expect '^0::/$'
  no_unit
  command_is nosuch
  run -1 sd run --bundle "$BUNDLE" "$ID" </dev/null
  expect 'executable file not found'
  no_unit
  [ ! -e "$SCOPE" ]
  resources '{"unified": {"memory.nosuch": "1"}}'
  run -1 sd run --bundle "$BUNDLE" "$ID" </dev/null
  no_unit
}

@test "systemd: slices, prefix and name; a slice of many parts" {
  need_systemd
  local slice=toytest-a.slice
  UNIT=pre-$ID.scope
  SCOPE=/sys/fs/cgroup/toytest.slice/$slice/$UNIT
  systemd_bundle "$slice:pre:$ID"
  sd_running
  [ "$(cat "/proc/$(pid_of)/cgroup")" = "0::/toytest.slice/$slice/$UNIT" ]
  [ "$(property Slice)" = "$slice" ]
  rt delete --force "$ID"
  no_unit
  systemctl stop toytest.slice
}

@test "systemd: a name that ends in .slice is a slice unit" {
  need_systemd
  UNIT=toytest-$ID.slice
  systemd_bundle "::$UNIT"
  resources '{"pids": {"limit": 9}}'
  sd_running
  [ "$(cat "/proc/$(pid_of)/cgroup")" = "0::/toytest.slice/$UNIT" ]
  [ "$(property TasksMax)" = 9 ]
  rt delete --force "$ID"
  no_unit || [ "$(property ActiveState)" = inactive ]
  systemctl stop toytest.slice
}

@test "systemd: a unit of that name that lives is never taken over" {
  need_systemd
  systemd_bundle
  systemd-run --scope --quiet --unit "$UNIT" sleep 1000 3>&- 4>&- &
  wait_for 5 eval '[ "$(property ActiveState)" = active ]'
  run sd create --bundle "$BUNDLE" "$ID"
  local others
  others=$(cat "$SCOPE/cgroup.procs")
  systemctl stop "$UNIT"
  failed
  expect "$UNIT"
  expect 'already|exists'
  [ "$(wc -w <<<"$others")" -eq 1 ]
  run rt state "$ID"
  failed
}

@test "systemd: a failed unit of that name is reset" {
  need_systemd
  systemd_bundle
  command_is sh -c 'head -c 200000000 /dev/zero | tail -c 190000000 >/dev/null; sleep 1000'
  resources '{"memory": {"limit": 20971520, "swap": 20971520}}'
  sd_running
  wait_for 20 eval "grep -q '^oom_kill [1-9]' '$SCOPE/memory.events'"
  rt kill "$ID" KILL
  wait_for 10 has_status stopped
  rm -rf "$STATE" # as after a crash: nobody deletes the container
  mkdir "$STATE"
  wait_for 10 eval '[ "$(property ActiveState)" != active ]'
  sd_running
  [ "$(property ActiveState)" = active ]
}

@test "systemd: the limit of processes counts only the container's" {
  need_systemd
  systemd_bundle
  resources '{"pids": {"limit": 1}}'
  sd_running
  [ "$(value pids.current)" = 1 ]
  [ "$(value pids.max)" = 1 ]
  [ "$(property TasksMax)" = 1 ]
  run rt exec "$ID" true
  failed
}

@test "systemd: update changes properties and files, exactly" {
  need_systemd
  systemd_bundle
  sd_running
  rt update --memory 67108864 --pids-limit 20 --cpu-quota 33333 --cpu-period 100000 --cpuset-cpus 0 --cpu-share 2048 "$ID"
  [ "$(property MemoryMax) $(value memory.max)" = "67108864 67108864" ]
  [ "$(property TasksMax) $(value pids.max)" = "20 20" ]
  [ "$(property CPUQuotaPerSecUSec) $(value cpu.max)" = "340ms 33333 100000" ]
  [ "$(property AllowedCPUs) $(value cpuset.cpus)" = "0 0" ]
  [ "$(property CPUWeight) $(value cpu.weight)" = "174 174" ]
  rt update --memory -1 --pids-limit -1 --cpu-quota -1 "$ID"
  [ "$(property MemoryMax) $(value memory.max)" = "infinity max" ]
  [ "$(property TasksMax) $(value pids.max)" = "infinity max" ]
  [ "$(property CPUQuotaPerSecUSec) $(value cpu.max)" = "infinity max 100000" ]
}

@test "systemd: limits and devices survive a reload of systemd" {
  need_systemd
  systemd_bundle
  edit '.process.capabilities[] |= . + ["CAP_MKNOD"]'
  resources '{"memory": {"limit": 104857600}, "pids": {"limit": 33}}'
  edit '.linux.resources.devices += [{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}]'
  sd_running
  systemctl daemon-reload
  [ "$(value memory.max) $(value pids.max)" = "104857600 33" ]
  run -0 rt exec "$ID" sh -c 'echo >/dev/null && mknod /tmp/kmsg c 1 11 && : </tmp/kmsg && mknod /tmp/mem c 1 1 && ! : </tmp/mem'
}

@test "systemd: exec, pause, resume, kill without the option" {
  need_systemd
  systemd_bundle
  edit '.linux.namespaces |= map(select(.type != "cgroup"))'
  sd_running
  run -0 rt exec "$ID" cat /proc/self/cgroup
  expect "^0::/system.slice/$UNIT$"
  rt pause "$ID"
  has_status paused
  [ "$(value cgroup.freeze)" = 1 ]
  rt resume "$ID"
  has_status running
  rt pause "$ID"
  rt delete --force "$ID"
  no_unit
}

@test "systemd: without a pid namespace delete --force ends all that is in the scope" {
  need_systemd
  systemd_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  command_is sh -c 'for i in 1 2 3; do sleep 7541 & done; wait'
  sd_running
  wait_for 10 runs 'sleep 7541'
  rt delete --force "$ID"
  gone 'sleep 7541'
  no_unit
}

@test "systemd: a runtime that is killed while it creates leaves no unit for long" {
  need_systemd
  systemd_bundle
  mkfifo "$BATS_TEST_TMPDIR/hang"
  edit '.hooks.createRuntime = [{"path": "/bin/sh", "args": ["sh", "-c", $code]}]' --arg code "cat $BATS_TEST_TMPDIR/hang"
  sd create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 &
  local pid=$!
  wait_for 10 eval '[ "$(property ActiveState)" = active ]'
  kill -9 $(pgrep -f -- "create --bundle $BUNDLE")
  wait "$pid" || true
  pkill -f "cat $BATS_TEST_TMPDIR/hang" || true
  wait_for 10 no_unit
  rt delete --force "$ID"
  [ -z "$(ls "$STATE")" ]
}

@test "systemd: annotations set harmless properties, others are refused" {
  need_systemd
  systemd_bundle
  edit '.annotations = {"org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode": "'"'inactive-or-failed'"'"}'
  sd_running
  [ "$(property TimeoutStopUSec)" = 7s ]
  [ "$(property CollectMode)" = inactive-or-failed ]
  rt delete --force "$ID"
  edit '.annotations = {"org.systemd.property.SuccessAction": "'"'reboot'"'"}'
  run -1 sd create --bundle "$BUNDLE" "$ID"
  expect '/annotations/org.systemd.property.SuccessAction'
  no_unit
}

@test "systemd: eight containers at once" {
  need_systemd
  systemd_bundle
  local n pids=()
  for n in 1 2 3 4 5 6 7 8; do
    (sd create --bundle "$BUNDLE" "$ID-$n" </dev/null >"$OUT.$n" 2>&1 && rt start "$ID-$n") 3>&- &
    pids+=($!)
  done
  for n in "${pids[@]}"; do wait "$n"; done
  for n in 1 2 3 4 5 6 7 8; do [ "$(cat "/proc/$(pid_of "$ID-$n")/cgroup")" = "0::/system.slice/toyrun-$ID-$n.scope" ]; done
  pids=()
  for n in 1 2 3 4 5 6 7 8; do
    rt delete --force "$ID-$n" 3>&- &
    pids+=($!)
  done
  for n in "${pids[@]}"; do wait "$n"; done
  for n in 1 2 3 4 5 6 7 8; do no_unit "toyrun-$ID-$n.scope"; done
}
