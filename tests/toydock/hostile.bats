# SPDX-License-Identifier: Apache-2.0
# toydock: what a careless or hostile user, image or program can bring it to: clear words, nothing left, nothing lost.
load toydock

nothing_is_left() { [ -z "$(ls -A "$TOYDOCK_ROOT/containers")" ] && [ -z "$(ls -A "$TOYDOCK_ROOT/names")" ] && [ -z "$(td volume ls -q)" ]; }

@test "options: every edge of a command line ends in a sentence of toydock's, and leaves nothing" {
  local long words
  long=$(printf 'a%.0s' {1..300})
  refused() { # refused WORDS OPTION...
    run -125 td run --rm "${@:2}"
    expect "^toydock: .*$1"
    expect_not 'line [0-9]+:|subscript|syntax error'
  }
  for words in --= --=x --@ --@=x '--*' '--[0]' -@ '-[' --no-such -Q; do refused 'unknown option' "$words" "$IMAGE" true; done
  refused 'has 300 letters' --name "$long" "$IMAGE" true
  refused 'has 300 letters' -v "$long:/data" "$IMAGE" true
  refused 'true or false' -i=perhaps "$IMAGE" true
  refused '--env needs a value' -e
  refused 'a variable needs a name' -e '' "$IMAGE" true
  refused 'a variable needs a name' -e =x "$IMAGE" true
  refused 'a label needs a name' -l =x "$IMAGE" true
  refused "-p '' is not understood" -p '' "$IMAGE" true
  refused "-p ';' is not understood|-p '' is not understood" -p ';' "$IMAGE" true
  refused 'a place in the container' -v '' "$IMAGE" true
  refused 'a place in the container' --tmpfs '' "$IMAGE" true
  refused 'a mount cannot take the place of /' -v "$BATS_TEST_TMPDIR:/" "$IMAGE" true
  refused 'a mount cannot take the place of /' -v /anonymous -v "$BATS_TEST_TMPDIR:/x/../." "$IMAGE" true
  refused 'two mounts at /x' -v "$BATS_TEST_TMPDIR:/x" -v "$BATS_TEST_TMPDIR:/y/../x/" "$IMAGE" true
  refused 'a line break' -v "$BATS_TEST_TMPDIR"$'\n:/x' "$IMAGE" true
  refused 'a line break' --mount $'type=bind,source=/,target=/x\n/y' "$IMAGE" true
  refused 'a line break' -p $'8080:80\n81:81' "$IMAGE" true
  refused '--hostname' -h $'a\n10.0.0.1 evil' "$IMAGE" true
  refused '--add-host' --add-host $'a:10.0.0.1\n10.0.0.2 b' "$IMAGE" true
  refused '--dns' --dns $'1.1.1.1\noptions x' "$IMAGE" true
  refused '--network' --network '*' "$IMAGE" true
  refused '--network-alias' --network-alias 'a b' "$IMAGE" true
  refused 'stop signal' --stop-signal '--all' "$IMAGE" true
  refused '1.5: this is not a whole number' --stop-timeout 1.5 "$IMAGE" true
  refused 'not NAME=VALUE' --sysctl net.core.somaxconn "$IMAGE" true
  refused 'nofile=--' --ulimit nofile=-- "$IMAGE" true
  refused 'only on-failure counts' --restart always:3 "$IMAGE" true
  refused 'max-size' --log-opt max-size=99999999999999999999g "$IMAGE" true
  refused 'no name of an image' -- --rm
  nothing_is_left
  run -0 td run --rm -i=false -t=0 --name= --log-opt max-size=08m "$IMAGE" echo fine
  [ "$output" = fine ]
  # a semicolon in a path is one
  mkdir "$BATS_TEST_TMPDIR/a;b"
  echo kept >"$BATS_TEST_TMPDIR/a;b/file"
  run -0 td run --rm -v "$BATS_TEST_TMPDIR/a;b:/data" "$IMAGE" cat /data/file
  [ "$output" = kept ]
}

