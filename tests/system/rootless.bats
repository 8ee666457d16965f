# SPDX-License-Identifier: Apache-2.0
# As an ordinary user, who has one id and no subordinate ones.
load support

setup() {
  begin_test
  make_bundle
  HOME_OF_USER=$(mktemp -d /tmp/toytest-rootless.XXXXXX)
  install -m 755 "$(command -v "$RUNTIME")" "$HOME_OF_USER/runtime"
  mv "$ROOTFS" "$HOME_OF_USER/rootfs"
  chown -hR 65534:65534 "$HOME_OF_USER"
  as_user ./runtime spec --rootless
  edit_user '.process.terminal = false | .root.readonly = false'
}
teardown() {
  [ -z "${HOME_OF_USER:-}" ] || rm -rf "$HOME_OF_USER" /tmp/toyrun-65534 # else it was skipped
  end_test
}

as_user() {
  (cd "$HOME_OF_USER" && env -u XDG_RUNTIME_DIR setpriv --reuid=65534 --regid=65534 --clear-groups "$@" </dev/null)
}
edit_user() {
  jq "$1" "$HOME_OF_USER/config.json" >"$BATS_TEST_TMPDIR/config.json"
  install -o 65534 -g 65534 -m 644 "$BATS_TEST_TMPDIR/config.json" "$HOME_OF_USER/config.json"
}
inside_as_user() {
  edit_user ".process.args = [\"sh\", \"-c\", $(jq -Rn --arg code "$1" '$code')]"
  as_user ./runtime --root "$HOME_OF_USER/state" run one
}

@test "spec --rootless makes a config that runs with a single id" {
  not_on crun '1.8.1 tries newuidmap first, whose complaint is the first line'
  run -0 inside_as_user 'id -u; cat /proc/self/uid_map /proc/self/setgroups; touch /tmp/file; ls /sys | grep -c .'
  [ "${lines[0]}" = 0 ]
  expect '^ +0 +65534 +1$'
  expect '^deny$'
  [ "$(stat -c %u "$HOME_OF_USER/rootfs/tmp/file")" = 65534 ]
}

@test "CVE-2023-25809: without a cgroup namespace no cgroup of the host can be written" {
  edit_user '.linux.namespaces |= map(select(.type != "cgroup"))'
  run -0 inside_as_user 'find /sys/fs/cgroup -name cgroup.procs | head -40 | while read -r file; do echo 0 2>/dev/null >"$file" && echo "wrote $file"; done; echo looked'
  expect looked
  expect_not wrote
}

@test "exec, list, kill and delete without XDG_RUNTIME_DIR" {
  only_toyrun 'its place of records'
  edit_user '.process.args = ["sleep", "1000"]'
  as_user ./runtime run -d one
  [ "$(stat -c '%u %a' /tmp/toyrun-65534)" = '65534 700' ]
  run -0 as_user ./runtime exec one id -u
  [ "$output" = 0 ]
  run -0 as_user ./runtime list -q
  [ "$output" = one ]
  as_user ./runtime delete -f one
  run -0 as_user ./runtime list -q
  [ -z "$output" ]
}

@test "a state directory in /tmp that another made is not used" {
  only_toyrun 'its place of records'
  mkdir /tmp/toyrun-65534
  run as_user ./runtime run one
  failed
  expect '/tmp/toyrun-65534 is not a directory that only you may enter'
  rmdir /tmp/toyrun-65534
  ln -s "$HOME_OF_USER" /tmp/toyrun-65534
  run as_user ./runtime run one
  failed
  expect 'is not a directory that only you may enter'
}

@test "ids that are not the user's are refused, with the remedy" {
  only_toyrun 'its words'
  edit_user '.linux.uidMappings += [{"containerID": 1, "hostID": 100000, "size": 10}]'
  run inside_as_user true
  failed
  expect 'newuidmap: .*/etc/subuid and /etc/subgid give them, or only their own'
}

@test "what an ordinary user cannot have says so" {
  only_toyrun 'its words'
  edit_user '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)'
  run inside_as_user true
  failed
  expect 'an ordinary user needs a user namespace as well; `toyrun spec --rootless`'
}

