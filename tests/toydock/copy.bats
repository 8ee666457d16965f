# SPDX-License-Identifier: Apache-2.0
# toydock cp: into and out of containers that run and that do not, and links that want to lead out.
load toydock

@test "cp: out of a running and a stopped container: files, directories, new names, standard output" {
  td run -d --name box -v data:/data "$IMAGE" sh -c 'mkdir -p /tree/deep; echo one >/tree/one; echo two >/tree/deep/two; ln -s one /tree/link; echo volume >/data/file; touch /ready; sleep 1000'
  wait_for 5 td exec box test -e /ready
  cd "$BATS_TEST_TMPDIR"
  td cp box:/tree/one .
  [ "$(cat one)" = one ]
  td cp box:/tree/one renamed
  [ "$(cat renamed)" = one ]
  td cp box:/tree copied
  [ "$(cat copied/deep/two)" = two ]
  [ "$(readlink copied/link)" = one ]
  mkdir there
  td cp box:/tree there
  [ "$(cat there/tree/one)" = one ]
  td cp box:/tree/. there
  [ "$(cat there/one)" = one ]
  td cp box:/data/file volume
  [ "$(cat volume)" = volume ]
  td cp box:/tree - | tar -tf - | grep -x deep/two
  td stop -t 0 box
  td cp box:/tree/one stopped
  [ "$(cat stopped)" = one ]
  td cp box:/data/file stopped-volume
  [ "$(cat stopped-volume)" = volume ]
  run ! td cp box:/nothing .
  expect 'has no /nothing'
  run ! td cp box:/a other:/b
  [ "$("$TOYRUN" list -q | grep -c "$(td inspect -f '{{.Id}}' box)")" = 0 ]
}

@test "cp: into a running and a stopped container" {
  td run -d --name box "$IMAGE" sleep 1000
  cd "$BATS_TEST_TMPDIR"
  mkdir -p tree/deep
  echo one >tree/one
  echo two >tree/deep/two
  td cp tree/one box:/tmp
  td cp tree/one box:/tmp/renamed
  td cp tree box:/new
  td cp tree box:/tmp
  tar -cf - -C tree . | td cp - box:/root
  run -0 td exec box cat /tmp/one /tmp/renamed /new/deep/two /tmp/tree/one /root/one
  [ "${lines[*]}" = 'one one two one one' ]
  run ! td cp tree/one box:/no/such/directory
  td stop -t 0 box
  echo stopped >three
  td cp three box:/three
  td start box
  run -0 td exec box cat /three
  [ "$output" = stopped ]
}

@test "cp: a name that hides a file in a layer is a name" {
  td run -d --name box -v data:/v "$IMAGE" sh -c 'echo kept >/v/file; touch /ready; exec sleep 1000'
  wait_for 10 td exec box test -e /ready
  cd "$BATS_TEST_TMPDIR"
  mkdir -p tree/v
  echo x >tree/.wh.etc
  echo x >tree/v/.wh..wh..opq
  echo x >tree/v/.wh.file
  tar -C tree -cf - . | td cp - box:/
  run -0 td exec box cat /v/file /etc/layer /.wh.etc /v/.wh..wh..opq
  [ "${lines[*]}" = 'kept second x x' ]
  td cp tree/.wh.etc box:/tmp
  td cp box:/tmp/.wh.etc out
  [ "$(cat out)" = x ]
}

@test "cp: what an earlier copy left is no way out for the next one" {
  mkdir -p "$BATS_TEST_TMPDIR/etc" "$BATS_TEST_TMPDIR/backup"
  echo original >"$BATS_TEST_TMPDIR/etc/passwd"
  td run -d --name box "$IMAGE" sleep 1000
  td exec box ln -s "$BATS_TEST_TMPDIR/etc" /data
  td cp box:/data "$BATS_TEST_TMPDIR/backup"
  td exec box sh -c 'rm /data; mkdir /data; echo changed >/data/passwd'
  run ! td cp box:/data "$BATS_TEST_TMPDIR/backup"
  expect 'is a symbolic link, which a directory of a container does not follow'
  [ "$(cat "$BATS_TEST_TMPDIR/etc/passwd")" = original ]
}

