# SPDX-License-Identifier: Apache-2.0
# toyimg build --platform: several in one run, other processors than this one's.
load support
load registry
load build

BINFMT=/proc/sys/fs/binfmt_misc

teardown() {
  [ ! -e "$BINFMT/toytest" ] || echo -1 >"$BINFMT/toytest"
  stop_registry
  end_test
}
foreign() { # a platform that no emulator here is for
  local name
  for name in s390x ppc64le riscv64; do
    grep -qs "qemu-$name" "$BINFMT"/* || { echo "linux/$name"; return; }
  done
  return 1
}

@test "build: an index of several platforms, pushed, archived, and a base again" {
  base
  start_registry
  echo a >"$CONTEXT/a"
  # The usual way to cross-compile: steps run here, only the result is for there.
  dockerfile 'FROM --platform=$BUILDPLATFORM localhost/base AS compile' 'ARG TARGETARCH' 'RUN echo for $TARGETARCH on $(uname -m) >/made' \
    'FROM scratch' 'COPY --from=compile /made /made' 'COPY a /a'
  run -0 bud --platform linux/amd64,linux/arm64 --platform linux/arm/v7 -t "$REGISTRY/several:1" --push --iidfile "$OUT.iid" --metadata-file "$OUT.json" \
    -o "type=oci,dest=$OUT.oci" -o "type=local,dest=$OUT.dir"
  expect '^\[linux/arm64 compile 2/2\] done'
  [ "$(jq -r '."containerimage.digest"' "$OUT.json")" = "$(cat "$OUT.iid")" ]
  skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/several:1" >"$OUT"
  [ "sha256:$(sha256sum <"$OUT" | cut -d' ' -f1)" = "$(cat "$OUT.iid")" ]
  jq -e '.mediaType == "application/vnd.oci.image.index.v1+json" and ([.manifests[].platform | "\(.os)/\(.architecture)/\(.variant // "")"] == ["linux/amd64/", "linux/arm64/", "linux/arm/v7"])' "$OUT"
  [ "$(cat "$OUT.dir/linux_arm64/made")" = "for arm64 on $(uname -m)" ]
  [ "$(cat "$OUT.dir/linux_arm_v7/made")" = "for arm on $(uname -m)" ]
  for one in amd64 arm64 arm; do
    skopeo inspect --config --override-arch "$one" "oci-archive:$OUT.oci" | jq -e --arg one "$one" '.architecture == $one'
  done
  # Each platform has its own part of the index as base, from the store and from the registry.
  dockerfile "FROM $REGISTRY/several:1" 'COPY a /b'
  for round in store registry; do
    run -0 toyimg build --quiet --platform linux/arm64,linux/amd64 -o "type=local,dest=$OUT.$round" "$CONTEXT"
    [ "$(cat "$OUT.$round/linux_arm64/made")" = "for arm64 on $(uname -m)" ]
    [ "$(cat "$OUT.$round/linux_amd64/made")" = "for amd64 on $(uname -m)" ]
    [ "$round" = registry ] || toyimg rmi "$REGISTRY/several:1"
  done
  for output in "$BUNDLE" "type=tar,dest=$OUT.tar" "type=docker,dest=$OUT.docker"; do
    run -1 bud --platform linux/amd64,linux/arm64 -o "$output"
    expect 'of several platforms there is type=oci or type=local'
  done
  run -0 toyimg build --platform linux/amd64,linux/arm64 --dry-run "$CONTEXT"
  [ "$(grep -c '^stage ' <<<"$output")" -eq 2 ]
}

@test "build: RUN for another processor needs an emulator, other steps do not" {
  base
  platform=$(foreign) || skip 'emulators for everything'
  dockerfile 'FROM scratch' 'WORKDIR /w' 'COPY Dockerfile .' 'ENV a=b'
  run -0 bud --platform "$platform" --iidfile "$OUT"
  [ "linux/$(config_of "$OUT" | jq -r .architecture)" = "$platform" ]
  dockerfile 'FROM scratch AS base' 'COPY Dockerfile /bin/tool' 'FROM base' 'RUN ["/bin/tool"]'
  run -1 bud --platform "$platform"
  expect "^toyimg: Dockerfile:4:1: programs for $platform do not run on this linux/[a-z0-9]+ machine: no emulator is registered in /proc/sys/fs/binfmt_misc .Debian: apt install qemu-user-static.: .RUN"
  run -1 bud --platform linux/amd64/v9,nonsense/
  [ "${#lines[@]}" -eq 1 ]
}

@test "build: RUN for another processor through an emulator" {
  [ "$(foreign)" = linux/s390x ] || skip 's390x has an emulator already'
  [ -e "$BINFMT/register" ] || mount -t binfmt_misc none "$BINFMT" || skip 'no binfmt_misc'
  # An emulator that says what it is asked to run: the kernel has it open (F), so the image needs none.
  cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/echo"
  echo ":toytest:M::\\x7fELF\\x02\\x02\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x16:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff:$BATS_TEST_TMPDIR/echo:F" >"$BINFMT/register" ||
    skip 'no emulator can be registered'
  printf '\x7fELF\x02\x02\x01\0\0\0\0\0\0\0\0\0\0\x02\0\x16' >"$CONTEXT/tool"
  dockerfile 'FROM scratch' 'COPY --chmod=755 tool /bin/tool' 'RUN ["/bin/tool", "and", "words"]'
  run -0 bud --platform linux/s390x
  expect '^\[stage-0 2/2\]   /bin/tool and words$'
}
