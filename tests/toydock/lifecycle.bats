# SPDX-License-Identifier: Apache-2.0
# toydock: containers that live on: start, stop, logs, exec, inspect, restart policies, removal.
load toydock

@test "create, start, stop, restart, wait, rm" {
  run -0 td create --name one "$IMAGE" sh -c 'echo up; trap "exit 3" TERM; while :; do sleep 0.05; done'
  [[ $output =~ ^[0-9a-f]{64}$ ]]
  status_is one created
  td start one
  status_is one running
  run -0 td stop one
  [ "$output" = one ]
  [ "$(td inspect -f '{{.State.Status}} {{.State.ExitCode}}' one)" = 'exited 3' ]
  td restart one
  status_is one running
  run ! td rm one
  expect 'rm -f one'
  td wait one >"$BATS_TEST_TMPDIR/code" &
  td kill -s TERM one
  wait $!
  [ "$(cat "$BATS_TEST_TMPDIR/code")" = 3 ]
  [ "$(td logs one | grep -c up)" = 2 ]
  run -0 td start -a one </dev/null & # its output again, until it ends
  wait_for 10 status_is one running
  td stop one
  wait $! || true
  td rm one
  run ! td inspect one
  [ -z "$(ls "$TOYDOCK_ROOT/containers" "$TOYDOCK_ROOT/names" | grep -v :)" ]
}

@test "stop: SIGKILL when the signal is not enough, another signal, another patience" {
  td run -d --name deaf "$IMAGE" sh -c 'trap "" TERM; while :; do sleep 0.05; done'
  td stop -t 1 deaf
  [ "$(td inspect -f '{{.State.ExitCode}}' deaf)" = 137 ]
  td run -d --name picky --stop-signal USR1 "$IMAGE" sh -c 'trap "exit 7" USR1; while :; do sleep 0.05; done'
  td stop picky
  [ "$(td inspect -f '{{.State.ExitCode}}' picky)" = 7 ]
  td run -d --name killed "$IMAGE" sleep 1000
  td kill killed
  [ "$(td inspect -f '{{.State.ExitCode}}' killed)" = 137 ]
}

@test "ps: what runs, all, ids, filters, templates" {
  td run -d --name web --label tier=front "$IMAGE" sleep 1000
  td run --name done "$IMAGE" sh -c 'exit 4' || true
  run -0 td ps
  [ "${#lines[@]}" = 2 ]
  expect "^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES"
  expect "Up .* web$"
  run -0 td ps -a --format '{{.Names}}={{.State}}'
  [ "${lines[*]}" = 'done=exited web=running' ]
  run -0 td ps -aq
  [ "${#lines[@]}" = 2 ]
  [[ ${lines[0]} =~ ^[0-9a-f]{12}$ ]]
  [ "$(td ps -a --filter exited=4 --format '{{.Names}}')" = 'done' ]
  [ "$(td ps --filter label=tier=front -q --no-trunc)" = "$(td inspect -f '{{.Id}}' web)" ]
  [ "$(td ps -a --format json | jq -r .Names | sort | tr '\n' ' ')" = 'done web ' ]
  run ! td ps --filter nonsense=1
  [ "$(td ls -q)" = "$(td ps -q)" ]
}

@test "inspect: documents and templates, also of images" {
  td run -d --name web --label a=b -m 64m -v data:/data "$IMAGE" sleep 1000
  td inspect web | jq -e '.[0] | .Name == "/web" and .State.Running and .HostConfig.Memory == 67108864 and .Mounts[0].Destination == "/data"'
  run -0 td inspect -f '{{.Name}} {{range .Mounts}}{{.Type}}:{{.Destination}};{{end}} {{if .State.Running}}up{{else}}down{{end}} {{json .Config.Labels}} {{index .Config.Labels "a"}} {{len .Mounts}} {{.Name | upper}} {{range $k, $v := .Config.Labels}}{{$k}}-{{$v}}{{end}}' web
  [ "$output" = '/web volume:/data; up {"a":"b"} b 1 /WEB a-b' ]
  run ! td inspect -f '{{.Name' web
  run ! td inspect -f '{{evil "$(id)"}}' web
  expect 'is not understood'
  run -0 td inspect -f '{{.Os}}/{{.Architecture}}' "$IMAGE"
  expect '^linux/'
  run ! td inspect nothing-like-this
  expect 'nothing is called'
  # the beginning of an id will do
  [ "$(td inspect -f '{{.Name}}' "$(td ps -q)")" = /web ]
}

