# SPDX-License-Identifier: Apache-2.0
# A pull that was interrupted fetches only what is missing, whatever it was that interrupted it. TOY_BIG_LAYER: its size in MiB (1024: with BATS_TEST_TIMEOUT=1800).
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  SERVER_LOG=$BATS_TEST_TMPDIR/server
}
teardown() {
  [ -z "${SERVER:-}" ] || { kill -9 "$SERVER" && wait "$SERVER"; } 2>/dev/null || true
  end_test
}

serve() { # serve CASE: sets REGISTRY
  rm -f "$SERVER_LOG" # of an earlier one, whose port would be found
  python3 "$SYSTEM/hostile.py" "$1" >"$SERVER_LOG" 2>&1 3>&- &
  SERVER=$!
  wait_for 300 contains '^port' "$SERVER_LOG" # a gigabyte takes its time to be made
  REGISTRY=127.0.0.1:$(sed -n 's/^port //p' "$SERVER_LOG")
}
sent() { awk '/^sent/ && n++ {sum += $2} END {printf "%d", sum}' "$SERVER_LOG"; } # bytes after the first answer
part() { find "$BATS_TEST_TMPDIR/store/partial" -type f; }
store_size() { find "$BATS_TEST_TMPDIR/store/blobs" -type f -printf '%s\n' | sort -n | tail -1; }

# interrupted SIGNAL: begins a pull, and ends it when nine tenths have arrived.
interrupted() {
  python3 - "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/image:latest" "${@:2}" >"$OUT" 2>&1 3>&- <<'PY' &
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
PY
  local pid=$! size last=0
  wait_for 60 contains '^sent' "$SERVER_LOG"
  # what has been sent may still be on its way: until the part grows no more
  while size=$(stat -c %s "$(part)"); [ "$size" -eq 0 ] || [ "$size" -ne "$last" ]; do
    last=$size
    sleep 0.1
  done
  kill "-$1" "$pid"
  wait "$pid" || true
}

only_the_rest_came() {
  local rest
  rest=$(sent)
  echo "the second pull fetched $rest of $(store_size) bytes"
  [ "$rest" -gt 0 ]
  [ "$rest" -le $(($(store_size) / 10 + (512 << 10))) ]
}

@test "killed, interrupted or terminated at nine tenths: the next pull fetches the rest" {
  local signal
  for signal in KILL INT TERM; do
    rm -rf "$BATS_TEST_TMPDIR/store" "$BUNDLE"
    serve stalls
    interrupted "$signal" -o "$BUNDLE"
    [ ! -e "$BUNDLE" ]
    run -0 pull "$REGISTRY/image:latest" -o "$BUNDLE"
    only_the_rest_came
    store_is_sound
    [ -z "$(part)" ]
    [ "$(cat "$ROOTFS/etc/fine")" = fine ]
    [ -s "$ROOTFS/big" ]
    kill -9 "$SERVER"
    wait "$SERVER" || true
  done
}

@test "a part that is damaged is fetched anew, once" {
  serve stalls
  interrupted KILL
  printf x | dd of="$(part)" bs=1 seek=100000 conv=notrunc status=none
  run -0 toyimg pull --progress plain "$REGISTRY/image:latest" -o "$BUNDLE"
  expect 'warning: .*damaged.*fetching it anew'
  [ "$(grep -c '^sent' "$SERVER_LOG")" -eq 3 ]
  store_is_sound
  [ "$(cat "$ROOTFS/etc/fine")" = fine ]
}

@test "a part that is complete needs no request, one that is too long is dropped" {
  serve stalls
  interrupted KILL
  run -0 pull "$REGISTRY/image:latest"
  local blob name
  blob=$(find "$BATS_TEST_TMPDIR/store/blobs" -type f -size +1M)
  name=${blob##*/}
  mv "$blob" "$BATS_TEST_TMPDIR/store/partial/sha256-$name"
  run -0 pull "$REGISTRY/image:latest"
  [ "$(grep -c '^sent' "$SERVER_LOG")" -eq 2 ]
  mv "$blob" "$BATS_TEST_TMPDIR/store/partial/sha256-$name"
  echo more >>"$BATS_TEST_TMPDIR/store/partial/sha256-$name"
  run -0 pull "$REGISTRY/image:latest"
  [ "$(grep -c '^sent' "$SERVER_LOG")" -eq 3 ]
  store_is_sound
}

@test "a server without ranges sends all of it again" {
  serve no-ranges
  interrupted KILL
  run -0 pull "$REGISTRY/image:latest" -o "$BUNDLE"
  store_is_sound
  [ "$(cat "$ROOTFS/etc/fine")" = fine ]
}

@test "a connection that breaks again and again: each answer goes on where the last one ended" {
  serve flaky
  run -0 pull "$REGISTRY/image:latest" -o "$BUNDLE"
  [ "$(grep -c '^sent' "$SERVER_LOG")" -ge 4 ]
  [ "$(awk '/^sent/ {sum += $2} END {printf "%d", sum}' "$SERVER_LOG")" -eq "$(store_size)" ]
  store_is_sound
}

@test "a server that refuses the missing part, or sends another one, is asked for all of it" {
  local one
  for one in wrong-range other-size range-416; do
    rm -rf "$BATS_TEST_TMPDIR/store"
    serve "$one"
    interrupted KILL
    run -0 timeout 60 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/image:latest" </dev/null
    store_is_sound
    [ -z "$(part)" ]
    kill -9 "$SERVER"
    wait "$SERVER" || true
  done
}

@test "the memory of a resumed pull does not grow with the layer" {
  serve stalls
  interrupted KILL
  run -0 python3 - "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" pull --quiet "$REGISTRY/image:latest" -o "$BUNDLE" <<'PY'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PY
  local peak
  peak=$(sed -n 's/^peak //p' <<<"$output")
  echo "peak memory: $peak KiB"
  [ "$peak" -le $((64 * 1024)) ]
}