@test "env files: as docker reads them, for run and exec" {
  printf '\xef\xbb\xbfA=1\r\n  B="q"  \r\n#c\n   # d\n\nC=x#y=z\nNOTHERE\nD=no end of line' >"$BATS_TEST_TMPDIR/env"
  td run -d --name box --env-file "$BATS_TEST_TMPDIR/env" "$IMAGE" sleep 1000
  local command
  for command in 'exec box env' "exec --env-file $BATS_TEST_TMPDIR/env box env"; do
    # shellcheck disable=SC2086
    run -0 td $command
    expect '^A=1$'
    expect '^B="q"  $'
    expect '^C=x#y=z$'
    expect '^D=no end of line$'
    expect_not 'NOTHERE|c$'
  done
  td rm -f box
  printf 'GOOD=1\nA B=1\n' >"$BATS_TEST_TMPDIR/env"
  run -125 td run --rm --env-file "$BATS_TEST_TMPDIR/env" "$IMAGE" true
  expect 'env, line 2: A B is no name'
  run -125 td run --rm --env-file "$BATS_TEST_TMPDIR" "$IMAGE" true
  expect 'cannot read'
  nothing_is_left
}

@test "--cidfile: opened before anything is made, and taken back when nothing comes of it" {
  run -125 td run --rm --cidfile /no/such/directory/id "$IMAGE" true
  expect 'cannot be made'
  echo precious >"$BATS_TEST_TMPDIR/there"
  ln -s nowhere "$BATS_TEST_TMPDIR/link"
  for file in there link; do
    run -125 td run --rm --cidfile "$BATS_TEST_TMPDIR/$file" "$IMAGE" true
    expect 'is there already'
  done
  [ "$(cat "$BATS_TEST_TMPDIR/there")" = precious ]
  run -125 td run --rm --cidfile "$BATS_TEST_TMPDIR/id" --pull never no-such-image true
  [ ! -e "$BATS_TEST_TMPDIR/id" ]
  run -125 td create --cidfile "$BATS_TEST_TMPDIR/id" -m 1q "$IMAGE" true
  [ ! -e "$BATS_TEST_TMPDIR/id" ]
  nothing_is_left
  run -0 td run -d --rm --cidfile "$BATS_TEST_TMPDIR/id" "$IMAGE" sleep 1000
  [ "$output" = "$(cat "$BATS_TEST_TMPDIR/id")" ]
  # the monitor does not hold it open
  [ -z "$(find "/proc/$(cat "$TOYDOCK_ROOT/containers/$output/conmon-pid")/fd" -lname "$BATS_TEST_TMPDIR/id")" ]
  td rm -f "$output"
}

@test "TOYDOCK_ROOT: a slash too many, a link and a relative path are the same place" {
  local spelling
  ln -s "$BATS_TEST_TMPDIR/root" "$BATS_TEST_TMPDIR/link"
  cd "$BATS_TEST_TMPDIR"
  for spelling in "$BATS_TEST_TMPDIR/root//" "$BATS_TEST_TMPDIR/./link/" ./root link "$BATS_TEST_TMPDIR/link"; do
    TOYDOCK_ROOT=$spelling td run -d --name one -v kept:/data "$IMAGE" sh -c 'echo kept >/data/file; exec sleep 1000'
    run ! td volume rm kept
    expect 'used by the container one'
    TOYDOCK_ROOT=$spelling run -0 td volume prune -f -a
    [ -z "$output" ]
    [ "$(TOYDOCK_ROOT=$spelling td volume inspect --format '{{.Mountpoint}}' kept)" = "$BATS_TEST_TMPDIR/root/volumes/kept/_data" ]
    status_is one running
    td kill one # its end is noted, wherever conmon stands
    status_is one exited
    td rm one
    td volume rm kept
  done
  run -1 env TOYDOCK_ROOT=/ "$REPO/scripts/toydock" ps
  expect 'no place for the state'
}