@test "logs: both streams, since, tail, times, parts of lines, follow" {
  td run --name talker "$IMAGE" sh -c 'echo one; echo two >&2; printf three; sleep 0.3; printf -- "-four\n"; sleep 1.1; echo five' >/dev/null 2>&1
  run -0 td logs talker
  [ "$(td logs talker 2>/dev/null)" = $'one\nthree-four\nfive' ]
  [ "$(td logs talker 2>&1 >/dev/null)" = two ]
  [ "$(td logs --tail 1 talker)" = five ]
  run -0 td logs -t -n 1 talker
  [[ $output =~ ^20[0-9-]+T[0-9:.]+Z\ five$ ]]
  [ "$(td logs --since "$(td inspect -f '{{.State.FinishedAt}}' talker | sed 's/Z$//; s/$/ UTC - 1 second/; s/T/ /')" talker)" = five ]
  run ! td logs --since nonsense talker
  [ "$(td logs --since 0h08m talker 2>/dev/null | tail -n 1)" = five ]
  [ -z "$(td logs --until 08m talker)" ]
  td run --name binary "$IMAGE" sh -c 'printf "a\0b\nsecond\n\0\0x\nthird\n"' >"$BATS_TEST_TMPDIR/shown"
  td logs binary >"$BATS_TEST_TMPDIR/logged"
  cmp "$BATS_TEST_TMPDIR/shown" "$BATS_TEST_TMPDIR/logged"
  td run -d --name counter "$IMAGE" sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 0.2; done'
  run -0 timeout 20 "$REPO/scripts/toydock" logs -f counter
  [ "${lines[*]}" = '1 2 3 4 5' ]
}

@test "logs -f: ends with the container where nobody waits for orphans" {
  # process 1 is a python that waits for its own children only
  run -0 timeout 60 unshare --pid --fork --mount-proc --kill-child python3 -c '
import subprocess, sys
toydock = sys.argv[1]
subprocess.run([toydock, "run", "-d", "--name", "box", "--network", "none", *sys.argv[2:]], check=True, stdout=subprocess.DEVNULL)
sys.exit(subprocess.run([toydock, "logs", "-f", "box"], timeout=30).returncode)' "$REPO/scripts/toydock" "$IMAGE" sh -c 'echo one; sleep 1; echo two' 3>&- 4>&-
  [ "${lines[*]}" = 'one two' ]
}

@test "exec: output, input, user, directory, exit codes, in the background, at a terminal" {
  td run -d --name box -e FROM=image "$IMAGE" sleep 1000
  run -0 td exec box sh -c 'echo $FROM; hostname'
  [ "${lines[0]}" = image ]
  run -0 td exec -i -w /tmp -e ADDED=1 -u 12:34 box sh -c 'cat; pwd; echo $ADDED; id -u; id -g' <<<in
  [ "${lines[*]}" = 'in /tmp 1 12 34' ]
  run -7 td exec box sh -c 'exit 7'
  run -127 td exec box nosuchprogram
  run -126 td exec box /etc/passwd
  td exec -d box sh -c 'echo later >/tmp/later; sleep 1000'
  wait_for 5 td exec box test -s /tmp/later
  run at_terminal --size 31x91 "$REPO/scripts/toydock" exec -it box sh -c 'stty size; exit 4'
  [ "$status" = 4 ]
  expect '31 91'
  run -0 td top box
  expect 'sleep 1000'
  td stop -t 0 box
  run -125 td exec box true
  expect 'toydock start box'
}

