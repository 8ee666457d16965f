# SPDX-License-Identifier: Apache-2.0
# toydock run: what a person who knows docker types in the first minutes.
load toydock

@test "run: output, input, errors, exit code" {
  run -0 td run --rm "$IMAGE" echo hello
  [ "$output" = hello ]
  run -0 td run --rm -i "$IMAGE" sh -c 'tr a-z A-Z' <<<'through a pipe'
  [ "$output" = 'THROUGH A PIPE' ]
  td run --rm "$IMAGE" sh -c 'echo out; echo err >&2' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
  [ "$(cat "$BATS_TEST_TMPDIR/out")" = out ]
  [ "$(cat "$BATS_TEST_TMPDIR/err")" = err ]
  run -0 td run --rm "$IMAGE" sh -c 'cat; echo end' # without -i there is no input
  [ "$output" = end ]
  # a million bytes and not one lost
  run -0 td run --rm "$IMAGE" sh -c 'head -c 1000000 /dev/zero | tr "\0" x | wc -c; head -c 1000000 /dev/zero | tr "\0" x' >"$BATS_TEST_TMPDIR/big"
  [ "${#output}" = 1000008 ]
  [ -z "$(ls "$TOYDOCK_ROOT/containers" "$TOYDOCK_ROOT/names" | grep -v :)" ]
}

@test "run: exit codes are the program's, docker's 125, 126 and 127, and 128 and a signal" {
  local code
  for code in 0 1 2 42 124 125 126 127 128 254 255; do run -$code td run --rm "$IMAGE" sh -c "exit $code"; done
  run -127 td run --rm "$IMAGE" nosuchprogram
  expect 'nosuchprogram.*not found'
  expect 'entrypoint sh'
  run -126 td run --rm "$IMAGE" /etc
  expect 'permission denied'
  printf '\x7fELF' >"$BATS_TEST_TMPDIR/bad"
  chmod +x "$BATS_TEST_TMPDIR/bad"
  run -126 td run --rm -v "$BATS_TEST_TMPDIR/bad:/bad" "$IMAGE" /bad
  expect 'Exec format error'
  run -125 td run --no-such-option "$IMAGE"
  expect 'unknown option --no-such-option'
  for code in 9 11 15; do run $((-128 - code)) td run --rm --init "$IMAGE" sh -c "kill -$code \$\$"; done
  [ -z "$(ls "$TOYDOCK_ROOT/containers")" ]
}

@test "run: PID 1, host name, user, directory, environment" {
  run -0 td run --rm "$IMAGE" sh -c 'echo $$; hostname'
  [ "${lines[0]}" = 1 ]
  [[ ${lines[1]} =~ ^[0-9a-f]{12}$ ]]
  run -0 td run --rm -h box -w /tmp -e A='b c' -e "Q=it's \"q\"" -u 1234:99 "$IMAGE" sh -c 'hostname; cat /etc/hostname; pwd; echo "$A $Q"; id -u; id -g'
  [ "${lines[*]}" = "box box /tmp b c it's \"q\" 1234 99" ]
  INHERITED=yes run -0 td run --rm -e INHERITED -e NOTSET "$IMAGE" env
  expect '^INHERITED=yes$'
  expect_not NOTSET
  printf '# words\nONE=1\n\nTWO=2 2\n' >"$BATS_TEST_TMPDIR/env"
  run -0 td run --rm --env-file "$BATS_TEST_TMPDIR/env" "$IMAGE" sh -c 'echo "$ONE,$TWO"'
  [ "$output" = '1,2 2' ]
  run -0 td run --rm --add-host db:10.1.2.3 --dns 10.9.9.9 "$IMAGE" cat /etc/hosts /etc/resolv.conf
  expect '^10.1.2.3[[:space:]]db$'
  expect '^nameserver 10.9.9.9$'
}

