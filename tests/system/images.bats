# SPDX-License-Identifier: Apache-2.0
# Images made, shown and compared: import, export, commit, convert, inspect, history, diff, tag, rmi; umoci as the oracle.
load support
load registry

setup() {
  begin_test
  [ -x "$TOYIMG" ] || { echo "no $TOYIMG: build it first"; return 1; }
  WORK=$BATS_TEST_TMPDIR
  cd "$WORK"
  mkdir -p "$STATE"
}
teardown() {
  stop_registry
  [ -z "${DISK:-}" ] || rm -rf "$DISK"
  end_test
}

# busybox_image NAME: in the store, without a registry.
busybox_image() {
  busybox_rootfs root
  mkdir -p root/usr/share/doc && echo text >root/usr/share/doc/file
  tar -C root --numeric-owner -cf root.tar .
  toyimg import -c 'CMD ["sh"]' -c 'ENV PATH=/bin A="b c"' root.tar "$1" >/dev/null
}

@test "import: a root tarball becomes an image; changes; umoci unpacks the same" {
  busybox_rootfs root
  tar -C root --numeric-owner --xattrs -czf root.tar.gz .
  run -0 toyimg import -m 'from a tarball' -c 'CMD ["sh", "-c"]' -c 'ENTRYPOINT echo hi' -c 'ENV A=1 B="x y"' -c 'LABEL k=v' \
    -c 'EXPOSE 80 53/udp' -c 'USER 7:8' -c 'VOLUME /data' -c 'WORKDIR /w' -c 'STOPSIGNAL SIGINT' root.tar.gz made:1
  expect '^sha256:'
  run -0 toyimg inspect made:1
  jq -e '.Config | .Cmd == ["sh", "-c"] and .Entrypoint == ["/bin/sh", "-c", "echo hi"] and .Env == ["A=1", "B=x y"] and .Labels.k == "v"
    and .ExposedPorts == ["53/udp", "80/tcp"] and .User == "7:8" and .Volumes == ["/data"] and .WorkingDir == "/w" and .StopSignal == "SIGINT"' <<<"$output"
  toyimg copy -q made:1 oci:layout:1
  umoci unpack --rootless --image layout:1 theirs >/dev/null 2>&1
  diff -r --no-dereference root theirs/rootfs
  run toyimg import -c 'RUN id' root.tar.gz x
  [ "$status" -eq 1 ]
  expect 'must be CMD'
  echo no tar >text
  run toyimg import text x
  [ "$status" -eq 1 ]
  expect '^toyimg: text: '
  run -0 toyimg images -q
  [ "$output" = made:1 ]
  SOURCE_DATE_EPOCH=1000 toyimg import root.tar.gz one >first
  SOURCE_DATE_EPOCH=1000 toyimg import - two <root.tar.gz >second
  cmp first second
}

@test "export gives back what import took" {
  busybox_image base
  toyimg unpack -q base -o "$BUNDLE"
  chmod 1777 "$ROOTFS/tmp"
  toyimg export "$BUNDLE" >out.tar
  toyimg export "$BUNDLE" -o again.tar
  cmp out.tar again.tar
  mkdir there && tar -C there -xpf out.tar
  diff -r --no-dereference "$ROOTFS" there
  diff <(cd "$ROOTFS" && find . -mindepth 1 -printf '%p %m %U %G %T@ %l\n' | sed 's/\.[0-9]*//' | sort) <(cd there && find . -mindepth 1 -printf '%p %m %U %G %T@ %l\n' | sed 's/\.[0-9]*//' | sort)
  run toyimg export nothing
  [ "$status" -eq 1 ]
}