@test "pause, unpause, rename, update, stats, events" {
  td run -d --name first "$IMAGE" sh -c 'while :; do sleep 0.1; done'
  td pause first
  status_is first paused
  run ! td exec first true
  expect 'unpause'
  td unpause first
  status_is first running
  td rename first second
  run ! td inspect first
  status_is second running
  td update -m 96m --cpus 0.5 --pids-limit 50 second
  [ "$(td inspect -f '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}' second)" = '100663296 500000000 50' ]
  run -0 td exec second sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'
  [ "$output" = 100663296 ]
  run -0 td stats --no-stream
  expect 'CPU %.*MEM USAGE / LIMIT'
  expect 'second .*%.*/ 96MiB'
  td exec second ping -c 3 -i 0.1 -s 4000 10.200.0.1
  run -0 td stats --no-stream --format '{{.NetIO}}' second
  [[ $output =~ ^1[0-9.]+KiB\ /\ 1[0-9.]+KiB$ ]]
  td restart -t 0 second
  td update -m 0 --cpus 0 second
  [ "$(td inspect -f '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}' second)" = '0 0' ]
  run -0 td exec second sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max'
  [[ ${lines[*]} =~ ^(9223372036854771712 -1|max max 100000)$ ]]
  td update -m 96m second
  td restart -t 0 second
  run -0 td exec second sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'
  [ "$output" = 100663296 ]
  td rm -f second
  sleep 1
  run -0 td events --since 1h --until 0s --format '{{.Action}}'
  [ "$(grep -v exec_start <<<"$output" | tr '\n' ' ')" = 'create start pause unpause rename update die stop start update update die stop start die destroy ' ]
}

@test "a full disk: what cannot be written is an error, and nothing of a container is lost" {
  local full=$BATS_TEST_TMPDIR/full
  mkdir "$full"
  mount -t tmpfs -o size=2m none "$full"
  on_full() { TOYDOCK_ROOT=$full/root td "$@"; }
  on_full run -d --name box "$IMAGE" sleep 1000
  on_full exec box sh -c 'echo precious >/data'
  dd if=/dev/zero of="$full/fill" bs=4k 2>/dev/null || true
  run ! on_full update --restart always box
  expect 'is the disk full'
  run ! on_full rename box other
  run ! on_full pause box
  expect 'is the disk full'
  run -0 on_full ps --format '{{.Names}} {{.State}}'
  [ "$output" = 'box running' ]
  run -125 on_full run --rm "$IMAGE" true
  run -1 on_full stop -t 0 box # it has ended, which cannot be noted
  expect 'is the disk full'
  run -0 on_full ps -a --format '{{.Names}} {{.State}}'
  expect '^box exited$'
  rm "$full/fill"
  on_full start box
  dd if=/dev/zero of="$full/fill" bs=4k 2>/dev/null || true
  # settings that were emptied, as by an older toydock, are no half made container
  : >"$(echo "$full"/root/containers/*/settings)"
  on_full ps -a || true
  rm "$full/fill"
  run -0 "$TOYRUN" exec "$(basename "$full"/root/containers/*)" cat /data
  [ "$output" = precious ]
  on_full rm -f box
  umount "$full"
}

@test "damaged files: of one container they hide no other, and it is taken for running when toyrun has it running" {
  local directory
  td run -d --name fine "$IMAGE" sleep 1000
  td run -d --name hurt "$IMAGE" sleep 1000
  directory=$TOYDOCK_ROOT/containers/$(td inspect -f '{{.Id}}' hurt)
  : >"$directory/state"
  run -0 td ps --format '{{.Names}} {{.State}}'
  [ "$output" = $'hurt running\nfine running' ]
  run -1 td rm hurt
  expect 'the container hurt runs'
  td pause hurt
  status_is hurt paused
  : >"$directory/state"
  td unpause hurt
  echo broken >"$directory/health"
  run -0 td ps -q
  [ "${#lines[@]}" = 2 ]
  for file in container.json settings; do
    : >"$directory/$file"
    run -0 td ps --format '{{.Names}}'
    expect '^fine$'
    expect 'are damaged; to remove it: toydock rm -f'
    [ "$(td ps --format '{{.Names}}' 2>/dev/null)" = fine ]
  done
  run -1 td rm hurt
  expect 'perhaps it runs'
  run -0 td rm -f hurt
  [ "$(td ps -aq | wc -l)" = 1 ]
}

