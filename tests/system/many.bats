# SPDX-License-Identifier: Apache-2.0
# A thousand containers alive at once, made and removed by eight processes side by side, twice: nothing may be left.
load support

export BATS_TEST_TIMEOUT=300 # a slow machine that is busy
COUNT=${TOY_MANY:-1000}
WORKERS=8

# A bundle for each, with a cgroup of its own; all of one root file system.
bundles() {
  make_bundle
  command_is sleep 4713
  python3 - "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/bundles" "$COUNT" <<'PY'
import json, os, sys
config = json.load(open(sys.argv[1]))
config["root"] = {"path": os.path.join(os.path.dirname(sys.argv[1]), "rootfs"), "readonly": True}
cgroup = config["linux"]["cgroupsPath"]
for number in range(int(sys.argv[3])):
    directory = f"{sys.argv[2]}/{number}"
    os.makedirs(directory)
    config["linux"]["cgroupsPath"] = f"{cgroup}/{number}"
    with open(f"{directory}/config.json", "w") as file:
        json.dump(config, file)
PY
}

# in_parallel FUNCTION: for every number, by the workers.
in_parallel() {
  local worker number pids=() failed=0
  for ((worker = 0; worker < WORKERS; worker++)); do
    (for ((number = worker; number < COUNT; number += WORKERS)); do "$1" "$number" || exit 1; done) \
      </dev/null >"$BATS_TEST_TMPDIR/worker-$worker" 2>&1 3>&- &
    pids+=($!)
  done
  for worker in "${pids[@]}"; do wait "$worker" || failed=1; done
  [ "$failed" -eq 0 ] || { tail -n 2 "$BATS_TEST_TMPDIR"/worker-*; return 1; }
}
come_up() { rt create --bundle "$BATS_TEST_TMPDIR/bundles/$1" "$ID-$1" && rt start "$ID-$1"; }
go_away() { rt delete --force "$ID-$1"; }

# What a container could leave: state, cgroups, mounts, namespaces, processes, files of the bundles.
everything() {
  find "$STATE" -mindepth 1 | sort
  cgroup_directories | sort
  cut -d' ' -f4,5 /proc/self/mountinfo
  lsns --noheadings --output NS,TYPE | sort
  pgrep -fl '^(toyrun|sleep 4713)' || true
  find "$BATS_TEST_TMPDIR/bundles" "$ROOTFS" | wc -l
}

# Every one of them is alive, and has three descriptors.
all_alive() {
  rt list -f json | python3 -c '
import json, os, sys
containers = json.load(sys.stdin)
wrong = [c["id"] for c in containers if c["status"] != "running" or len(os.listdir("/proc/%d/fd" % c["pid"])) != 3]
print(len(containers), "containers, wrong:", wrong)
sys.exit(len(containers) != int(sys.argv[1]) or wrong != [])' "$COUNT"
}

@test "a thousand containers by eight processes, twice, leave nothing" {
  only_toyrun 'with a reference it takes many minutes'
  bundles
  # the first one makes the mount points in the root file system, and the cgroup above all
  come_up 0 </dev/null >"$OUT" 2>&1
  go_away 0
  mkdir -p "$STATE"
  everything >"$BATS_TEST_TMPDIR/before"
  local round
  for round in 1 2; do
    in_parallel come_up
    all_alive
    in_parallel go_away
    [ -z "$(rt list -q)" ]
    everything >"$BATS_TEST_TMPDIR/after"
    diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
  done
}