@test "run: name servers that a container can reach" {
  # the run has a mount namespace of its own
  printf 'nameserver 127.0.0.53\noptions edns0\nsearch lan\n' >"$BATS_TEST_TMPDIR/stub"
  mount --bind "$BATS_TEST_TMPDIR/stub" "$(realpath /etc/resolv.conf)"
  mkdir -p /run/systemd/resolve
  printf 'nameserver 10.7.7.7\nsearch lan\n' >/run/systemd/resolve/resolv.conf
  run -0 --separate-stderr td run --rm "$IMAGE" cat /etc/resolv.conf
  [ "${lines[*]}" = 'nameserver 10.7.7.7 search lan' ]
  run -0 td run --rm --network host "$IMAGE" cat /etc/resolv.conf
  [ "${lines[0]}" = 'nameserver 127.0.0.53' ]
  rm -r /run/systemd/resolve
  run -0 td run --rm "$IMAGE" cat /etc/resolv.conf
  expect 'names no name server that a container can reach: choose one with --dns'
  expect '^options edns0$'
  umount "$(realpath /etc/resolv.conf)"
}

@test "run: users by name are those of the image, links out of it lead nowhere" {
  td run --name users "$IMAGE" sh -c 'echo "app:x:1042:1043::/home/app:/bin/sh" >>/etc/passwd; echo "extra:x:77:app" >>/etc/group; touch /tmp/ready; sleep 1000' &
  local toydock=$!
  wait_for 10 td exec users test -e /tmp/ready
  run -0 td exec -u app users sh -c 'id -u; id -g; id -G; echo $HOME'
  [ "${lines[*]}" = '1042 1043 1043 77 /home/app' ]
  run ! td exec -u nobodyhere users id
  expect 'nobodyhere'
  td exec users sh -c 'ln -sf /proc/1/root/../etc/passwd /etc/passwd'
  run ! td exec -u daemon users id
  td rm -f users
  wait $toydock || true
  run -125 td run --rm -u nobodyhere "$IMAGE" id
  expect 'nobodyhere'
}

@test "run: the entry point and words with spaces, quotes and line breaks" {
  run -0 td run --rm --entrypoint /bin/echo "$IMAGE" 'a  b' "c'd" '$HOME' '--rm'
  [ "$output" = "a  b c'd \$HOME --rm" ]
  run -0 td run --rm "$IMAGE" printf '%s|' '' $'line\nbreak' $'tab\t' 'ü'
  [ "$output" = $'|line\nbreak|tab\t|ü|' ]
  run -125 td run --rm --entrypoint '' "$IMAGE"
  expect 'has no command of its own'
  expect 'toydock run .* COMMAND'
}

@test "run: directories of the host, read only, named volumes, mounts, tmpfs" {
  local data=$BATS_TEST_TMPDIR/data
  mkdir "$data"
  echo from-host >"$data/file"
  run -0 td run --rm -v "$data:/data" "$IMAGE" sh -c 'cat /data/file; echo from-inside >/data/new'
  [ "$output" = from-host ]
  [ "$(cat "$data/new")" = from-inside ]
  run ! td run --rm -v "$data:/data:ro,Z" "$IMAGE" touch /data/no
  expect 'Read-only'
  td run --rm -v store:/store "$IMAGE" sh -c 'echo kept >/store/file'
  run -0 td run --rm --mount type=volume,source=store,target=/store,readonly "$IMAGE" sh -c 'cat /store/file; touch /store/no 2>&1 || true'
  [ "${lines[0]}" = kept ]
  expect 'Read-only'
  run -0 td run --rm --mount "type=bind,src=$data,dst=/d,ro" --tmpfs /scratch:size=1m,mode=700 "$IMAGE" sh -c 'cat /d/file; grep -E " /(d|scratch) " /proc/mounts'
  expect '^from-host$'
  expect ' /d .* ro,|^[^ ]+ /d [^ ]+ ro'
  expect 'tmpfs /scratch tmpfs .*size=1024k,mode=700'
  run -0 td volume ls -q
  [ "$output" = store ]
  run -125 td run --rm --mount type=bind,src=/no/such/place,dst=/d "$IMAGE" true
  expect '/no/such/place is not there'
  # one option with several, as the learning projects write it
  run -0 td run --rm -v "$data:/one;store:/two" "$IMAGE" cat /one/file /two/file
  [ "${lines[*]}" = 'from-host kept' ]
  # without a name: gone with --rm
  td run --rm -v /anonymous "$IMAGE" touch /anonymous/file
  run -0 td volume ls -q
  [ "$output" = store ]
}