@test "commit: a changed bundle is one layer more; unpacked again it is the same tree" {
  mkdir -p root/etc
  echo one >root/etc/one
  ln root/etc/one root/etc/two
  busybox_image base
  toyimg unpack -q base -o "$BUNDLE"
  echo new >"$ROOTFS/etc/new"
  rm -r "$ROOTFS/usr/share/doc"
  echo changed >>"$ROOTFS/etc/passwd"
  ln "$ROOTFS/etc/new" "$ROOTFS/etc/hard"
  ln "$ROOTFS/etc/one" "$ROOTFS/etc/other" # a new name of a file that is as it was, and a second one
  ln "$ROOTFS/etc/one" "$ROOTFS/another"
  mkfifo "$ROOTFS/run/fifo"
  chmod 4755 "$ROOTFS/bin/busybox"
  setfattr -n user.note -v text "$ROOTFS/etc/new"
  touch -d @1000000000 "$ROOTFS/etc/group"
  run -0 toyimg commit -m 'by hand' -c 'CMD ["true"]' "$BUNDLE" changed
  run -0 toyimg inspect changed
  jq -e '(.Layers | length == 2) and .Config.Cmd == ["true"] and .Config.Env[0] == "PATH=/bin"' <<<"$output"
  toyimg copy -q --compression none changed oci:layout:x
  local layer
  layer=layout/blobs/sha256/$(jq -r '.layers[1].digest[7:]' "layout/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' layout/index.json)")
  run -0 tar -tf "$layer"
  expect '^usr/share/\.wh\.doc$' && expect '^etc/new$' && expect_not '^bin/sh$'
  toyimg unpack -q changed -o again
  [ -p again/rootfs/run/fifo ] && rm again/rootfs/run/fifo "$ROOTFS/run/fifo"
  diff -r --no-dereference "$ROOTFS" again/rootfs
  [ "$(stat -c %i again/rootfs/etc/new)" = "$(stat -c %i again/rootfs/etc/hard)" ]
  [ "$(stat -c %i again/rootfs/{another,etc/one,etc/other,etc/two} | uniq -c | awk '{print $1}')" = 4 ]
  [ "$(getfattr --only-values -n user.note again/rootfs/etc/new)" = text ]
  [ "$(stat -c %a:%Y again/rootfs/bin/busybox again/rootfs/etc/group)" = "$(stat -c %a:%Y "$ROOTFS/bin/busybox" "$ROOTFS/etc/group")" ]
  umoci unpack --rootless --image layout:x theirs >/dev/null 2>&1
  [ -p theirs/rootfs/run/fifo ] && rm theirs/rootfs/run/fifo
  diff -r --no-dereference "$ROOTFS" theirs/rootfs
  # nothing changed: no layer
  toyimg unpack -q changed -o untouched
  run -0 toyimg commit --base changed untouched same
  [ "$(toyimg inspect same | jq '.Layers | length')" -eq 2 ]
}

@test "diff: files and config of two images" {
  busybox_image base
  toyimg unpack -q base -o "$BUNDLE"
  echo more >>"$ROOTFS/etc/passwd"
  rm "$ROOTFS/bin/vi"
  mkdir "$ROOTFS/opt" && echo x >"$ROOTFS/opt/x"
  chmod 700 "$ROOTFS/root"
  toyimg commit --base base -c 'ENV NEW=1' "$BUNDLE" changed >/dev/null
  run -0 toyimg diff base changed
  expect '^A /opt$' && expect '^D /bin/vi$' && expect '^C /root: mode 0755 → 0700' && expect '^C /etc/passwd: content'
  expect '^config /config/Env: ' && expect_not '/bin/sh'
  run -0 toyimg diff --format json base changed
  jq -e '[.Files[] | select(.Path == "/bin/vi")] == [{"Kind": "D", "Path": "/bin/vi"}]' <<<"$output"
  run -0 toyimg diff base base
  [ -z "$output" ]
  toyimg convert --compression zstd base small >/dev/null
  run -0 toyimg diff base small
  [ -z "$output" ]
}