@test "restart policies: on-failure a number of times, always until stopped, --rm is refused" {
  td run -d --name failing --restart on-failure:2 "$IMAGE" sh -c 'echo run; exit 3'
  run -0 timeout 20 "$REPO/scripts/toydock" wait failing
  [ "$output" = 3 ]
  [ "$(td logs failing | grep -c run)" = 3 ]
  [ "$(td inspect -f '{{.RestartCount}}' failing)" = 2 ]
  td run -d --name fine --restart on-failure "$IMAGE" true
  [ "$(td wait fine)" = 0 ]
  td run -d --name again --restart always "$IMAGE" sh -c 'echo run; sleep 0.1'
  restarted() { [ "$(td inspect -f '{{.RestartCount}}' again)" -ge 2 ]; }
  wait_for 10 restarted
  td stop again
  status_is again exited
  sleep 0.5
  status_is again exited
  td rm again
  run -125 td run --rm --restart always "$IMAGE" true
  expect 'exclude each other'
  run -125 td run --restart sometimes "$IMAGE" true
  gone ' _supervise [0-9a-f]{64}'
}

@test "system stop and start, and a reboot: what has a restart policy comes back, what was stopped does not" {
  td run -d --name always --restart always -p 8080:80 --stop-signal KILL "$IMAGE" sleep 1000
  td run -d --name unless --restart unless-stopped --stop-signal KILL "$IMAGE" sleep 1000
  td run -d --name stopped --restart unless-stopped --stop-signal KILL "$IMAGE" sleep 1000
  td run -d --name plain --stop-signal KILL "$IMAGE" sleep 1000
  td run -d --name failing --restart on-failure --stop-signal KILL "$IMAGE" sleep 1000
  td stop -t 0 stopped
  states() { td ps -a --format '{{.Names}}={{.State}}' | sort | tr '\n' ' '; }
  [ "$(states)" = 'always=running failing=running plain=running stopped=exited unless=running ' ]
  run -0 td system stop
  [ "$(states)" = 'always=exited failing=exited plain=exited stopped=exited unless=exited ' ]
  run -0 td system start
  [ "$(sort <<<"$output" | tr '\n' ' ')" = 'always failing unless ' ]
  [ "$(states)" = 'always=running failing=running plain=exited stopped=exited unless=running ' ]
  run -0 td system start # once is enough
  [ -z "$output" ]
  td start plain
  # what a reboot leaves: no process, nothing in /run, no device, no rule, no cgroup
  pgrep -f -- "^[^ ]*(conmon|bash) .*$TOYDOCK_ROOT|_supervise" | xargs -r kill -9 || true
  for name in always unless plain failing; do kill -9 "$(jq -r .Pid "$TOYDOCK_ROOT/containers/"*"$(basename "$(readlink "$TOYDOCK_ROOT/names/$name")")/state")"; done
  wait_for 10 gone '[s]leep 1000|_supervise [0-9a-f]{64}|conmon --api-version'
  rm -rf /run/toyrun /run/toyrun-networks
  ip link del toy0
  nft flush ruleset
  emptied() { find /sys/fs/cgroup -mindepth 2 -depth -type d -path '*/toytest.d/toydock/*' -exec rmdir {} \; 2>/dev/null; [ -z "$(find /sys/fs/cgroup -type d -path '*/toytest.d/toydock/*')" ]; }
  wait_for 10 emptied
  run -0 td system start # the first command after it
  [ "$(td inspect -f '{{.State.Status}} {{.State.ExitCode}}' plain)" = 'exited 255' ]
  [ "$(states)" = 'always=running failing=running plain=exited stopped=exited unless=running ' ]
  [ "$(td port always)" = '80/tcp -> 0.0.0.0:8080' ]
}

@test "volumes: create, ls, inspect, rm, prune; one in use is kept" {
  run -0 td volume create shared
  td run -d --name user -v shared:/data "$IMAGE" sleep 1000
  run ! td volume rm shared
  expect 'used by the container user'
  [ "$(td volume inspect --format '{{.Mountpoint}}' shared)" = "$TOYDOCK_ROOT/volumes/shared/_data" ]
  td volume create unused
  run -1 td volume prune </dev/null
  expect 'volume prune -f'
  run -0 td volume prune -f
  [ -z "$output" ]
  run -0 td volume prune -f -a
  [ "$output" = unused ]
  td rm -f user
  td volume rm shared
  [ -z "$(td volume ls -q)" ]
  run ! td volume rm ../../etc
  expect 'no volume'
}