@test "run: a read-only root, capabilities, security options, privileged" {
  run ! td run --rm --read-only "$IMAGE" touch /file
  expect 'Read-only'
  run -0 td run --rm --cap-drop ALL --cap-add chown "$IMAGE" grep CapEff /proc/self/status
  expect '0000000000000001$'
  run -0 td run --rm --security-opt no-new-privileges "$IMAGE" grep NoNewPrivs /proc/self/status
  expect '1$'
  run -0 td run --rm --security-opt seccomp=unconfined "$IMAGE" grep Seccomp: /proc/self/status
  expect '0$'
  run ! td run --rm "$IMAGE" mount -t tmpfs x /tmp
  td run --rm --cap-add SYS_ADMIN "$IMAGE" mount -t tmpfs x /tmp
  run -0 td run --rm --privileged "$IMAGE" sh -c 'mount -t tmpfs x /tmp && grep -c . /proc/kcore >/dev/null; echo 1 >/proc/sys/net/ipv4/ip_forward && echo can'
  expect can
  run -0 td run --rm --device /dev/null:/dev/nothing:rw "$IMAGE" sh -c 'echo x >/dev/nothing && stat -c %t:%T /dev/nothing'
  [ "$output" = 1:3 ]
  run -125 td run --rm --security-opt nonsense=1 "$IMAGE" true
  expect 'nonsense is not known'
}

@test "run: limits hold: 10 % of a core, 64 MB of memory, processes, open files" {
  # a second of work at a tenth of a core takes ten; measured by what the cgroup was charged in three seconds
  td run -d --name slow --cpus 0.1 "$IMAGE" sh -c 'while :; do :; done'
  local before after began ended
  read_cpu() { td inspect -f '{{.State.Pid}}' slow >/dev/null && "$TOYRUN" events --stats "$(basename "$(readlink "$TOYDOCK_ROOT/names/slow")")" | jq .data.cpu.usage.total; }
  before=$(read_cpu) began=${EPOCHREALTIME/./}
  sleep 3
  after=$(read_cpu) ended=${EPOCHREALTIME/./}
  td rm -f slow
  local share=$(((after - before) / (ended - began)))
  echo "share of a core in thousandths: $share"
  [ "$share" -ge 80 ]
  [ "$share" -le 120 ]
  run -137 td run --name fat -m 64m "$IMAGE" sh -c 'head -c 128m /dev/zero | tail'
  [ "$(td inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' fat)" = 'true 137' ] || on_shell_survives
  run -137 td run --rm -memory 64m "$IMAGE" tail -c 128m /dev/zero
  run td run --rm -m 64m --memory-swap 64m -cpus 0.5 --pids-limit 5 --ulimit nofile=77:88 --cpuset-cpus 0 "$IMAGE" \
    sh -c 'ulimit -n; ulimit -Hn; for i in 1 2 3 4 5 6 7; do sleep 1 & done 2>&1; grep Cpus_allowed_list /proc/self/status'
  [ "${lines[0]} ${lines[1]}" = '77 88' ]
  expect "can't fork"
  run -125 td run --rm -m 1x "$IMAGE" true
  expect '1x: this is not a size'
  run -125 td run --rm -m 10m --memory-swap 5m "$IMAGE" true
  expect 'is less than --memory'
}
# the pipe's last program was killed and the shell lived: then the code is the program's
on_shell_survives() { [ "$(td inspect -f '{{.State.ExitCode}}' fat)" = 137 ]; }

