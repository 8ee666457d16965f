# SPDX-License-Identifier: Apache-2.0
# The command line as engines and scripts write it: dashes, equal signs, repeats, and the options of runc and crun that
# change where things are.
load support

@test "single dashes, equal signs and repeated global options" {
  not_on crun 'takes no single dash'
  sleeper
  "$RUNTIME" -root /nowhere --root="$STATE" -log-format=json --log-format text --debug=false create -bundle="$BUNDLE" \
    --pid-file "$BATS_TEST_TMPDIR/pid" -no-pivot=false "$ID" </dev/null >"$OUT" 2>&1 3>&-
  [ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$(pid_of)" ]
  run -0 rt kill "$ID" -- 9
  wait_for 5 has_status stopped
  run -0 rt delete -force=true "$ID"
}

@test "--config takes another file, seen from the current directory" {
  [ "$(runtime_name)" != runc ] || skip "crun's option"
  make_bundle
  command_is echo from elsewhere
  mkdir "$BATS_TEST_TMPDIR/other"
  mv "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/other/my.json"
  cd "$BATS_TEST_TMPDIR/other"
  run -0 rt run --bundle "$BUNDLE" --config my.json "$ID" </dev/null
  [ "$output" = 'from elsewhere' ]
  run -0 rt run -b "$BUNDLE" -f "$BATS_TEST_TMPDIR/other/my.json" "$ID" </dev/null
  run -1 rt run --bundle "$BUNDLE" --config config.json "$ID" </dev/null
  expect 'config.json'
  echo '{"ociVersion": 1}' >bad.json
  run -1 rt create --bundle "$BUNDLE" --config bad.json "$ID" </dev/null
  is_toyrun || return 0
  expect 'bad.json: /ociVersion'
  run -1 rt create --bundle "$BUNDLE" --config nosuch.json "$ID" </dev/null
  expect 'nosuch.json.*No such file'
}

@test "spec --file" {
  [ "$(runtime_name)" != runc ] || skip "crun's option"
  mkdir "$BATS_TEST_TMPDIR/bundle2"
  run -0 "$RUNTIME" spec --bundle "$BATS_TEST_TMPDIR/bundle2" --file here.json
  jq -e '.process.args == ["sh"]' "$BATS_TEST_TMPDIR/bundle2/here.json"
  [ ! -e "$BATS_TEST_TMPDIR/bundle2/config.json" ]
}

@test "--cgroup-manager disabled makes no cgroup" {
  [ "$(runtime_name)" != runc ] || skip "crun's option"
  sleeper
  edit 'del(.linux.resources)'
  "$RUNTIME" --root "$STATE" --cgroup-manager disabled create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  rt start "$ID"
  [ -z "$(cgroup_directories)" ]
  [ "$(cat "/proc/$(pid_of)/cgroup")" = "$(cat /proc/self/cgroup)" ]
  run -0 rt exec "$ID" echo inside
  [ "$output" = inside ]
  is_toyrun || return 0
  run -1 rt pause "$ID"
  expect 'no freezer cgroup'
  run -1 rt kill --all "$ID" TERM
  expect 'without a cgroup'
  run -0 rt kill --all "$ID" KILL
  wait_for 5 has_status stopped
  run -0 rt delete "$ID"
}

@test "--cgroup-manager disabled: the container sees no cgroup, and a limit is an error" {
  only_toyrun 'crun leaves limits out'
  make_bundle
  edit '.mounts |= map(select(.destination != "/sys/fs/cgroup"))
    + [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}]'
  command_is ls /sys/fs/cgroup
  run -0 "$RUNTIME" --root "$STATE" --cgroup-manager disabled run --bundle "$BUNDLE" "$ID" </dev/null 3>&-
  [ -z "$output" ]
  run -0 "$RUNTIME" --cgroup-manager disabled create --explain --bundle "$BUNDLE" "$ID"
  expect 'make no cgroup'
  edit '.linux.resources.pids.limit = 5'
  run -1 "$RUNTIME" --root "$STATE" --cgroup-manager disabled run --bundle "$BUNDLE" "$ID" </dev/null 3>&-
  expect '/linux/resources/pids: cgroups are disabled'
}