@test "volumes: a prune beside a run takes no volume that the run has taken" {
  local round
  td create --name first "$IMAGE" true
  # held: somebody takes volumes at this moment
  exec {held}>>"$TOYDOCK_ROOT/volumes-lock"
  flock -s "$held"
  td volume create taken
  td volume prune -f -a >"$BATS_TEST_TMPDIR/pruned" {held}>&- &
  wait_for 10 pgrep -xf 'flock -x [0-9]+'
  [ -d "$TOYDOCK_ROOT/volumes/taken/_data" ]
  td create --name user -v taken:/data "$IMAGE" true
  exec {held}>&-
  wait $!
  [ ! -s "$BATS_TEST_TMPDIR/pruned" ]
  [ -d "$TOYDOCK_ROOT/volumes/taken/_data" ]
  # and in the wild
  for ((round = 0; round < ${TOYDOCK_PRUNE_ROUNDS:-5}; round++)); do
    td volume prune -f -a >/dev/null &
    td run --rm -v "round$round:/data" "$IMAGE" touch /data/file
    wait $!
  done
}

@test "names: one that a container has taken while its last holder is removed stays its own; one that leads nowhere goes to one of many" {
  local round makers
  mkdir "$BATS_TEST_TMPDIR/bin"
  mkfifo "$BATS_TEST_TMPDIR/go"
  # the real rm, which takes its time for the files of a container
  cat >"$BATS_TEST_TMPDIR/bin/rm" <<EOF
#!/bin/bash
case "\$*" in *.removing-*) : >$BATS_TEST_TMPDIR/removing; read -r <$BATS_TEST_TMPDIR/go ;; esac
exec $(type -P rm) "\$@"
EOF
  chmod +x "$BATS_TEST_TMPDIR/bin/rm"
  td create --name slow "$IMAGE" true
  PATH=$BATS_TEST_TMPDIR/bin:$PATH td rm slow &
  wait_for 10 test -e "$BATS_TEST_TMPDIR/removing"
  td run -d --name slow "$IMAGE" sleep 1000
  echo >"$BATS_TEST_TMPDIR/go"
  wait $!
  run -0 td exec slow echo ok
  [ "$output" = ok ]
  for ((round = 0; round < ${TOYDOCK_NAME_ROUNDS:-4}; round++)); do
    ln -sT ../containers/deadbeef "$TOYDOCK_ROOT/names/dup$round"
    makers=()
    for _ in 1 2 3 4; do
      td create --name "dup$round" "$IMAGE" true >>"$BATS_TEST_TMPDIR/made$round" 2>/dev/null &
      makers+=($!)
    done
    for maker in "${makers[@]}"; do wait "$maker" || true; done
    [ "$(wc -l <"$BATS_TEST_TMPDIR/made$round")" = 1 ]
    status_is "dup$round" created
  done
}

@test "start and run -d: prune and rm beside them wait, and take nothing of a container that is being started" {
  mkfifo "$BATS_TEST_TMPDIR/go"
  cat >"$BATS_TEST_TMPDIR/toyrun" <<EOF
#!/bin/bash
case " \$* " in *' create '*) : >$BATS_TEST_TMPDIR/creating; read -r <$BATS_TEST_TMPDIR/go ;; esac
exec $TOYRUN "\$@"
EOF
  chmod +x "$BATS_TEST_TMPDIR/toyrun"
  local name round removal starting code
  begin_to() { # begin_to WORD...: in the background, held where toyrun is to create the container
    rm -f "$BATS_TEST_TMPDIR/creating"
    TOYRUN=$BATS_TEST_TMPDIR/toyrun td "$@" 2>"$BATS_TEST_TMPDIR/errors" &
    starting=$!
    wait_for 10 test -e "$BATS_TEST_TMPDIR/creating"
  }
  for name in run started; do
    if [ "$name" = run ]; then
      begin_to run -d --name run "$IMAGE" sleep 1000
    else
      td create --name started "$IMAGE" sleep 1000
      begin_to start started
    fi
    run -0 td system prune -f
    [ -z "$output" ]
    td rm "$name" 2>"$BATS_TEST_TMPDIR/refusal" &
    removal=$!
    wait_for 10 pgrep -xf 'flock -w 10 8'
    echo >"$BATS_TEST_TMPDIR/go"
    wait "$starting"
    code=0
    wait "$removal" || code=$?
    [ $code = 1 ]
    run -0 cat "$BATS_TEST_TMPDIR/refusal"
    expect "the container $name runs"
    [ ! -s "$BATS_TEST_TMPDIR/errors" ]
    status_is "$name" running
  done
  # in the wild
  for ((round = 0; round < ${TOYDOCK_PRUNE_ROUNDS:-3}; round++)); do
    td system prune -f >/dev/null &
    td run -d --name "wild$round" "$IMAGE" sleep 1000
    wait $!
    status_is "wild$round" running
  done
}