@test "volumes: a new one gets what the image has there, an old one and a directory of the host do not" {
  run -0 td run --rm -v new:/etc "$IMAGE" cat /etc/layer
  [ "$output" = second ]
  td run --rm -v new:/etc "$IMAGE" sh -c 'echo changed >/etc/layer'
  run -0 td run --rm -v new:/etc "$IMAGE" cat /etc/layer
  [ "$output" = changed ]
  run ! td run --rm -v bare:/etc:nocopy "$IMAGE" cat /etc/layer
  run ! td run --rm -v "$BATS_TEST_TMPDIR/host:/etc" "$IMAGE" cat /etc/layer
  run -0 td run --rm -v elsewhere:/not/in/the/image "$IMAGE" ls -A /not/in/the/image
  [ -z "$output" ]
}

@test "volumes: a new one is whole before anybody sees it, whoever was killed meanwhile" {
  local signal first second
  mkfifo "$BATS_TEST_TMPDIR/go"
  cat >"$BATS_TEST_TMPDIR/toyimg" <<EOF
#!/bin/bash
if [ "\$1" = extract ]; then
  : >$BATS_TEST_TMPDIR/filling
  read -r <$BATS_TEST_TMPDIR/go
fi
exec $TOYIMG "\$@"
EOF
  chmod +x "$BATS_TEST_TMPDIR/toyimg"
  for signal in TERM KILL; do
    TOYIMG=$BATS_TEST_TMPDIR/toyimg setsid "$REPO/scripts/toydock" run --rm -v "new$signal:/etc" "$IMAGE" true 3>&- 4>&- &
    first=$!
    wait_for 10 test -e "$BATS_TEST_TMPDIR/filling"
    td run --rm -v "new$signal:/etc" "$IMAGE" cat /etc/layer >"$BATS_TEST_TMPDIR/second" &
    second=$!
    wait_for 10 pgrep -xf 'flock 1[0-9]'
    [ ! -s "$BATS_TEST_TMPDIR/second" ]
    kill -s $signal -- "-$first"
    wait $first || true
    wait $second
    [ "$(cat "$BATS_TEST_TMPDIR/second")" = second ]
    td ps -a >/dev/null
    [ -z "$("$TOYRUN" list -q)" ]
    [ -z "$(ls -A "$TOYDOCK_ROOT/containers")" ]
    rm "$BATS_TEST_TMPDIR/filling"
  done
}

@test "images, pull, rmi, system df, system prune, info, version" {
  run -0 td images
  expect '^REPOSITORY +TAG +IMAGE ID +SIZE'
  expect "busybox +latest +[0-9a-f]{12} "
  [ "$(td images --format '{{.Tag}}')" = latest ]
  td create --name user "$IMAGE" true
  run ! td rmi "$IMAGE"
  expect 'used by the container user'
  run -0 td system df
  expect 'Containers +1 '
  run -0 td system prune -f
  [ -z "$(td ps -aq)" ]
  run -0 td info
  expect 'conmon'
  run -0 td version
  expect '^toydock version'
  run ! td pull "$IMAGE:nosuchtag"
  expect 'cannot fetch'
}

@test "tag, push, save, load" {
  export TOYIMG_STORE=$BATS_TEST_TMPDIR/store
  cp -a "$BATS_FILE_TMPDIR/store" "$TOYIMG_STORE"
  start_registry
  td tag "$IMAGE" "$REGISTRY/copy:1"
  td push -q "$REGISTRY/copy:1"
  td save -o "$BATS_TEST_TMPDIR/archive.tar" "$REGISTRY/copy:1"
  td rmi "$REGISTRY/copy:1" "$IMAGE"
  run -0 td load -i "$BATS_TEST_TMPDIR/archive.tar"
  expect 'copy:1'
  run -0 td run --rm "$REGISTRY/copy:1" echo loaded
  [ "$output" = loaded ]
  td rmi "$REGISTRY/copy:1"
  run -0 td run --rm -q "$REGISTRY/copy:1" echo pulled # from the registry
  expect '^pulled$'
  stop_registry
}

