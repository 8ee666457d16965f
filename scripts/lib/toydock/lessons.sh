# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lessons: short walks; each runs real commands on this machine and shows what the kernel did. Every line after `$` can be
# typed again. tests/toydock/lessons.bats runs them all.
# shellcheck disable=SC2016

OPTIONS_lessons='i image=IMAGE the image to use, one with a shell; without it the first one of the store, or alpine'
USAGE_lessons='[options] [LESSON]'
LESSONS='namespaces what a container sees, and that it is a process like any other
rootfs where its files come from, and where its changes go
cgroups how a limit holds
network how packets find their way
images what an image is made of
build how one is made'

verb_lessons() {
  parse "$OPTIONS_lessons" "$@"
  at_most 1
  local lesson=${WORDS[0]:-} number=0 list
  mapfile -t list <<<"$LESSONS"
  if [[ $lesson =~ ^[1-6]$ ]]; then lesson=${list[lesson - 1]%% *}; fi
  if [[ -z $lesson ]]; then
    printf 'Six short walks, a minute each. Type: toydock lesson NAME, or its number\n\n'
    while read -r lesson words; do
      number=$((number + 1))
      printf '  %d. %-11s %s\n' $number "$lesson" "$words"
    done <<<"$LESSONS"
    return
  fi
  [[ $'\n'$LESSONS == *$'\n'"$lesson "* ]] || die "there is no lesson $lesson" "see: toydock lessons"
  need_root
  image=${OPTION[image]:-}
  if [[ -z $image ]]; then
    image=$("$TOYIMG" images -q | head -1)
    image=${image:-alpine}
  fi
  box=lesson-$$
  trap 'clean_up_lesson' EXIT
  exec 2>&1
  "lesson_$lesson"
  printf '\n'
}
clean_up_lesson() {
  "$TOYDOCK" rm -f "$box" >/dev/null 2>&1 || true
  if [[ -n ${work:-} ]]; then rm -rf --one-file-system "$work"; fi
  "$TOYIMG" rmi localhost/lesson:1 >/dev/null 2>&1 || true
}

# The commands of a lesson are shown as a person would type them.
toydock() { "$TOYDOCK" "$@"; }
toyrun() { "$TOYRUN" "$@"; }
toyimg() { "$TOYIMG" "$@"; }
say() { printf '\n%s\n' "$*"; }
try() {
  printf '%s$ %s%s\n' "$BOLD" "$1" "$PLAIN"
  eval "$1" || printf '(exit code %s)\n' $?
}

lesson_namespaces() {
  say 'A container is a process that the kernel shows a small world. Start one:'
  try "toydock run -d --name $box -h island $image sleep 1000"
  say 'Inside, it is alone: its own host name, and the first process there is.'
  try "toydock exec $box sh -c 'hostname; ps'"
  local pid
  pid=$(toydock inspect -f '{{.State.Pid}}' "$box")
  say "Outside it is an ordinary process. Here it has the number $pid:"
  try "grep -E '^(Name|State|NSpid)' /proc/$pid/status"
  say 'NSpid has both numbers: the one here and the one inside. What differs are its namespaces, links in /proc. Ours, and its:'
  try 'for kind in mnt uts ipc pid net cgroup user; do readlink /proc/self/ns/$kind; done | paste -sd " "'
  try "for kind in mnt uts ipc pid net cgroup user; do readlink /proc/$pid/ns/\$kind; done | paste -sd ' '"
  say 'The user namespace is the same: root inside is root outside, with fewer capabilities. Their bits, here and there:'
  try "grep CapEff /proc/self/status /proc/$pid/status"
  say '`toydock exec` is nothing but entering those namespaces. nsenter(1) does it for one of them:'
  try "nsenter --target $pid --uts hostname"
}

lesson_rootfs() {
  say 'A container brings its own files. Which, is decided before it starts:'
  try "toydock create --name $box $image sh -c 'echo changed >/etc/motd; echo new >/new-file; cat /etc/motd'"
  local id
  id=$(toydock inspect -f '{{.Id}}' "$box")
  say 'The directory of the bundle: config.json says what to run, and the root file system lies beside it.'
  try "ls $CONTAINERS/$id/bundle"
  say 'What toyrun would do with the root file system, before it does it:'
  try "toyrun create --explain --bundle $CONTAINERS/$id/bundle x | grep -iE 'root|overlay|pivot|read-only' | head -12"
  say 'pivot_root(2) makes that directory /, and the old / is unmounted: no path leads out any more. Now run it:'
  try "toydock start -a $box"
  say 'The image is as it was: another container of it does not have the file.'
  try "toydock run --rm $image ls /new-file"
  say 'A volume is a directory of the host, bound into the tree. It stays when the container is gone:'
  try "toydock run --rm -v $box-data:/data $image sh -c 'echo kept >/data/file; grep \" /data \" /proc/self/mountinfo'"
  try "toydock run --rm -v $box-data:/data:ro $image sh -c 'cat /data/file; echo no >/data/file'"
  try "toydock volume rm $box-data"
}