@test "run: signals reach the program, and --init reaps" {
  local signal toydock code
  for signal in TERM HUP; do
    : >"$BATS_TEST_TMPDIR/out"
    "$REPO/scripts/toydock" run --rm --name catcher "$IMAGE" sh -c 'trap "echo caught" USR1; trap "echo caught; exit 9" '$signal'; echo ready; while :; do sleep 0.1; done' >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
    toydock=$! code=0
    wait_for 10 contains ready "$BATS_TEST_TMPDIR/out"
    kill -s USR1 $toydock
    wait_for 10 contains caught "$BATS_TEST_TMPDIR/out"
    kill -s $signal $toydock
    wait $toydock || code=$?
    [ "$code" = 9 ]
    [ "$(grep -c caught "$BATS_TEST_TMPDIR/out")" = 2 ]
  done
  : >"$BATS_TEST_TMPDIR/out"
  "$REPO/scripts/toydock" run --name alone --sig-proxy=false "$IMAGE" sh -c 'echo ready; exec sleep 1000' >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
  toydock=$! code=0
  wait_for 10 contains ready "$BATS_TEST_TMPDIR/out"
  kill $toydock
  wait $toydock || code=$?
  [ "$code" = 143 ]
  status_is alone running
  gone 'toyrun-attach .*/bundle'
  run -0 td run --rm --init "$IMAGE" sh -c 'echo $$; sh -c "sleep 0.1 &"; sleep 0.5; ps | grep -c "[Z]"'
  [ "${lines[0]}" != 1 ]
}

@test "run: ends when nobody reads its output, and the program goes on" {
  mkfifo "$BATS_TEST_TMPDIR/pipe"
  timeout 60 "$REPO/scripts/toydock" run --name teller "$IMAGE" sh -c 'while echo y; do sleep 0.01; done' >"$BATS_TEST_TMPDIR/pipe" 2>"$BATS_TEST_TMPDIR/errors" 3>&- 4>&- &
  [ "$(head -n 1 "$BATS_TEST_TMPDIR/pipe")" = y ]
  local code=0
  wait $! || code=$?
  [ "$code" = 141 ]
  contains 'nobody reads what it writes' "$BATS_TEST_TMPDIR/errors"
  status_is teller running
}

@test "run: a terminal: size, colours, Ctrl-C, detach with Ctrl-P Ctrl-Q and attach again" {
  run -5 at_terminal --size 30x100 "$REPO/scripts/toydock" run -it --rm "$IMAGE" sh -c 'test -t 0 && test -t 1 && stty size; echo $TERM; exit 5'
  expect '30 100'
  expect 'xterm'
  run at_terminal --after ready --resize 41x120 "$REPO/scripts/toydock" run -it --rm "$IMAGE" sh -c 'trap "stty size; exit 3" WINCH; echo ready; while :; do sleep 0.1; done'
  [ "$status" = 3 ]
  expect '41 120'
  run at_terminal --after ready --type '\x03' "$REPO/scripts/toydock" run -it --rm "$IMAGE" sh -c 'trap "echo interrupted; exit 4" INT; echo ready; while :; do sleep 0.1; done'
  [ "$status" = 4 ]
  expect interrupted
  run -0 at_terminal --after ready --type '\x10\x11' "$REPO/scripts/toydock" run -it --name stays "$IMAGE" sh -c 'echo ready; read line; echo "got $line"; exit 6'
  expect 'toydock attach stays'
  status_is stays running
  run -6 at_terminal --after '' --type 'words\r' "$REPO/scripts/toydock" attach stays
  expect 'got words'
  run -125 td run -it --rm "$IMAGE" true </dev/null
  expect 'not a terminal'
}

@test "run: the host's network and none" {
  run -0 td run --rm --network none "$IMAGE" sh -c 'ls /sys/class/net; ping -c1 -W1 127.0.0.1'
  [ "${lines[0]}" = lo ]
  run -0 td run --rm --network host "$IMAGE" sh -c 'readlink /proc/self/ns/net; hostname'
  [ "${lines[0]}" = "$(readlink /proc/self/ns/net)" ]
  [ "${lines[1]}" = "$(hostname)" ]
}

@test "run --explain and toydock -x: nothing is hidden, and nothing is left" {
  run -0 td run --explain -m 64m -v "$BATS_TEST_TMPDIR:/x" "$IMAGE" true
  expect '^\+ .*toyimg unpack'
  expect 'memory.*64|67108864'
  expect 'toyrun start'
  [ -z "$(ls "$TOYDOCK_ROOT/containers")" ]
  run -0 td --explain run --rm "$IMAGE" echo hi
  expect '^\+ conmon '
  expect '^\+ .*toyrun-attach '
}

