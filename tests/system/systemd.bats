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
  ! has_systemd || stop "$UNIT"
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
# shows [-u UNIT] NAME=VALUE...: systemctl shows just that. As nobody: root's systemctl takes the manager's own socket, and
# does not trust a peer outside of the tests' pid namespace.
shows() {
  local unit=$UNIT one all names
  [ "$1" != -u ] || { unit=$2; shift 2; }
  names=$(IFS=,; set -- "${@%%=*}"; echo "$*")
  all=$(setpriv --reuid=65534 --regid=65534 --clear-groups systemctl show --property "$names" "$unit")
  for one; do grep -qxF -- "$one" <<<"$all" || { printf 'expected %s\ngot %s\n' "$one" "$all"; return 1; }; done
}
is_over() { ! shows ActiveState=active; }
# manager METHOD [SIGNATURE ARGUMENT...]
manager() { busctl --quiet call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager "$@"; }
stop() { manager StopUnit ss "$1" replace 2>/dev/null || true; }
no_unit() { shows -u "${1:-$UNIT}" LoadState=not-found; }

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
    "cpu": {"shares": 2048, "quota": 33333, "period": 100000, "cpus": "0", "mems": "0"}, "unified": {"memory.high": "83886080"}}'
  sd_running
  [ "$(cat "/proc/$(pid_of)/cgroup")" = "0::/system.slice/$UNIT" ]
  # the quota in whole percents
  shows ActiveState=active Slice=system.slice Delegate=yes MemoryMax=104857600 MemoryLow=52428800 MemoryHigh=83886080 \
    MemorySwapMax=52428800 TasksMax=33 CPUWeight=174 CPUQuotaPerSecUSec=340ms AllowedCPUs=0 AllowedMemoryNodes=0 DevicePolicy=strict
  [ "$(value memory.max)" = 104857600 ]
  [ "$(value memory.high)" = 83886080 ]
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
  shows "Slice=$slice"
  rt delete --force "$ID"
  no_unit
  stop toytest.slice
}

@test "systemd: a name that ends in .slice is a slice unit" {
  need_systemd
  UNIT=toytest-$ID.slice
  systemd_bundle "::$UNIT"
  resources '{"pids": {"limit": 9}}'
  sd_running
  [ "$(cat "/proc/$(pid_of)/cgroup")" = "0::/toytest.slice/$UNIT" ]
  shows TasksMax=9
  rt delete --force "$ID"
  no_unit || shows ActiveState=inactive
  stop toytest.slice
}

@test "systemd: a unit of that name that lives is never taken over" {
  need_systemd
  systemd_bundle
  sd_running
  local other=$STATE
  STATE=$BATS_TEST_TMPDIR/second
  mkdir "$STATE"
  run sd create --bundle "$BUNDLE" "$ID"
  local left procs
  left=$(ls "$STATE")
  STATE=$other
  procs=$(cat "$SCOPE/cgroup.procs")
  failed
  expect "$UNIT"
  expect 'already|exists'
  [ -z "$left" ]
  [ "$procs" = "$(pid_of)" ]
  shows ActiveState=active
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
  wait_for 10 is_over
  sd_running
  shows ActiveState=active
}

@test "systemd: the limit of processes counts only the container's" {
  need_systemd
  systemd_bundle
  resources '{"pids": {"limit": 1}}'
  sd_running
  [ "$(value pids.current)" = 1 ]
  [ "$(value pids.max)" = 1 ]
  shows TasksMax=1
  run rt exec "$ID" true
  failed
}

@test "systemd: update changes properties and files, exactly" {
  need_systemd
  systemd_bundle
  sd_running
  rt update --memory 67108864 --pids-limit 20 --cpu-quota 33333 --cpu-period 100000 --cpuset-cpus 0 --cpu-share 2048 "$ID"
  shows MemoryMax=67108864 TasksMax=20 CPUQuotaPerSecUSec=340ms AllowedCPUs=0 CPUWeight=174
  [ "$(value memory.max) $(value pids.max) $(value cpuset.cpus) $(value cpu.weight)" = "67108864 20 0 174" ]
  [ "$(value cpu.max)" = "33333 100000" ]
  rt update --memory -1 --pids-limit -1 --cpu-quota -1 "$ID"
  shows MemoryMax=infinity TasksMax=infinity CPUQuotaPerSecUSec=infinity
  [ "$(value memory.max) $(value pids.max) $(value cpu.max)" = "max max max 100000" ]
}