lesson_cgroups() {
  say 'A cgroup counts what a group of processes uses, and stops it at a limit. A container with a tenth of a core and 32 MB:'
  try "toydock run -d --name $box --cpus 0.1 -m 32m --pids-limit 20 $image sh -c 'while :; do :; done'"
  local pid
  pid=$(toydock inspect -f '{{.State.Pid}}' "$box")
  say 'The limits are numbers in files. Which group it is in:'
  try "grep -E 'memory|cpu,|::' /proc/$pid/cgroup"
  local group
  mapfile -t group < <(find /sys/fs/cgroup -type d -name "$(toydock inspect -f '{{.Id}}' "$box")")
  say 'And the files (cgroup v1 has one tree for each controller, v2 one for all):'
  try "for file in $(printf '%s/{memory.limit_in_bytes,memory.max,cpu.cfs_quota_us,cpu.max,pids.max} ' "${group[@]}"); do [ ! -e \$file ] || echo \"\${file##*/} = \$(cat \$file)\"; done"
  say 'It is an endless loop, and yet it gets no more than its tenth:'
  try 'toydock stats --no-stream'
  say 'Memory is different: what is too much cannot be slowed down. The kernel kills, and the exit code is 128 + 9:'
  try "toydock run --rm -m 32m $image tail -c 100m /dev/zero"
  say 'Limits can be changed while it runs:'
  try "toydock update --cpus 0.5 $box"
  try 'toydock stats --no-stream'
}

lesson_network() {
  say 'A new network namespace has nothing but a loopback:'
  try "toydock run --rm --network none $image ls /sys/class/net"
  say 'In a network it has one end of a virtual cable; the other end is in a bridge of the host.'
  try "toydock run -d --name $box -p 127.0.0.1:18080:80 $image sh -c 'mkdir -p /www; echo hello from the island >/www/index.html; exec httpd -f -p 80 -h /www || sleep 1000'"
  try "toydock exec $box ip -o -4 addr"
  try 'ip -o link show type bridge; ip -o link show type veth'
  say 'toyrun keeps the addresses, and toydock writes the names into /etc/hosts of everyone in the network:'
  try 'toyrun network inspect default'
  try "toydock run --rm $image sh -c 'cat /etc/hosts; ping -c 1 $box'"
  say 'A published port is a rule of nftables: the destination of packets for the host is rewritten.'
  try "nft list ruleset | grep -E 'dnat|masquerade'"
  try "toydock port $box"
  try 'exec 3<>/dev/tcp/127.0.0.1/18080 && printf "GET / HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3'
  say 'Gone with the container:'
  try "toydock rm -f $box; nft list ruleset | grep dnat || echo no such rule"
}

lesson_images() {
  say 'An image is a few documents and some archives, all named by the hash of their content. What is here:'
  try 'toydock images'
  try "toyimg inspect $image | head -40"
  local store digest
  store=${TOYIMG_STORE:-/var/lib/toyimg}
  digest=$(toyimg inspect "$image" | jq -r .Digest)
  say 'The manifest lists the layers. It is a file whose name is its hash, so it cannot be changed unnoticed:'
  try "jq . $store/blobs/sha256/${digest#sha256:}"
  try "sha256sum <$store/blobs/sha256/${digest#sha256:}"
  say 'A layer is a compressed archive of files:'
  try "tar -tzf $store/blobs/sha256/$(jq -r '.layers[0].digest' "$store/blobs/sha256/${digest#sha256:}" | cut -d: -f2) | head -5"
  say 'A bundle is made of it: layers, lowest first, and the image config turned into config.json.'
  work=$(mktemp -d)
  try "toyimg unpack --quiet -o $work/bundle $image; ls $work/bundle; jq -c .process.args,.process.env,.process.user $work/bundle/config.json"
  say 'That is all a runtime needs. toyrun runs it, and so does any other:'
  try "jq '.process.args = [\"echo\", \"no engine at all\"] | .process.terminal = false' $work/bundle/config.json >$work/new; mv $work/new $work/bundle/config.json; toyrun run --bundle $work/bundle $box"
}

lesson_build() {
  work=$(mktemp -d)
  say 'A Dockerfile says how to make an image: start from one, run something, copy something, say what to start.'
  try "printf 'FROM $image\nRUN echo built >/built\nCOPY note /note\nENV GREETING=hello\nCMD [\"sh\", \"-c\", \"echo \$GREETING; cat /built /note\"]\n' >$work/Dockerfile; cat $work/Dockerfile"
  try "echo 'a file of the host' >$work/note"
  say 'Each RUN is a container of its own, made by toyrun; what it changed becomes a layer.'
  try "toydock build -t localhost/lesson:1 $work"
  try 'toydock run --rm localhost/lesson:1'
  say 'Again: nothing has changed, so nothing is done.'
  try "toydock build -t localhost/lesson:1 $work"
  say 'The layers on top of the ones of the first image:'
  try 'toyimg inspect localhost/lesson:1 | jq -c ".Layers[] | [.Size, .Digest]"'
}