@test "run: the rarer options take effect" {
  local hosts=/sys/fs/cgroup
  run -0 td run --rm --shm-size 8m --sysctl net.core.somaxconn=77 --group-add 4242 --oom-score-adj 123 --domainname example.org --cpuset 0 "$IMAGE" \
    sh -c 'df -k /dev/shm | tail -1; cat /proc/sys/net/core/somaxconn; id -G; cat /proc/self/oom_score_adj; cat /proc/sys/kernel/domainname; grep Cpus_allowed_list /proc/self/status'
  [[ ${lines[0]} == *' 8192 '* ]]
  [ "${lines[1]} ${lines[3]} ${lines[4]}" = '77 123 example.org' ]
  [[ " ${lines[2]} " == *' 4242 '* ]]
  [[ ${lines[5]} == *$'\t0' ]]
  run -0 td run --rm --cpu-shares 512 --cpu-period 50000 --cpu-quota 25000 --memory-reservation 32m -m 64m "$IMAGE" \
    sh -c 'cd /sys/fs/cgroup; cat cpu/cpu.shares cpu/cpu.cfs_period_us cpu/cpu.cfs_quota_us memory/memory.soft_limit_in_bytes 2>/dev/null || cat cpu.weight cpu.max memory.low'
  [[ "${lines[*]}" == '512 50000 25000 33554432' || "${lines[*]}" == *' 25000 50000 33554432' ]]
  run -0 td run --rm --pid host --ipc host "$IMAGE" sh -c 'readlink /proc/self/ns/pid; readlink /proc/self/ns/ipc'
  [ "${lines[*]}" = "$(readlink /proc/self/ns/pid) $(readlink /proc/self/ns/ipc)" ]
  printf 'tier=back\n# words\nteam=a b\n' >"$BATS_TEST_TMPDIR/labels"
  run -0 td create --name one --cidfile "$BATS_TEST_TMPDIR/id" --label-file "$BATS_TEST_TMPDIR/labels" --label x=y --annotation org.example.a=b \
    --cgroup-parent /toytest.d/toydock/below --stop-timeout 3 -v shared:/data "$IMAGE" sh -c 'cat /data/file'
  [ "$output" = "$(cat "$BATS_TEST_TMPDIR/id")" ]
  run -0 td inspect -f '{{.Config.Labels.team}} {{.Config.Labels.tier}} {{.Config.Labels.x}} {{.Config.StopTimeout}} {{.HostConfig.CgroupParent}}' one
  [ "$output" = 'a b back y 3 /toytest.d/toydock/below' ]
  jq -e '.annotations["org.example.a"] == "b" and (.linux.cgroupsPath | startswith("/toytest.d/toydock/below/"))' "$TOYDOCK_ROOT/containers/$(cat "$BATS_TEST_TMPDIR/id")/bundle/config.json"
  td run --rm --volumes-from one "$IMAGE" sh -c 'echo shared >/data/file'
  run -0 td start -a one
  [ "$output" = shared ]
  td run --name talker --log-opt max-size=4k "$IMAGE" sh -c 'for i in $(seq 500); do echo "line $i of a log that is too long"; done' >/dev/null
  [ "$(stat -c %s "$TOYDOCK_ROOT/containers/"*"$(basename "$(readlink "$TOYDOCK_ROOT/names/talker")")/log")" -le 8192 ]
  td run -d --name open -P --expose 80 --expose 53/udp "$IMAGE" sleep 1000
  run -0 td port open
  expect '^80/tcp -> 0.0.0.0:[0-9]+$'
  expect '^53/udp -> 0.0.0.0:[0-9]+$'
  rmdir "$hosts"/*/toytest.d/toydock/below "$hosts"/toytest.d/toydock/below 2>/dev/null || true
}

@test "run: what this host lacks is named: a cgroup controller, conmon, jq" {
  [ -d /sys/fs/cgroup/memory ] || skip 'cgroup v2 has all controllers'
  run -125 unshare --mount --propagation private bash -c 'umount /sys/fs/cgroup/memory && exec "$@"' - "$REPO/scripts/toydock" run --rm -m 64m "$IMAGE" true
  expect 'the cgroup controller memory is not available on this host'
  expect 'cgroup_enable=memory'
  local program
  for program in conmon jq; do
    mkdir "$BATS_TEST_TMPDIR/without-$program"
    ln -s /usr/bin/* /usr/sbin/* "$BATS_TEST_TMPDIR/without-$program/" 2>/dev/null || true
    rm "$BATS_TEST_TMPDIR/without-$program/$program"
    PATH=$BATS_TEST_TMPDIR/without-$program run -125 "$REPO/scripts/toydock" run --rm "$IMAGE" true
    expect "$program is not installed"
    expect "apt-get install $program"
  done
  [ -z "$(ls -A "$TOYDOCK_ROOT/containers")" ]
}

@test "run: words for people" {
  run -125 td run --rm --pull never no-such-image:9 true
  expect 'no-such-image:9 is not here'
  expect 'toydock pull'
  td create --name taken "$IMAGE" true
  run -125 td run --name taken "$IMAGE" true
  expect 'the name taken is taken by'
  expect 'toydock rm -f taken'
  run -125 td run --name 'a b' "$IMAGE" true
  expect 'is no name'
  run -125 td run --rm 127.0.0.1:1/nothing true
  expect 'cannot reach the registry 127.0.0.1:1'
  expect 'is the name right'
  run -1 td nosuchverb
  expect 'no command nosuchverb'
  expect 'toydock --help'
  run -1 td rum
  expect 'perhaps you mean toydock run'
  run -125 td run --memroy 64m "$IMAGE" true
  expect 'unknown option --memroy'
  expect 'toydock run --help'
  run -125 td run --rm --cap-add NOSUCH "$IMAGE" true
  expect '--cap-add NOSUCH: there is no such capability'
  python3 -c 'import socket, time; s = socket.socket(); s.bind(("0.0.0.0", 8099)); s.listen(); print("ready", flush=True); time.sleep(100)' >"$BATS_TEST_TMPDIR/listener" 3>&- 4>&- &
  local listener=$!
  wait_for 10 contains ready "$BATS_TEST_TMPDIR/listener"
  run -125 td run --rm -p 8099:80 "$IMAGE" true
  expect 'cannot start [a-z_0-9]+: port 8099/tcp is taken by a program on this host$'
  expect 'ss -lntup'
  kill $listener
  run -125 td run --rm -p 192.0.2.77:8099:80 "$IMAGE" true
  expect 'this host has no address 192.0.2.77'
  run ! td stop nobody
  expect 'no container is called nobody'
  expect 'toydock ps -a'
  run -125 td run
  expect 'which image'
  run -125 setpriv --reuid 65534 --clear-groups "$REPO/scripts/toydock" run "$IMAGE" true
  expect 'needs root'
  run -0 td run --help
  expect '--memory SIZE'
  [[ $(td ps) != *$'\e'* ]]
}

@test "run: neither an image nor a line of a file is run by the shells of toydock" {
  local canary=$BATS_TEST_TMPDIR/canary work=$BATS_TEST_TMPDIR/evil diff_id value
  # shellcheck disable=SC2016
  value='PATH[$(>'$canary')]' # without a space, which no name of a variable may have
  printf '%s\n' "$value" >"$BATS_TEST_TMPDIR/env"
  run -0 td run --rm --env-file "$BATS_TEST_TMPDIR/env" -e "$value" --label "$value" -e a.b "$IMAGE" true
  mkdir -p "$work/root/bin"
  cp /bin/busybox "$work/root/bin/busybox"
  ln -s busybox "$work/root/bin/sleep"
  tar -C "$work/root" -cf "$work/layer.tar" .
  diff_id=sha256:$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
  jq -n --arg id "$diff_id" --arg value "$value" '{architecture: "amd64", os: "linux", rootfs: {type: "layers", diff_ids: [$id]},
    config: {Cmd: ["sleep", "1000"], Env: [$value + "=1"], Labels: {($value): $value}, Healthcheck: {Test: ["CMD", $value], Interval: 200000000, Timeout: 1000000000, Retries: 1}}}' >"$work/config.json"
  echo '[{"Config": "config.json", "RepoTags": ["localhost/evil:latest"], "Layers": ["layer.tar"]}]' >"$work/manifest.json"
  tar -C "$work" -cf "$BATS_TEST_TMPDIR/evil.tar" manifest.json config.json layer.tar
  td load -i "$BATS_TEST_TMPDIR/evil.tar"
  run -0 td run -d --name evil localhost/evil
  run -0 td exec -e "$value" --env-file "$BATS_TEST_TMPDIR/env" evil busybox true
  wait_for 10 health_is evil unhealthy
  [ ! -e "$canary" ]
  # what the shells would count with has to be a number before toydock sees it
  jq --arg value "$value" '.config.Healthcheck.Retries = $value' "$work/config.json" >"$work/other" && mv "$work/other" "$work/config.json"
  tar -C "$work" -cf "$BATS_TEST_TMPDIR/evil.tar" manifest.json config.json layer.tar
  run -1 td load -i "$BATS_TEST_TMPDIR/evil.tar"
  expect 'image config /config/Healthcheck/Retries: is not a whole number'
}

@test "update and kill with a value that is none change nothing and say so" {
  td run -d --name live "$IMAGE" sleep 1000
  local before
  before=$(td inspect live | jq '.[0].HostConfig')
  td create --name still -m 64m "$IMAGE" true
  for words in '-m garbage' '-m 1q' '-m 100' '--restart bogus' '--cpus x' '--cpus -1' '--cpu-quota 5' '--cpuset-cpus a' '--memory-swap 5m' '--cpu-period 1'; do
    # shellcheck disable=SC2086
    run -1 td update $words live
    # shellcheck disable=SC2086
    run -1 td update $words still
    expect '^toydock: '
  done
  [ "$(td inspect -f '{{.HostConfig.Memory}}' still)" = 67108864 ]
  td rm still
  run td kill -s NOPE live
  [ "$status" -ne 0 ]
  [ "$(td inspect live | jq '.[0].HostConfig')" = "$before" ]
  run -0 td ps -q --no-trunc
  [ "${#lines[@]}" -eq 1 ]
}

@test "cp of a path that ends in .. stays in its target; rm -v spares a volume that another has" {
  td run -d --name one -v /data "$IMAGE" sh -c 'echo precious >/data/f; exec sleep 1000'
  td run -d --name two --volumes-from one "$IMAGE" sleep 1000
  mkdir -p "$BATS_TEST_TMPDIR/w/out"
  td cp one:/etc/.. "$BATS_TEST_TMPDIR/w/out"
  [ "$(ls "$BATS_TEST_TMPDIR/w")" = out ]
  [ -d "$BATS_TEST_TMPDIR/w/out/etc" ]
  wait_for 10 td exec two test -e /data/f
  td rm -f -v one
  run -0 td exec two cat /data/f
  [ "$output" = precious ]
  td rm -f -v two
  [ -z "$(td volume ls -q)" ] || td volume rm "$(td volume ls -q)"
}

@test "run and exec: no command line shows the variables of a file, and 08 is eight" {
  # shellcheck disable=SC1003
  local secret='päss "wörd" \ $x' seen=$BATS_TEST_TMPDIR/seen
  printf 'TOKEN=%s\n' "$secret" >"$BATS_TEST_TMPDIR/env"
  # every program that toydock starts says in a file how it was called
  mkdir "$BATS_TEST_TMPDIR/bin"
  for program in jq conmon toyrun toyimg; do
    local real
    case $program in toyrun) real=$TOYRUN ;; toyimg) real=$TOYIMG ;; *) real=$(type -P "$program") ;; esac
    printf '#!/bin/sh\nprintf "%%s\\n" %s "$@" >>%q\nexec %q "$@"\n' "$program" "$seen" "$real" >"$BATS_TEST_TMPDIR/bin/$program"
    chmod +x "$BATS_TEST_TMPDIR/bin/$program"
  done
  export TOYRUN=$BATS_TEST_TMPDIR/bin/toyrun TOYIMG=$BATS_TEST_TMPDIR/bin/toyimg PATH=$BATS_TEST_TMPDIR/bin:$PATH HIDDEN="of $secret"
  run -0 td -x run -d --name web --env-file "$BATS_TEST_TMPDIR/env" -e HIDDEN "$IMAGE" sleep 1000
  [[ $output != *wörd* ]]
  # shellcheck disable=SC2016
  run -0 td exec web sh -c 'echo "$TOKEN|$HIDDEN"'
  [ "$output" = "$secret|of $secret" ]
  for user in 0 65534; do
    # shellcheck disable=SC2016
    run -0 td exec -u "$user" -w /tmp --env-file "$BATS_TEST_TMPDIR/env" -e HIDDEN -e PLAIN=1 web sh -c 'echo "$PLAIN $TOKEN|$HIDDEN $PWD $(id -u)"'
    [ "$output" = "1 $secret|of $secret /tmp $user" ]
  done
  # shellcheck disable=SC2016
  run -0 td exec -w /tmp --env-file "$BATS_TEST_TMPDIR/env" web sh -c 'echo "$TOKEN $PWD $HOME"'
  [ "$output" = "$secret /tmp /root" ]
  run -0 td exec --privileged -e A=b web sh -c 'grep CapEff /proc/self/status'
  local with=$output
  run -0 td exec --privileged web sh -c 'grep CapEff /proc/self/status'
  [ "$output" = "$with" ]
  [ -s "$seen" ]
  grep -q '^exec$' "$seen"
  run -1 grep 'wörd' "$seen"
  td update --restart on-failure:08 web
  [ "$(grep restart_most "$TOYDOCK_ROOT"/containers/*/settings)" = restart_most=8 ]
  run -0 td stop -t 08 web
}