@test "completions: verbs, options and names, in bash and fish" {
  mkdir "$BATS_TEST_TMPDIR/bin"
  ln -s "$REPO/scripts/toydock" "$BATS_TEST_TMPDIR/bin/toydock"
  ln -s "$TOYIMG" "$BATS_TEST_TMPDIR/bin/toyimg"
  export PATH=$BATS_TEST_TMPDIR/bin:$PATH
  td create --name completed "$IMAGE" true
  completes() { bash -c 'source "$1/scripts/completions/toydock.bash"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2)); _toydock; printf "%s\n" "${COMPREPLY[@]}"' - "$REPO" toydock "$@"; }
  completes ru | grep -x run
  completes run --mem | grep -x -- --memory-swap
  completes start comp | grep -x completed
  completes run "${IMAGE%/*}" | grep "^$IMAGE"
  td network create completednet
  td volume create completedvolume
  completes network connect comp | grep -x completednet
  completes network conn | grep -x connect
  completes volume rm comp | grep -x completedvolume
  completes lessons cg | grep -x cgroups
  td network rm completednet
  fish -c "source $REPO/scripts/completions/toydock.fish; complete -C 'toydock start comp'" | grep '^completed'
}

@test "a SIGKILL between the creation of a container and its start: it starts again" {
  mkfifo "$BATS_TEST_TMPDIR/go"
  cat >"$BATS_TEST_TMPDIR/toyrun" <<EOF
#!/bin/bash
case "\$*" in 'network leases') : >$BATS_TEST_TMPDIR/created && read -r <$BATS_TEST_TMPDIR/go ;; esac
exec $TOYRUN "\$@"
EOF
  chmod +x "$BATS_TEST_TMPDIR/toyrun"
  TOYRUN=$BATS_TEST_TMPDIR/toyrun "$REPO/scripts/toydock" run -d --name box "$IMAGE" sleep 1000 3>&- 4>&- &
  local toydock=$!
  wait_for 10 test -e "$BATS_TEST_TMPDIR/created"
  kill -9 $toydock
  wait $toydock || true
  echo >"$BATS_TEST_TMPDIR/go"
  status_is box created
  td start box
  td exec box true
  status_is box running
}

@test "what a SIGKILL leaves: rm -f or the next command cleans up" {
  local round victim
  # the programs of this test only: their command lines name its directory
  kill_program() { pgrep -f -- "^[^ ]*$1 .*$TOYDOCK_ROOT" | xargs -r kill -9 2>/dev/null || true; }
  for ((round = 0; round < ${TOYDOCK_KILL_ROUNDS:-6}; round++)); do
    (exec "$REPO/scripts/toydock" run -d --name "victim$round" --restart on-failure "$IMAGE" sleep 1000 >/dev/null 2>&1 3>&- 4>&-) &
    victim=$!
    sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
    case $((round % 3)) in
      0)
        pgrep -P $victim | xargs -r kill -9 2>/dev/null || true
        kill -9 $victim 2>/dev/null || true
        ;;
      1) kill_program toyrun ;;
      2) kill_program conmon ;;
    esac
    wait $victim 2>/dev/null || true
    # a monitor killed after the start
    if ((round % 2)); then kill_program conmon; fi
    td ps -a >/dev/null
    td rm -f "victim$round" 2>/dev/null || true
  done
  # those that were being made have no name yet, or a maker that is gone
  td ps -aq >/dev/null
  td system prune -f >/dev/null
  wait_for 10 gone '[s]leep 1000'
  for left in "$TOYDOCK_ROOT"/containers/* "$TOYDOCK_ROOT"/names/*; do
    [ ! -e "$left" ] || (echo "left: $left" && cd "$left" && ls -la . && grep . name state maker-* supervisor-pid conmon-pid) || true
  done
  [ -z "$(ls -A "$TOYDOCK_ROOT/containers")" ]
  [ -z "$(ls -A "$TOYDOCK_ROOT/names")" ]
  [ -z "$("$TOYRUN" list -q)" ]
  wait_for 10 gone ' _supervise [0-9a-f]{64}|conmon --api-version'
  [ -z "$(find /sys/fs/cgroup -type d -path '*/toytest.d/toydock/*')" ]
}