@test "convert, inspect and history anywhere, without downloading layers" {
  start_registry
  push_busybox busybox:latest
  forget_requests
  run -0 toyimg inspect "docker://$REGISTRY/busybox:latest"
  jq -e '(.Layers | length == 2) and .Config.Cmd == ["sh"]' <<<"$output"
  [ "$(requests 'GET /v2/busybox/blobs')" -eq 1 ]
  diff <(toyimg inspect --raw "docker://$REGISTRY/busybox:latest") <(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/busybox:latest")
  diff <(toyimg inspect --config "docker://$REGISTRY/busybox:latest") <(skopeo inspect --config --raw --tls-verify=false "docker://$REGISTRY/busybox:latest")
  [ "$(toyimg inspect --format '{{.Platform}} {{json .Config.Cmd}}' "docker://$REGISTRY/busybox:latest")" = 'linux/amd64 ["sh"]' ]
  run toyimg inspect --format '{{.Nope}}' "docker://$REGISTRY/busybox:latest"
  [ "$status" -eq 1 ]
  expect 'no .Nope'
  run -0 toyimg history "docker://$REGISTRY/busybox:latest"
  expect '^LAYER .*CREATED BY$' && expect umoci
  pull "$REGISTRY/busybox:latest"
  [ "$(toyimg history --format json "$REGISTRY/busybox:latest" | jq '[.[] | select(.Layer)] | length')" -eq 2 ]
  toyimg convert --compression zstd "$REGISTRY/busybox:latest" small
  [ "$(toyimg inspect small | jq -r '.Layers[].MediaType' | sort -u)" = application/vnd.oci.image.layer.v1.tar+zstd ]
  [ "$(toyimg inspect --config small)" = "$(toyimg inspect --config "$REGISTRY/busybox:latest")" ]
}

@test "no control byte of an image reaches the terminal" {
  mkdir tree && printf x >tree/$'evil\e[2Jname'
  tar -C tree -cf tree.tar .
  toyimg import -m $'\e[31mred' tree.tar evil >/dev/null
  mkdir other && tar -C other -cf other.tar . && toyimg import other.tar empty >/dev/null
  { toyimg diff empty evil; toyimg history evil; toyimg inspect evil; toyimg history --format json evil; } >shown
  lacks $'\e' shown
}

@test "tag and rmi by name, digest, and all names of a digest" {
  busybox_image one
  toyimg tag one two:x three
  local digest
  digest=$(toyimg inspect --format '{{.Digest}}' one)
  run toyimg rmi "$digest"
  [ "$status" -eq 1 ]
  expect 'several names'
  run -0 toyimg rmi three
  [ "$(toyimg images -q | wc -l)" -eq 2 ]
  run -0 toyimg rmi --force "${digest:7:12}"
  [ -z "$(toyimg images -q)" ]
  run toyimg tag nothere x
  [ "$status" -eq 1 ]
}

@test "an ordinary user with a single id: owners become the caller's, and a commit gives them back" {
  busybox_rootfs root
  chown 7:8 root/etc/passwd
  tar -C root --numeric-owner -cf root.tar .
  # bats keeps its directories to itself
  local place
  place=$(mktemp -d /run/single.XXXX) && chmod 755 "$place" && mv root.tar "$place" && cd "$place"
  mkdir mine && chown 65534:65534 mine
  as() { TMPDIR=mine HOME=mine setpriv --reuid 65534 --regid 65534 --clear-groups "$TOYIMG" --store mine/store "$@" 3>&- 4>&-; }
  as import root.tar base >/dev/null
  as unpack -q base -o mine/bundle 2>/dev/null
  [ "$(stat -c %u mine/bundle/rootfs/etc/passwd)" -eq 65534 ]
  setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'echo x >mine/bundle/rootfs/new; echo y >>mine/bundle/rootfs/etc/passwd'
  as commit --base base mine/bundle changed >/dev/null
  # his store has directories beside the images: fsck compares them, too
  as unpack -q --overlay changed -o mine/over
  local tree
  tree=$(dirname "$(find mine/store/layers -path '*.d/etc/passwd' | head -1)")
  for damage in 'rm passwd' 'echo z >extra' 'chmod 600 passwd' 'printf X | dd of=passwd bs=1 conv=notrunc status=none' 'setfattr -x user.rootlesscontainers passwd' 'ln passwd twice'; do
    run as fsck
    succeeded
    expect 'all is sound$'
    (cd "$tree" && eval "$damage")
    run as fsck --quiet
    [ "$status" -eq 1 ] || { echo "$damage: $status $output"; false; }
    expect '^repaired: directory of layer sha256:' && [ "${#lines[@]}" -eq 1 ]
  done
  run as fsck
  succeeded
  [ -z "$(find mine/store/layers -name '.draft*')" ]
  run as diff base changed
  succeeded
  expect '^A /new$' && expect '^C /etc/passwd: content' && expect_not owner
}

@test "commit of a bundle of overlay layers takes its upper directory; the bundle names its image" {
  only_toyrun 'an annotation of ours'
  # the kernel mounts no images that lie on a tmpfs
  DISK=$(mktemp -d /var/tmp/toytest-commit-XXXXXX)
  BUNDLE=$DISK/bundle
  toyimg() { "$TOYIMG" --store "$DISK/store" "$@" 3>&- 4>&-; }
  busybox_image base
  toyimg unpack -q --overlay base -o "$BUNDLE"
  edit '.process.terminal = false'
  run -0 inside 'echo new >/etc/new; rm /bin/vi; rm -r /usr/share/doc; mkdir /usr/share/doc; echo y >/usr/share/doc/y; chmod 700 /root'
  run -0 toyimg commit "$BUNDLE" changed
  run -0 toyimg diff base changed
  expect '^A /etc/new$' && expect '^D /bin/vi$' && expect '^D /usr/share/doc/file$' && expect '^A /usr/share/doc/y$' && expect '^C /root: mode 0755 → 0700'
  expect_not '/bin/sh'
  toyimg unpack -q changed -o flat
  [ "$(cat flat/rootfs/etc/new)" = new ]
  [ ! -e flat/rootfs/bin/vi ]
  [ "$(ls flat/rootfs/usr/share/doc)" = y ]
  run toyimg export "$BUNDLE"
  [ "$status" -eq 1 ] && expect 'overlay layers'
}

@test "a name with a digest means that digest, whoever gives it; no name looks like one" {
  local digest evil pinned
  start_registry
  push_busybox busybox:latest
  toyimg pull --quiet "$REGISTRY/busybox:latest" >/dev/null
  digest=$(toyimg inspect "$REGISTRY/busybox:latest" | jq -r .Digest)
  mkdir "$WORK/evil"
  echo evil >"$WORK/evil/file"
  tar -C "$WORK/evil" -c . | toyimg import - evil >/dev/null
  evil=$(toyimg inspect evil | jq -r .Digest)
  pinned=$REGISTRY/busybox@$digest
  # an archive that calls its image so: what save -o made, with another name in it
  toyimg save -o "$WORK/evil.tar" evil
  mkdir "$WORK/archive"
  tar -C "$WORK/archive" -xf "$WORK/evil.tar"
  jq -c --arg name "$pinned" '.[0].RepoTags = [$name]' "$WORK/archive/manifest.json" >"$WORK/manifest.json"
  cp "$WORK/manifest.json" "$WORK/archive/manifest.json"
  rm -f "$WORK/archive"/{index.json,oci-layout}
  tar -C "$WORK/archive" -cf "$WORK/renamed.tar" .
  run -0 toyimg load -i "$WORK/renamed.tar"
  expect "^Loaded image ID: $evil"
  [ "$(toyimg inspect "$pinned" 2>/dev/null | jq -r .Digest)" != "$evil" ]
  run toyimg tag evil "$pinned"
  [ "$status" -eq 1 ]
  expect 'has the digest of another image'
  run toyimg copy store:evil "store:$pinned"
  [ "$status" -eq 1 ]
  expect 'has the digest of another image'
  # one that another tool has written means nothing
  jq -c --arg name "$pinned" '(.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "docker.io/library/evil:latest")
    | .annotations["org.opencontainers.image.ref.name"]) = $name' "$WORK/store/index.json" >"$WORK/index.json"
  cp "$WORK/index.json" "$WORK/store/index.json"
  grep -q "$pinned" "$WORK/store/index.json"
  run toyimg inspect "$pinned"
  [ "$status" -eq 1 ]
  # its own digest is fine, and a pull of it
  toyimg tag "$REGISTRY/busybox:latest" "mine@$digest"
  [ "$(toyimg inspect "mine@$digest" | jq -r .Digest)" = "$digest" ]
  toyimg pull --quiet "$pinned" >/dev/null
  [ "$(toyimg inspect "$pinned" | jq -r .Digest)" = "$digest" ]
  # names like digests, whole and abbreviated
  run toyimg tag "$REGISTRY/busybox:latest" "$evil"
  [ "$status" -eq 1 ]
  expect 'looks like a digest'
  run toyimg inspect sha256:0000000000000000000000000000000000000000000000000000000000000000
  [ "$status" -eq 1 ]
  expect 'no image with the digest sha256:0'
  toyimg tag "$REGISTRY/busybox:latest" "${evil:7:6}"
  [ "$(toyimg inspect "${evil:7:6}" | jq -r .Digest)" = "$digest" ]
}

@test "an image pulled by its digest goes through an archive without that name" {
  start_registry
  push_busybox busybox:latest
  local digest
  digest=$(skopeo inspect --tls-verify=false "docker://$REGISTRY/busybox:latest" | jq -r .Digest)
  toyimg pull --quiet "$REGISTRY/busybox@$digest" >/dev/null
  toyimg save -o by-digest.tar "$REGISTRY/busybox@$digest"
  run -0 "$TOYIMG" --store "$WORK/other" load -i by-digest.tar
  expect "^Loaded image ID: $digest"
}

@test "closed standard descriptors take no part" {
  busybox_image closed
  "$TOYIMG" --store "$WORK/store" --debug save -o closed.tar closed 3>&- 4>&- <&- >&- 2>&-
  run -0 toyimg load -i closed.tar
  "$TOYIMG" --store "$WORK/store" unpack -o "$WORK/unpacked" closed 3>&- 4>&- 2>&-
  [ -s "$WORK/unpacked/config.json" ]
}

@test "words of docker, podman, skopeo and crane" {
  busybox_image one
  toyimg tag one other/two:x
  run -0 toyimg images --all --digests
  expect "^one:latest +$(toyimg inspect --format '{{.Digest}}' one)  "
  local pattern
  for pattern in two two:x other/two 'other/*' 't*:x'; do
    run -0 toyimg images -q "$pattern"
    [ "$output" = other/two:x ] || { echo "$pattern: $output"; false; }
  done
  [ -z "$(toyimg images -q tw)$(toyimg images -q '*/*/*/*')$(toyimg images -q --filter dangling=true)" ]
  [ "$(toyimg images -q --filter dangling=false --filter 'reference=o*')" = one:latest ]
  run -1 toyimg images --filter until=1h
  expect 'must be reference=PATTERN'
  run -0 toyimg prune -f
  run -1 toyimg prune -af
  expect 'toyimg rmi IMAGE'
  for pattern in ls image list-tags digest buildx version; do
    run -1 toyimg "$pattern" x
    expect "there is no command $pattern: .*(toyimg|leave)"
  done
  run -0 toyimg copy --quiet --multi-arch all --remove-signatures --insecure-policy --retry-times 2 --digestfile digest one "oci:$WORK/layout"
  [ "$output" = "$(cat digest)" ]
  run -1 toyimg copy --multi-arch index-only one "oci:$WORK/other"
  expect 'must be all or system'
  run -1 toyimg copy -f v2s2 one "oci:$WORK/other"
  expect 'manifests stay as they are'
  [ ! -e other ]
  [ "$(toyimg manifest inspect one | sha256sum | cut -c -64)" = "$(cut -d: -f2 digest)" ]
  start_registry
  run -1 toyimg copy --dest-tls-verify=maybe one "docker://$REGISTRY/one"
  expect 'dest-tls-verify=maybe: must be true or false'
  run -0 toyimg copy --src-tls-verify=false --dest-tls-verify=0 one "docker://$REGISTRY/one"
  run -0 toyimg push --quiet --digestfile pushed one "$REGISTRY/one"
  [ "$output" = "$(cat pushed)" ]
  mkdir context
  printf 'FROM scratch\nARG A=a B\nENV A=$A B=$B\n' >context/Dockerfile
  printf '# of the site\nA=from the file\n\nB=x\r\n' >arguments
  run -0 toyimg build -q --compress --format oci --build-arg-file arguments --build-arg B=y -t built context
  [ "$(toyimg inspect built | jq -c '.Config.Env[1:]')" = '["A=from the file","B=y"]' ]
  run -1 toyimg build --format docker context
  expect 'type=docker,dest=FILE'
}