@test "run: more of docker's habits: --platform of an image that is here, the usual options of logs, .5 cores, ranges" {
  # no registry listens now
  run -0 td run --rm --platform linux/amd64 "$IMAGE" echo here
  [ "$output" = here ]
  run -125 td run --rm --platform linux/s390x "$IMAGE" true
  run -125 td run --rm --platform linux/amd "$IMAGE" true
  printf 'nameserver 192.0.2.53\nsearch old\n' >"$BATS_TEST_TMPDIR/resolv.conf"
  mount --bind "$BATS_TEST_TMPDIR/resolv.conf" /etc/resolv.conf
  run td run -d --name web --cidfile "$BATS_TEST_TMPDIR/cid" -h '' --cpus .5 -m 64m --memory-swap 0 --log-driver json-file --log-opt max-size=10m --log-opt max-file=3 --dns-search lan.example --dns-search b \
    --expose 8000-8002 --expose 53/udp -P "$IMAGE" sh -c 'hostname; cat /etc/resolv.conf; exec sleep 1000'
  umount /etc/resolv.conf
  [ "$status" -eq 0 ]
  said() { [ "$(td logs web)" = "${output:0:12}"$'\nnameserver 192.0.2.53\nsearch lan.example b' ]; }
  wait_for 5 said
  [ "$(td logs --tail -1 web)" = "$(td logs web)" ]
  [ "$(td inspect -f '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}' web)" = '500000000 67108864' ]
  run -0 td port web
  [ "$(grep -cE '^(800[012]/tcp|53/udp) -> ' <<<"$output")" -ge 4 ]
  run -0 td port web 8001/tcp
  [ "$(td inspect -f '{{(index (index .NetworkSettings.Ports "8001/tcp") 0).HostPort}}' web)" = "${lines[0]##*:}" ]
  run -125 td run --rm --log-driver syslog "$IMAGE" true
  run -125 td run --rm --dns-search 'a b' "$IMAGE" true
  # a second name goes, the image stays
  td tag "$IMAGE" second:1
  run -0 td rmi second:1
  run -1 td rmi "$IMAGE"
  [[ $output == *'used by the container web'* ]]
  run -0 td stop --timeout 0 web
  run -1 td container prune </dev/null
  run -0 td container prune -f
  [ "$output" = "$(cat "$BATS_TEST_TMPDIR/cid")" ]
  run -1 td image prune -f
  [[ $output == *'toyimg prune'* ]]
}