@test "a new sysfs beside the host's network: the error names the way out" {
  only_toyrun 'its words'
  edit_user '.mounts |= map(if .destination == "/sys" then {"destination": "/sys", "type": "sysfs", "source": "sysfs"} else . end)'
  run inside_as_user true
  failed
  expect 'bind the one that is there: "type": "none", "source": "/sys", "options": \["rbind"\]'
  edit_user '.linux.namespaces += [{"type": "network"}]'
  run -0 inside_as_user true
}

@test "time namespaces and idmapped mounts are root's" {
  only_toyrun 'its words'
  edit_user '.linux.namespaces += [{"type": "time"}]'
  run inside_as_user true
  failed
  expect 'make a time namespace \(an ordinary user cannot'
  edit_user '.linux.namespaces |= map(select(.type != "time")) | .mounts += [{"destination": "/x", "type": "bind", "source": "/tmp", "options": ["bind", "idmap"]}]'
  run inside_as_user true
  failed
  expect 'an idmapped mount can be made by root only'
}

@test "annotation run.oci.keep_original_groups is for ordinary users" {
  only_toyrun 'its words'
  edit_user '.annotations["run.oci.keep_original_groups"] = "1"'
  run -0 inside_as_user 'grep ^Groups: /proc/self/status'
  run env -C "$HOME_OF_USER" ./runtime --root "$STATE" run one
  failed
  expect "run.oci.keep_original_groups: root's groups do not go into a container"
}

@test "a range of subordinate ids" {
  not_on crun '1.8.1 cannot make the root private as a mapped user'
  not_on runc 'refuses additional groups for every ordinary user'
  command -v newuidmap >/dev/null || skip 'no newuidmap on this machine'
  echo "$(id -nu 65534):100000:65536" >"$BATS_TEST_TMPDIR/ids"
  mount --bind "$BATS_TEST_TMPDIR/ids" /etc/subuid
  mount --bind "$BATS_TEST_TMPDIR/ids" /etc/subgid
  edit_user '.linux.uidMappings += [{"containerID": 1, "hostID": 100000, "size": 65535}] | .linux.gidMappings = .linux.uidMappings
    | .process.user = {"uid": 1000, "gid": 1000, "additionalGids": [5]}'
  run inside_as_user 'id; cat /proc/self/uid_map'
  umount /etc/subuid /etc/subgid
  succeeded
  [ "${lines[0]}" = 'uid=1000 gid=1000 groups=5' ]
  expect '^ +1 +100000 +65535$'
}

@test "seccomp notify: the listener reaches its agent" {
  [ -x /usr/bin/python3 ] || skip 'no python3 that an ordinary user may run'
  cat >"$HOME_OF_USER/agent.py" <<'PY'
import array, fcntl, json, socket, struct, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
connection, _ = listener.accept()
message, control, _, _ = connection.recvmsg(65536, 4096)
descriptor = array.array("i", control[0][2][:4])[0]
print(json.loads(message)["metadata"], flush=True)
while True:
    notification = bytearray(80)
    fcntl.ioctl(descriptor, 0xC0502100, notification)
    fcntl.ioctl(descriptor, 0xC0182101, bytearray(struct.pack("QqiI", struct.unpack_from("Q", notification)[0], 0, -52, 0)))
PY
  as_user /usr/bin/python3 agent.py "$HOME_OF_USER/agent.sock" >"$OUT" 2>&1 3>&- &
  local agent=$!
  wait_for 10 test -S "$HOME_OF_USER/agent.sock"
  edit_user ".linux.seccomp = {\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"$HOME_OF_USER/agent.sock\", \"listenerMetadata\": \"meta\",
    \"syscalls\": [{\"names\": [\"mkdir\", \"mkdirat\"], \"action\": \"SCMP_ACT_NOTIFY\"}]}"
  run inside_as_user 'exec mkdir /tmp/new'
  kill "$agent" 2>/dev/null || true # it ends with the container
  grep -q '^meta$' "$OUT"
  expect 'Invalid exchange'
  only_toyrun 'its words'
  edit_user '.linux.seccomp.syscalls[0].names += ["sendmsg"]'
  run inside_as_user true
  failed
  expect 'an ordinary user cannot have SCMP_ACT_NOTIFY for sendmsg'
}