@test "a cgroup manager that is none" {
  not_on crun 'does not name it'
  [ "$(runtime_name)" != runc ] || skip "crun's option"
  run -1 "$RUNTIME" --cgroup-manager nobody list
  expect 'nobody'
}

@test "kill --regex and delete --regex" {
  [ "$(runtime_name)" != runc ] || skip "crun's option"
  sleeper
  local id
  for id in "$ID-a1" "$ID-a2" "$ID-b"; do
    edit '.linux.cgroupsPath = $path' --arg path "$CGROUP/$id"
    running "$id"
  done
  run -0 rt kill --regex "^$ID-a[0-9]\$" KILL
  wait_for 5 has_status stopped "$ID-a1"
  wait_for 5 has_status stopped "$ID-a2"
  [ "$(status_of "$ID-b")" = running ]
  run -0 rt delete --regex "$ID-a"
  [ "$(rt list -q)" = "$ID-b" ]
  run -0 rt delete --regex nobody
  run rt delete --regex '('
  [ "$status" -ne 0 ]
  if is_toyrun; then
    expect 'no regular expression'
    run -1 rt delete --regex .
    expect "1 of 1 .*$ID-b: cannot delete container $ID-b that is not stopped: running"
  fi
  run -0 rt delete --regex --force .
  [ -z "$(rt list -q)" ]
}

# in_cgroup CONTROLLER DIRECTORY: makes one below the container's, as a program in it would.
in_cgroup() { mkdir "$(cgroup_file "$1" "$2")"; }