@test "cp, export and new volumes need no program in the image, no user and no working directory of the container" {
  td create --name dummy -w /not/there -u 12345 -m 6m "$IMAGE" dummy
  cd "$BATS_TEST_TMPDIR"
  td cp dummy:/etc/layer .
  [ "$(cat layer)" = second ]
  td cp layer dummy:/tmp/in
  td cp dummy:/tmp/in - | tar -xO | grep -x second
  td export dummy | tar -t | grep -x etc/layer
  td rm dummy
  run -127 td run --name failed -v "new:/etc" "$IMAGE" nosuch
  td cp failed:/etc/layer again
  [ "$(cat again)" = second ]
  run -126 td run --rm -v "other:/etc" "$IMAGE" /etc
}

@test "cp: another cp waits for it; a program that start -a runs holds up nobody" {
  local copy start other
  td network create "copies$$" # networks outlive a machine
  td create --name box "$IMAGE" sleep 1000
  mkfifo "$BATS_TEST_TMPDIR/pipe"
  td export box >"$BATS_TEST_TMPDIR/pipe" & # writes until somebody reads
  copy=$!
  exec {pipe}<"$BATS_TEST_TMPDIR/pipe"
  head -c 1024 <&$pipe >/dev/null # it has the root by now
  td cp box:/etc/layer "$BATS_TEST_TMPDIR/layer" {pipe}<&- &
  other=$!
  wait_for 10 pgrep -xf 'flock -w 60 8'
  cat <&$pipe >/dev/null
  wait $copy
  wait $other
  [ "$(cat "$BATS_TEST_TMPDIR/layer")" = second ]
  td start -a box {pipe}<&- >/dev/null &
  start=$!
  wait_for 10 status_is box running
  td network connect "copies$$" box
  td rm -f box
  wait $start || true
  td network rm "copies$$"
}

@test "cp: no link of a container leads to a file of the host" {
  echo secret >"$BATS_TEST_TMPDIR/secret"
  mkdir "$BATS_TEST_TMPDIR/target"
  td run -d --name evil "$IMAGE" sh -c "ln -s $BATS_TEST_TMPDIR /out; ln -s $BATS_TEST_TMPDIR/secret /secret; ln -s /proc/1/root/../../.. /up; touch /ready; sleep 1000"
  wait_for 5 td exec evil test -e /ready
  cd "$BATS_TEST_TMPDIR/target"
  run ! td cp evil:/out/secret got
  td cp evil:/secret link # the link itself
  [ -L link ]
  echo data >file
  td cp file evil:/out/planted || true
  td cp file evil:/up/planted || true
  [ ! -e "$BATS_TEST_TMPDIR/planted" ]
  [ ! -e /planted ]
}

@test "diff, commit, export, import, history" {
  export TOYIMG_STORE=$BATS_TEST_TMPDIR/store
  cp -a "$BATS_FILE_TMPDIR/store" "$TOYIMG_STORE"
  td run --name box "$IMAGE" sh -c 'echo new >/new; echo more >>/etc/layer; rm /bin/vi; mkdir /made; echo x >/made/file'
  run -0 td diff box
  expect '^A /new$'
  expect '^C /etc/layer$'
  expect '^D /bin/vi$'
  expect '^A /made/file$'
  expect_not '/etc/hosts|/proc'
  td commit -c 'CMD ["cat", "/new"]' -c 'HEALTHCHECK CMD true' -m 'with a file' -a 'Ada Lovelace' box localhost/changed:1
  run -0 td inspect -f '{{.Author}} {{join .Config.Healthcheck.Test " "}}' localhost/changed:1
  [ "$output" = 'Ada Lovelace CMD-SHELL true' ]
  run -0 td history --format json localhost/changed:1
  expect 'with a file'
  run -0 td run --rm localhost/changed:1
  [ "$output" = new ]
  run -0 td run --rm localhost/changed:1 sh -c 'cat /etc/layer; ls /bin/vi || echo gone'
  expect '^more$'
  expect '^gone$'
  run -0 td history localhost/changed:1
  expect 'toyimg commit'
  td export -o "$BATS_TEST_TMPDIR/files.tar" box
  tar -tf "$BATS_TEST_TMPDIR/files.tar" | grep -x 'made/file'
  td import -c 'CMD ["cat", "/made/file"]' "$BATS_TEST_TMPDIR/files.tar" localhost/imported:1
  run -0 td run --rm localhost/imported:1
  [ "$output" = x ]
}