@test "systemd: an update that fails changes neither unit nor cgroup" {
  need_systemd
  systemd_bundle
  sd_running
  rt update --pids-limit 20 --memory 67108864 "$ID"
  local resources='{"pids": {"limit": 30}, "memory": {"limit": 134217728}, "devices": [{"allow": false, "access": "rwm"}]}'
  # the device filter cannot be loaded
  run -1 setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-bpf,-sys_admin "$RUNTIME" --root "$STATE" update -r - "$ID" <<<"$resources"
  expect 'load the device program'
  shows TasksMax=20 MemoryMax=67108864
  [ "$(value pids.max) $(value memory.max)" = '20 67108864' ]
  # systemd cannot be asked
  # shellcheck disable=SC2016
  run -1 unshare --mount sh -c 'mount -t tmpfs none /run/systemd && mount -t tmpfs none /run/dbus && exec "$@"' - \
    "$RUNTIME" --root "$STATE" update -r - "$ID" <<<"$resources"
  expect 'systemd'
  shows TasksMax=20 MemoryMax=67108864
  [ "$(value pids.max) $(value memory.max)" = '20 67108864' ]
  run -0 rt audit "$ID"
  expect '^as asked  device rules'
  rt update -r - "$ID" <<<"$resources"
  shows TasksMax=30 MemoryMax=134217728
}

@test "systemd: limits and devices survive a reload of systemd" {
  need_systemd
  systemd_bundle
  edit '.process.capabilities[] |= . + ["CAP_MKNOD"]'
  resources '{"memory": {"limit": 104857600}, "pids": {"limit": 33}}'
  edit '.linux.resources.devices += [{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]'
  sd_running
  manager Reload
  [ "$(value memory.max) $(value pids.max)" = "104857600 33" ]
  run -0 rt exec "$ID" sh -c 'echo >/dev/null && mknod /tmp/fuse c 10 229 && : <>/tmp/fuse && mknod /tmp/mem c 1 1 && ! head -c 1 /tmp/mem'
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
  wait_for 10 shows ActiveState=active
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
  shows TimeoutStopUSec=7s CollectMode=inactive-or-failed
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

# ---- an ordinary user with a systemd of its own: uid 1000 has the controllers that Debian gives, 1001 no cpu ------------

need_user() { # need_user UID
  need_systemd
  [ -S "/run/user/$1/systemd/private" ] || skip "user $1 has no systemd here; the guest of tests/vm/run --systemd has"
  USER_ID=$1
  USER_ROOT=/user.slice/user-$1.slice/user@$1.service
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
  make_bundle
  rm -f "$BUNDLE/config.json"
  (cd "$BUNDLE" && "$RUNTIME" spec --rootless)
  edit '.process.terminal = false | .process.args = ["sleep", "1000"] | .root.readonly = false |
    .linux.uidMappings[0].hostID = ($id | tonumber) | .linux.gidMappings[0].hostID = ($id | tonumber)' --arg id "$1"
  chown -R "$1:$1" "$BUNDLE" "$STATE"
}
as_user() { setpriv --reuid="$USER_ID" --regid="$USER_ID" --clear-groups env XDG_RUNTIME_DIR="/run/user/$USER_ID" "$@" 3>&- 4>&-; }
user_sd() { as_user "$RUNTIME" --root "$STATE" --systemd-cgroup "$@"; }
user_rt() { as_user "$RUNTIME" --root "$STATE" "$@"; }

@test "systemd: rootless, the container is in a scope of the user's systemd, limited" {
  need_user 1000
  resources '{"memory": {"limit": 104857600}, "pids": {"limit": 33}}'
  user_sd run -d --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 || { cat "$OUT"; return 1; }
  SCOPE=/sys/fs/cgroup$USER_ROOT/user.slice/$UNIT
  [ "$(cat "/proc/$(pid_of)/cgroup")" = "0::$USER_ROOT/user.slice/$UNIT" ]
  [ "$(value memory.max) $(value pids.max)" = "104857600 33" ]
  [ "$(value cgroup.procs)" = "$(pid_of)" ]
  [ "$(cat "/proc/$(pid_of)/status" | awk '/^Uid:/ {print $2}')" = 1000 ]
  run -0 user_rt exec "$ID" sh -c 'cat /proc/self/cgroup; id -u'
  expect '^0::/'
  expect '^0$'
  user_rt update --pids-limit 20 "$ID"
  [ "$(value pids.max)" = 20 ]
  user_rt pause "$ID"
  [ "$(value cgroup.freeze)" = 1 ]
  user_rt resume "$ID"
  user_rt delete --force "$ID"
  [ ! -e "$SCOPE" ]
}

@test "systemd: rootless, a limit without its controller is refused by name, and none is fine" {
  need_user 1001
  resources '{"cpu": {"quota": 20000, "period": 100000}}'
  command_is cat /proc/self/cgroup
  run user_sd run --bundle "$BUNDLE" "$ID" </dev/null
  failed
  expect 'controller cpu cannot be enabled'
  edit 'del(.linux.resources.cpu) | .linux.namespaces |= map(select(.type != "cgroup"))'
  run -0 user_sd run --bundle "$BUNDLE" "$ID" </dev/null
  expect "^0::$USER_ROOT/user.slice/$UNIT$"
}

@test "systemd: rootless, without a systemd of the user the sentence says what to set" {
  need_user 1000
  run as_user env -u XDG_RUNTIME_DIR "$RUNTIME" --root "$STATE" --systemd-cgroup run --bundle "$BUNDLE" "$ID" </dev/null
  failed
  expect 'XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS'
  [ -z "$(ls "$STATE")" ]
}