@test "exec --cgroup joins a cgroup below the container's" {
  not_on crun 'v2 only'
  sleeper
  # in a cgroup namespace the container's own is "/"
  edit '.linux.namespaces |= map(select(.type != "cgroup"))'
  running
  local controller
  for controller in unified $(cut -d: -f2 /proc/self/cgroup); do
    controller=${controller#name=}
    [ ! -d "/sys/fs/cgroup/$controller$CGROUP" ] || in_cgroup "$controller" sub
  done
  [ ! -d "/sys/fs/cgroup$CGROUP" ] || mkdir "/sys/fs/cgroup$CGROUP/sub"
  if [ -d "/sys/fs/cgroup/cpuset$CGROUP/sub" ]; then
    cat "/sys/fs/cgroup/cpuset$CGROUP/cpuset.cpus" >"/sys/fs/cgroup/cpuset$CGROUP/sub/cpuset.cpus"
    cat "/sys/fs/cgroup/cpuset$CGROUP/cpuset.mems" >"/sys/fs/cgroup/cpuset$CGROUP/sub/cpuset.mems"
  fi
  run -0 rt exec --cgroup sub "$ID" cat /proc/self/cgroup
  [ "$(grep -c "$CGROUP/sub\$" <<<"$output")" -ge 1 ]
  [ "$(grep -c "$CGROUP\$" <<<"$output")" -eq 0 ] || { echo "$output"; false; }
  run -0 rt exec --cgroup / "$ID" cat /proc/self/cgroup
  [ "$(grep -c "$CGROUP\$" <<<"$output")" -ge 1 ]
  expect_not "$CGROUP/sub"
}

@test "exec --cgroup CONTROLLER:PATH on cgroup v1" {
  not_on crun 'v2 only'
  [ -d /sys/fs/cgroup/memory ] && [ -d /sys/fs/cgroup/pids ] || skip "no v1 memory and pids controllers on this host"
  sleeper
  running
  in_cgroup memory sub
  in_cgroup pids other
  run -0 rt exec --cgroup memory:sub --cgroup pids:other "$ID" cat /proc/self/cgroup
  expect ":memory:$CGROUP/sub\$"
  expect ":pids:$CGROUP/other\$"
  expect ":freezer:$CGROUP\$"
}

@test "exec --cgroup leads nowhere else" {
  not_on crun 'v2 only'
  sleeper
  running
  run -255 rt exec --cgroup .. "$ID" true
  expect '\.\. is not a sub cgroup path'
  run -255 rt exec --cgroup ../../.. "$ID" true
  expect 'is not a sub cgroup path'
  run -255 rt exec --cgroup nosuch "$ID" true
  expect '[Nn]o such file or directory'
  run -255 rt exec --cgroup whaaat:/ "$ID" true
  expect 'unknown controller '
  run -255 rt exec --cgroup a --cgroup b "$ID" true
  expect 'invalid --cgroup argument'
  run -255 rt exec --cgroup a:b:c "$ID" true
  expect 'invalid --cgroup argument'
  is_toyrun || return 0
  # runc 1.1.5 compares prefixes
  mkdir -p "$(cgroup_file "$([ -d /sys/fs/cgroup/pids ] && echo pids || echo unified)" "../$ID-next")"
  run -255 rt exec --cgroup "../$ID-next" "$ID" true
  expect 'is not a sub cgroup path'
}

@test "--pidfd-socket gets a pidfd of the first process, of an exec'ed one, too" {
  only_toyrun 'newer than the packaged runc'
  sleeper
  python3 "$SYSTEM/pidfd.py" "$BATS_TEST_TMPDIR/first" >"$BATS_TEST_TMPDIR/first.pid" 3>&- &
  wait_for 5 test -S "$BATS_TEST_TMPDIR/first"
  rt create --bundle "$BUNDLE" --pidfd-socket "$BATS_TEST_TMPDIR/first" "$ID" </dev/null >"$OUT" 2>&1
  wait_for 5 test -s "$BATS_TEST_TMPDIR/first.pid"
  [ "$(cat "$BATS_TEST_TMPDIR/first.pid")" = "$(pid_of)" ]
  rt start "$ID"
  python3 "$SYSTEM/pidfd.py" "$BATS_TEST_TMPDIR/second" >"$BATS_TEST_TMPDIR/second.pid" 3>&- &
  wait_for 5 test -S "$BATS_TEST_TMPDIR/second"
  rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" --pidfd-socket "$BATS_TEST_TMPDIR/second" "$ID" sleep 100
  wait_for 5 test -s "$BATS_TEST_TMPDIR/second.pid"
  [ "$(cat "$BATS_TEST_TMPDIR/second.pid")" = "$(cat "$BATS_TEST_TMPDIR/pid")" ]
  leaves_nothing rt create --bundle "$BUNDLE" --pidfd-socket "$BATS_TEST_TMPDIR/nosuch" "$ID-2"
  failed
}

@test "exec --ignore-paused waits for resume" {
  not_on crun 'its own rules'
  sleeper
  running
  rt pause "$ID"
  run -255 rt exec "$ID" true
  expect 'cannot exec in a paused container \(use --ignore-paused to override\)'
  rt exec --ignore-paused "$ID" echo thawed >"$OUT" 2>&1 </dev/null &
  local pid=$!
  sleep 0.3
  [ ! -s "$OUT" ]
  rt resume "$ID"
  wait "$pid"
  [ "$(cat "$OUT")" = thawed ]
}

@test "update takes sizes with units" {
  not_on crun 'takes none'
  sleeper
  running
  local file
  if [ -d /sys/fs/cgroup/memory ]; then file=$(cgroup_file memory memory.limit_in_bytes); else file=$(cgroup_file unified memory.max); fi
  rt update --memory 64m "$ID"
  [ "$(cat "$file")" = 67108864 ]
  not_on crun 'plain letters only'
  rt update --memory 96MiB "$ID"
  [ "$(cat "$file")" = 100663296 ]
  run -1 rt update --memory 5x "$ID"
  run -1 rt update --memory 99999999999p "$ID"
}

@test "an exec into a container that ends says so" {
  only_toyrun 'the reference tells of a failed setns'
  make_bundle
  command_is sleep 1000
  local n said=0
  for n in 1 2 3 4 5 6 7 8; do
    running
    (sleep "0.00$n"; rt kill "$ID" KILL) 3>&- &
    local killer=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      run rt exec "$ID" true
      [ "$status" -ne 0 ] || continue
      # killed with the container it was in, or refused in words
      [ "$status" -eq 137 ] || expect 'cannot exec in a stopped container'
      said=1
      break
    done
    wait "$killer"
    rt delete --force "$ID"
  done
  [ "$said" = 1 ]
}

# known VERB OPTION...: each is taken, alone, before an id that is not there.
known() {
  local verb=$1 option
  shift
  for option; do
    # shellcheck disable=SC2086
    attempt rt "$verb" $option nobody "${AFTER[@]}"
    [ "$status" -ne 0 ] || { echo "$verb $option: succeeded"; return 1; }
    expect 'container does not exist|config.json|descriptor.json|descriptors.json|No such file' || { echo "for $verb $option"; return 1; }
  done
}

@test "every option of runc's verbs is known" {
  only_toyrun 'the packaged ones lack what is newer'
  cd "$BATS_TEST_TMPDIR"
  AFTER=()
  local new='--console-socket=/x --pidfd-socket=/x --pid-file=/x --no-pivot --no-new-keyring --preserve-fds=0 --bundle=/no/such/config.json -b=/no/such/config.json'
  local word
  for word in $new; do known create "$word"; done
  for word in $new -d --detach --keep --no-subreaper; do known run "$word"; done
  known kill -a --all
  known events '--interval 5s' --stats
  known ps '-f table' '-f json' '--format json'
  known update --blkio-weight=10 --cpu-period=1 --cpu-quota=1 --cpu-burst=1 --cpu-share=1 --cpu-rt-period=1 --cpu-rt-runtime=1 --cpuset-cpus=0 \
    --cpuset-mems=0 --cpu-idle=1 --memory=1 --memory-reservation=1 --memory-swap=1 --pids-limit=1 --l3-cache-schema=x --mem-bw-schema=x \
    --kernel-memory=1 --kernel-memory-tcp=1 '-r -' '--resources -'
  known checkpoint --image-path=x --work-path=x --parent-path=x --leave-running --tcp-established --tcp-skip-in-flight --link-remap --ext-unix-sk \
    --shell-job --lazy-pages --status-fd=9 --page-server=127.0.0.1:1 --file-locks --pre-dump --manage-cgroups-mode=soft --empty-ns=network --auto-dedup
  AFTER=(true)
  known exec --console-socket=/x --pidfd-socket=/x --cwd=/ --env=A=b '-e A=b' -t --tty --user=0 '-u 0:0' --additional-gids=1 '-g 1' -d --detach --pid-file=/x \
    --process-label=x --apparmor=x --no-new-privs --cap=CAP_KILL '-c CAP_KILL' --preserve-fds=0 --cgroup=/ --ignore-paused
  AFTER=()
  known exec --process=/x '-p /x'
  known restore --console-socket=/x --image-path=x --work-path=x --tcp-established --ext-unix-sk --shell-job --file-locks --manage-cgroups-mode=soft \
    --bundle=/no/such/config.json -d --detach --pid-file=/x --no-subreaper --no-pivot --empty-ns=network --auto-dedup --lazy-pages --lsm-profile=apparmor:x \
    --lsm-mount-context=x
  # these need no container
  run -0 rt list -f json
  run -0 rt list --format table --quiet
  run -0 rt delete -f nobody
  run -0 rt delete --force nobody
}

@test "--no-new-keyring leaves the caller's session keyring" {
  not_on crun 'its keyring has the name of the container alone'
  make_bundle
  edit '.linux.maskedPaths = []'
  command_is cat /proc/keys
  run -0 rt run --bundle "$BUNDLE" "$ID"
  expect "keyring +_ses.$ID"
  # a name of its own: the kernel takes its time to forget the first one
  run -0 rt run --no-new-keyring --bundle "$BUNDLE" "$ID-second"
  expect_not "_ses.$ID-second"
}