@test "a terminal: what an image or a container says about itself does not steer it" {
  local escape=$'\e[2J\e]0;title\a' second=$'\u009b2J'
  td create --name evil --label "words=$escape$second" --label "$escape=x" "$IMAGE" sh -c "echo $escape$second"
  local command
  for command in 'ps -a' 'ps -a --format json' "ps -a --format {{.Labels}}{{.Command}}" 'inspect evil' "inspect -f {{.Config.Labels}}{{.Args}}{{json|.Config.Labels}} evil" \
    "inspect -f {{range|\$k,|\$v|:=|.Config.Labels}}{{\$k}}{{\$v}}{{end}} evil" 'events --since 1h --until 0s'; do
    # | stands for a space, as words are split here
    mapfile -t words < <(tr ' ' '\n' <<<"$command" | tr '|' ' ')
    run -0 at_terminal "$REPO/scripts/toydock" "${words[@]}"
    expect_not $'\e\\[2J|\e\\]|\a|'"$second"
    [ -n "$output" ]
  done
  # a program gets what there is
  [ "$(td inspect -f '{{.Config.Labels.words}}' evil)" = "$escape$second" ]
  run ! td inspect "$escape"
  expect_not $'\e|\a'
  run -127 td run --rm "$IMAGE" "$escape"
  expect_not $'\e|\a'
}

@test "--format: a template that does not fit gets one sentence" {
  td create --name box --label a=b "$IMAGE" sleep 7
  wrong() { # wrong SENTENCE TEMPLATE
    run -1 td inspect -f "$2" box
    expect "^toydock: --format: .*$1"
    expect_not 'jq|compile'
  }
  wrong 'join .Name' '{{join .Name ","}}'
  wrong 'range .Name.*no list' '{{range .Name}}{{.}}{{end}}'
  wrong 'len .State.Running' '{{len .State.Running}}'
  wrong 'nothing is called \$x' '{{$x}}'
  wrong 'nothing is called \$k' '{{range $k, $v := .Config.Labels}}{{end}}{{$k}}'
  wrong 'without its \{\{if' '{{else}}'
  wrong 'without its \{\{if' '{{range .Args}}{{else}}{{end}}'
  wrong 'end\}\} too many' '{{end}}'
  wrong 'is missing' '{{if .Name}}'
  wrong 'without its \}\}' '{{.Name'
  wrong 'not understood' '{{evil "$(id)"}}'
  run -1 td ps -a --filter name='['
  expect 'no regular expression'
  run -1 td ps --last many
  expect 'a number, please'
  run -1 td events --filter nonsense=1 --until 0s
  expect 'is not known'
  run -0 td inspect -f '{{if eq .State.Status "running"}}up{{else if eq .State.Status "created"}}made{{else}}down{{end}} {{range $if, $end := .Config.Labels}}{{$if}}={{$end}}{{end}} {{ne .Name "x"}} {{not .Name}} {{index .Config.Labels "none"}}.' box
  [ "$output" = 'made a=b true false .' ]
  [ "$(td ps -a --format '{{.Names}} {{.Label "a"}}{{.Label "b"}}')" = 'box b' ]
  [ "$(td ps -aq --filter name=none --filter name=box --filter network=default | wc -l)" = 1 ]
  [ -z "$(td ps -aq --filter label=a=b --filter label=c)" ]
}
