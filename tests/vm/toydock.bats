# SPDX-License-Identifier: Apache-2.0
# toydock as it is installed, in the guest's own namespaces, with systemd as PID 1: health checks by timers, toydock.service, limits.
load ../system/support

IMAGE=localhost/busybox
CONTAINERS=/var/lib/toydock/containers
is_here() { [ -d /run/systemd/system ] && [ -d /payload/install ] && [ "$(cat /proc/1/comm)" = systemd ]; }
host() { nsenter --target 1 --mount --net --ipc --uts -- env -i PATH="$PATH" HOME=/root "$@" 3>&- 4>&-; }
td() { host toydock "$@"; }

setup_file() {
  is_here || return 0
  cp -a /payload/install/. /
  host systemctl daemon-reload
  busybox_rootfs "$BATS_FILE_TMPDIR/rootfs"
  tar -C "$BATS_FILE_TMPDIR/rootfs" -c . | td import - $IMAGE
}
setup() { is_here || skip 'no systemd with an installed toydock here'; }
teardown() {
  is_here || return 0
  local id
  for id in $(td ps -aq --no-trunc); do td rm -f "$id" >/dev/null || true; done
  host systemctl disable --now toydock.service 2>/dev/null || true
}

sleeps() { td run -d --network none --name "$1" "${@:2}" $IMAGE sleep 1000; } # NAME OPTION...
of() { td inspect -f "{{.State.$2}}" "$1"; }
is() { [ "$(of "$1" "$2")" = "$3" ]; } # NAME FIELD VALUE
timers() { host systemctl list-units --all --plain --no-legend 'toydock-*-health-*' | cut -d' ' -f1 | tr '\n' ' '; }
timers_are() { [ "$(timers)" = "$1" ]; }
nothing_failed() { [ -z "$(host systemctl list-units --failed --plain --no-legend)" ] || { host systemctl --failed; return 1; }; }

@test "toydock, systemd: health checks by a timer, which is gone with the container" {
  local id pid unit
  id=$(sleeps patient --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 2)
  pid=$(of patient Pid)
  unit=toydock-$id-health-$pid
  is patient Health.Status starting
  [ "$(host systemctl is-active "$unit.timer")" = active ]
  gone ' _health [0-9a-f]{64}'
  wait_for 20 is patient Health.Status unhealthy
  td exec patient touch /tmp/well
  wait_for 20 is patient Health.Status healthy
  nothing_failed # a check that fails is no unit that fails
  td stop -t 0 patient
  wait_for 10 timers_are ''
  td start patient
  [[ $(timers) == *"toydock-$id-health-$(of patient Pid).timer "* ]]
  td rm -f patient
  wait_for 10 timers_are ''
  # in the middle of a check, which heeds no signal
  id=$(sleeps deaf --health-cmd 'trap "" TERM INT; while :; do sleep 1; done' --health-interval 1s --health-timeout 1h)
  unit=toydock-$id-health-$(of deaf Pid)
  asks() { [ "$(host systemctl is-active "$unit.service")" = active ]; }
  wait_for 20 asks
  td rm -f deaf
  wait_for 10 timers_are ''
  nothing_failed
}

@test "toydock, systemd: a timer outlives its conmon, ends without its container, and each restart has one of its own" {
  local id pid
  id=$(sleeps tough --restart always --health-cmd 'echo well' --health-interval 1s)
  pid=$(of tough Pid)
  kill -9 "$pid"
  again() { is tough Running true && [[ $(timers) == *"health-$(of tough Pid).timer"* && $(timers) != *"-$pid."* ]]; }
  wait_for 20 again
  td rm -f tough
  id=$(sleeps lonely --health-cmd 'echo well' --health-interval 1s)
  kill -9 "$(cat $CONTAINERS/"$id"/conmon-pid)"
  rm $CONTAINERS/"$id"/health
  answered() { grep -q '"ExitCode":0' $CONTAINERS/"$id"/health; }
  wait_for 20 is lonely Running true
  kill -9 "$(of lonely Pid)"
  # nobody but the timer is there to notice
  wait_for 20 timers_are ''
  grep -q '"Status":"exited"' $CONTAINERS/"$id"/state
  nothing_failed
}

@test "toydock, systemd: where no timer can be made a loop asks, and it is said once" {
  run -0 td run -d --network none --name other --health-cmd 'echo well' --health-interval 1s $IMAGE sleep 1000
  expect_not 'no timer'
  # systemd-run fails: first in PATH there is one that does
  mkdir -p /var/tmp/broken
  printf '#!/bin/sh\necho "Failed to connect to bus" >&2\nexit 1\n' >/var/tmp/broken/systemd-run
  chmod 755 /var/tmp/broken/systemd-run
  run -0 host env PATH="/var/tmp/broken:$PATH" toydock run -d --network none --name looped --health-cmd 'echo well' --health-interval 1s $IMAGE sleep 1000
  rm -r /var/tmp/broken
  [ "$(grep -c 'Failed to connect to bus' <<<"$output")" = 1 ]
  wait_for 20 is looped Health.Status healthy
  td rm -f looped other
  wait_for 10 gone ' _health [0-9a-f]{64}'
}

@test "toydock.service: restart, stop, start and a boot bring back what has a policy" {
  local name names
  sleeps unless --restart unless-stopped
  sleeps stopped --restart unless-stopped
  sleeps plain
  td run -d --name always --restart always -p 8080:80 $IMAGE sh -c 'mkdir -p /srv; echo served >/srv/index.html; exec httpd -f -h /srv'
  td stop -t 0 stopped
  states() { td ps -a --format '{{.Names}}={{.State}}' | sort | tr '\n' ' '; }
  # what a machine that lost its power leaves: no process, nothing in /run, no device, no rule, no cgroup
  names='always plain unless'
  for name in $names; do
    for file in supervisor-pid conmon-pid; do kill -9 "$(cat "$(td inspect -f '{{.LogPath}}' "$name" | xargs dirname)/$file")" || true; done 2>/dev/null
  done
  grep -ho '"Pid":[1-9][0-9]*' $CONTAINERS/*/state | cut -d: -f2 | xargs kill -9
  emptied() { find /sys/fs/cgroup/toydock -depth -type d -exec rmdir {} \; 2>/dev/null; [ ! -e /sys/fs/cgroup/toydock ]; }
  wait_for 10 emptied
  host rm -rf /run/toyrun /run/toyrun-networks
  host ip link del toy0
  host systemctl enable --now toydock.service
  [ "$(states)" = 'always=running plain=exited stopped=exited unless=running ' ]
  served() { [ "$(host busybox wget -q -O - http://127.0.0.1:8080/)" = served ]; }
  wait_for 20 served
  # the containers of a service heed SIGPIPE as others do
  grep -q $'^SigIgn:\t0000000000000000$' "/proc/$(of unless Pid)/status"
  host systemctl restart toydock.service
  [ "$(states)" = 'always=running plain=exited stopped=exited unless=running ' ]
  wait_for 20 served
  host systemctl stop toydock.service
  [ "$(states)" = 'always=exited plain=exited stopped=exited unless=exited ' ]
  host systemctl start toydock.service
  [ "$(states)" = 'always=running plain=exited stopped=exited unless=running ' ]
  [ "$(host systemctl is-active toydock.service)" = active ]
  nothing_failed
}

@test "toydock, systemd: limits hold with cgroup v2, also after systemd's daemon-reload" {
  local id cgroup
  id=$(sleeps limited -m 64m -c 512 --cpus 0.5 --pids-limit 20)
  cgroup=/sys/fs/cgroup/toydock/$id
  host systemctl daemon-reload
  [ "$(cat "$cgroup/memory.max") $(cat "$cgroup/cpu.max") $(cat "$cgroup/pids.max")" = '67108864 50000 100000 20' ]
  run ! td exec limited dd if=/dev/zero of=/dev/null bs=128M count=1
  grep -q '^oom_kill [1-9]' "$cgroup/memory.events"
  td exec limited timeout 2 sh -c 'while :; do :; done' || true
  grep -q '^nr_throttled [1-9]' "$cgroup/cpu.stat"
  run -137 td run --rm --network none -m 64m $IMAGE dd if=/dev/zero of=/dev/null bs=128M count=1
  td rm -f limited
  [ ! -e "$cgroup" ]
}
