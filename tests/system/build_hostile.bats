# SPDX-License-Identifier: Apache-2.0
# toyimg build against hostile Dockerfiles, contexts and images, each with a canary outside. What went wrong elsewhere, and its test:
#   CVE-2020-10696  ADD of an archive wrote outside             "archives that ADD extracts"
#   CVE-2021-3602   the host's environment in a build            "nothing of the caller's environment"
#   CVE-2024-1753   a bind source that is a symlink to /         "a symlink in a stage leads a bind mount nowhere else"
#   CVE-2024-9341   files mounted through symlinks of the image  "symlinks where files are mounted"
#   CVE-2024-9407   mount options smuggled into --mount          "no options of mounts", tests/build/cases.py mount-option-injection
#   CVE-2024-9675   a cache mount's id as a path                 "a cache mount's id is no path"
#   CVE-2024-9676   passwd and group of the image                "passwd and group files that are no files"
#   CVE-2024-11218, CVE-2024-23651  sources swapped in a race    "a cache mount's source that swaps", "a source that swaps between"
#   CVE-2024-23650  malformed input ends the builder             "malformed instructions", tests/fuzz/dockerfile_fuzz.cpp
#   CVE-2024-23652  clean-up of mount points                     "mount points are not removed through"
#   CVE-2024-23653  privileges asked for by the Dockerfile       "no privileges by the Dockerfile"
#   CVE-2024-24557  an image that looks like a step              "no image is taken for a step"
#   CVE-2025-4953   writes to a bind mount stayed                "what a step writes to a bind mount is gone"
#   CVE-2025-62725  paths made of what an archive says           hostile_archives.py; FROM an archive is refused here
#   CVE-2026-33747  a frontend that the Dockerfile names         "no frontend is fetched"
#   CVE-2026-33748, CVE-2026-44517  git, HTTP and stdin contexts build_contexts.bats
#   BuildKit's rm with .. in a parent                            "names of heredocs"
load support
load registry
load build

# swap LINK TARGET DIRECTORY: swaps it between a symlink to the target and a copy of the directory until killed.
swap() {
  while :; do
    ln -sfn "$2" "$1.new" && mv -T "$1.new" "$1" 2>/dev/null
    rm -f "$1"
    cp -r "$3" "$1" 2>/dev/null
    rm -rf "$1"
  done 2>/dev/null 3>&- 4>&-
}

@test "build: no image is taken for a step because it looks like one (CVE-2024-24557)" {
  base
  dockerfile 'FROM scratch' 'COPY evil /bin/tool'
  echo evil >"$CONTEXT/evil"
  bud -t evil
  echo good >"$CONTEXT/evil"
  run -0 bud -t good -o "$BUNDLE"
  [ "$(cat "$ROOTFS/bin/tool")" = good ]
}

@test "build: nothing of the caller's environment is inside (CVE-2021-3602)" {
  base
  dockerfile 'FROM localhost/base' 'RUN env >/env' 'RUN ! grep CANARY /env'
  CANARY_VALUE=1 run -0 bud
}

@test "build: a symlink in a stage leads a bind mount nowhere else (CVE-2024-1753)" {
  base
  dockerfile 'FROM localhost/base AS s' "RUN ln -s / /link && ln -s $CANARY /direct" 'FROM localhost/base' \
    "RUN --mount=from=s,source=/link,target=/m,rw test ! -e /m$CANARY/file"
  run -0 bud
  dockerfile 'FROM localhost/base AS s' "RUN ln -s $CANARY /direct" 'FROM localhost/base' 'RUN --mount=from=s,source=/direct,target=/m ls /m'
  run -1 bud
  expect 'is not there'
}

@test "build: a cache mount's id is no path (CVE-2024-9675)" {
  base
  dockerfile 'FROM localhost/base' "RUN --mount=type=cache,id=../../../../../../../$CANARY,target=/m test ! -e /m/file && touch /m/new" \
    "RUN --mount=type=cache,id=x,source=../../../../../..$CANARY,target=/m test ! -e /m/file"
  run -0 bud
}

@test "build: mount points are not removed through what the step put there (CVE-2024-23652)" {
  base
  dockerfile 'FROM localhost/base' "RUN --mount=type=tmpfs,target=/stub/file mount | head -0; rm -rf /stub 2>/dev/null; mv /stub /moved 2>/dev/null; ln -s $CANARY /stub 2>/dev/null; true"
  run -0 bud
}

@test "build: symlinks in the image lead COPY, WORKDIR and ADD nowhere else" {
  base
  dockerfile 'FROM localhost/base' "RUN ln -s $CANARY /out && ln -s ../../../../../../../../$CANARY /dots" 'COPY a /out/a' 'ADD a /dots/a' 'WORKDIR /out/w' \
    'RUN ls -d /out/a /out/w /dots/a'
  echo a >"$CONTEXT/a"
  run -0 bud
}

@test "build: a source that swaps between directory and symlink never shows the host (CVE-2024-11218)" {
  base
  mkdir "$CONTEXT/d"
  echo inside >"$CONTEXT/d/file"
  dockerfile 'FROM localhost/base AS a' 'COPY s /s' 'RUN cat /s/file' 'FROM localhost/base AS b' 'ADD --chown=1 s/file /s' 'RUN cat /s' \
    'FROM localhost/base AS c' 'RUN --mount=source=s,target=/m cat /m/file' 'FROM localhost/base AS d' 'RUN --mount=source=s,target=/m,rw echo x >>/m/file; cat /m/file'
  swap "$CONTEXT/s" "$CANARY" "$CONTEXT/d" &
  swapper=$!
  local seen=0
  for _ in $(seq "${BUILD_RACES:-10}"); do
    for stage in a b c d; do
      run bud --no-cache --target "$stage"
      [[ $output != *untouched* ]] || { kill $swapper; return 1; }
      [[ $output != *inside* ]] || seen=$((seen + 1))
    done
  done
  kill $swapper
  wait $swapper || true
  echo "the directory was seen $seen times"
}

@test "build: a cache mount's source that swaps in another step never shows the host (CVE-2024-23651)" {
  base
  # One build swaps, others mount meanwhile what it swaps: steps of stages side by side have the same race.
  dockerfile 'FROM localhost/base AS swaps' \
    "RUN --mount=type=cache,id=race,target=/c echo swapping; until [ -e /c/stop ]; do rm -rf /c/s; ln -s $CANARY /c/s; rm /c/s; mkdir /c/s; ln -s / /c/new; mv -T /c/new /c/s; rm -f /c/s; done; true" \
    'FROM localhost/base AS looks' "RUN --mount=type=cache,id=race,source=s,target=/m cat /m/file /m$CANARY/file; touch /m/mark; true" \
    'FROM localhost/base AS fills' "RUN --mount=type=cache,id=race,source=s/below,target=/m cat /m/file /m$CANARY/file; touch /m/mark; true" \
    'FROM localhost/base AS stops' 'RUN --mount=type=cache,id=race,target=/c touch /c/stop'
  bud --target swaps >"$OUT" 2>&1 3>&- 4>&- &
  swapper=$!
  wait_for 20 contains '  swapping$' "$OUT"
  for _ in $(seq "${BUILD_RACES:-10}"); do
    for stage in looks fills; do
      run bud --no-cache --target "$stage"
      [[ $output != *untouched* ]] || break 2
    done
  done
  bud --target stops
  wait $swapper
  [[ $output != *untouched* ]]
  [ ! -e /mark ] && [ ! -e "$CANARY/mark" ]
}

@test "build: archives that ADD extracts stay inside (CVE-2020-10696)" {
  base
  python3 - "$CONTEXT" "$CANARY" <<'EOF'
import io, sys, tarfile
context, canary = sys.argv[1:]
up = "../" * 20 + canary.lstrip("/")
def archive(name, *entries):
    with tarfile.open(f"{context}/{name}.tar", "w") as tar:
        for path, kind, link in entries:
            info = tarfile.TarInfo(path)
            info.type, info.linkname, info.mode = kind, link, 0o4777
            data = b"overwritten" if kind == tarfile.REGTYPE else b""
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
R, S, H, D = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
archive("absolute", (canary + "/file", R, ""))
archive("dots", (up + "/file", R, ""))
archive("symlink", ("l", S, canary), ("l/file", R, ""), ("l/new", R, ""))
archive("symlink-dots", ("l", S, up), ("l/file", R, ""), ("l/sub", D, ""))
archive("chain", ("a", S, "b"), ("b", S, "c/.."), ("c", S, canary), ("a/file", R, ""))
archive("hardlink", ("h", H, canary + "/file"), ("h", R, ""))
archive("hardlink-through", ("l", S, canary), ("h", H, "l/file"), ("h", R, ""))
archive("root", (".", S, canary), ("file", R, ""))
archive("whiteout", ("l", S, canary), ("l/.wh.file", R, ""), ("l/.wh..wh..opq", R, ""))
EOF
  for archive in "$CONTEXT"/*.tar; do
    for flags in '' --link; do
      dockerfile 'FROM localhost/base' "RUN ln -s $CANARY /out" "ADD $flags ${archive##*/} /out/" "ADD $flags ${archive##*/} /"
      run bud
      [ "$status" -le 1 ]
      [ "$(cat "$CANARY/file")" = untouched ]
      [ "$(ls "$CANARY")" = file ]
    done
  done
}

@test "build: symlinks where files are mounted lead nowhere else (CVE-2024-9341)" {
  base
  echo word >"$BATS_TEST_TMPDIR/secret"
  dockerfile 'FROM localhost/base' "RUN rm -rf /etc/hosts /run && ln -s $CANARY/file /etc/hosts && ln -s $CANARY/new /etc/resolv.conf && ln -s $CANARY /run && ln -s $CANARY /link" \
    "RUN --mount=type=secret,id=s --mount=type=cache,target=/link/cache --mount=type=tmpfs,target=/link/tmp --mount=target=/link/file cat /run/secrets/s; echo x >/link/cache/y; mount | grep -c canary || true"
  run bud --secret "id=s,src=$BATS_TEST_TMPDIR/secret"
  [ "$status" -le 1 ]
  expect_not untouched
}

@test "build: no options of mounts by the Dockerfile (CVE-2024-9407)" {
  base
  dockerfile 'FROM localhost/base' 'ARG T=/m,bind-propagation=rshared,rw' 'RUN --mount=target=$T grep /m /proc/self/mountinfo'
  run -0 bud
  expect ' /m,bind-propagation=rshared,rw ro'
  expect_not 'shared:'
  for option in bind-propagation=shared propagation=rshared dev suid exec options=dev bind-nonrecursive relabel=shared z; do
    dockerfile 'FROM localhost/base' "RUN --mount=type=bind,target=/m,$option true"
    run -1 bud
    expect "unexpected key '${option%%=*}'"
  done
}

@test "build: passwd and group files that are no files (CVE-2024-9676)" {
  base
  mkdir "$BATS_TEST_TMPDIR/host"
  echo 'ghost:x:77:77::/:/bin/sh' >"$BATS_TEST_TMPDIR/host/passwd"
  for make in "ln -sf $BATS_TEST_TMPDIR/host/passwd /etc/passwd" 'mkfifo /etc/passwd' 'mkdir /etc/passwd' 'ln -s passwd /etc/passwd' \
    'ln -s /proc/self/environ /etc/passwd' 'ln -s /dev/zero /etc/passwd'; do
    for use in 'USER ghost\nRUN id' 'COPY --chown=ghost a /a' 'USER ghost\nWORKDIR /w'; do
      dockerfile 'FROM localhost/base' "RUN rm /etc/passwd && $make" "$(printf '%b' "$use")"
      echo a >"$CONTEXT/a"
      run -1 timeout 20 bash -c "$(declare -f toyimg); BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR TOYIMG=$TOYIMG toyimg build --pull=never --progress none --runtime $RUNTIME $CONTEXT </dev/null"
      expect 'ghost|etc/passwd'
      expect_not 'uid=77'
    done
  done
}

@test "build: malformed instructions are one clear sentence (CVE-2024-23650)" {
  base
  for line in 'RUN --mount= true' 'RUN --mount=type= true' 'RUN --mount=type=cache true' 'RUN --mount=type=tmpfs,target=/t,size=99999999999999999999 true' \
    'RUN --mount=type=bind,target=/m,from=18446744073709551616 true' 'RUN --mount=type=secret true' 'RUN --network= true' 'RUN []' 'RUN --mount=type=cache,target=/c,mode=99999 true' \
    'COPY --from=18446744073709551616 a /a' 'COPY --from= a /a' 'COPY --chmod=+ a /a' 'COPY --chown=: a /a' 'COPY --chown=4294967296 a /a' 'COPY [] /a' 'COPY --exclude=[ a /a' \
    'ADD --checksum= http://127.0.0.1:1/a /a' 'ADD --checksum=sha256:0 http://127.0.0.1:1/a /a' 'ADD http:///a /a' 'ADD http://127.0.0.1:99999/a /a' 'ADD https://x@:y@/a /a' 'EXPOSE 99999999999999999999' 'EXPOSE 1-99999999999' 'EXPOSE /' \
    'HEALTHCHECK --interval=99999999999999999999h CMD a' 'HEALTHCHECK --retries=-1 CMD a' 'HEALTHCHECK' 'STOPSIGNAL 99999999999' 'STOPSIGNAL' 'USER' 'WORKDIR' 'ENV =a' 'ENV a' 'LABEL =' 'VOLUME []' 'VOLUME [""]' \
    'ARG' 'ARG =' 'ONBUILD' 'ONBUILD ONBUILD RUN a' 'ONBUILD FROM a' 'SHELL []' 'ENV a=${' 'ENV a=${b:?}' 'ENV a=${b/' 'COPY <<EOF /a' 'FROM' 'FROM a b c d' 'FROM localhost/base AS 0' 'FROM --platform=/// localhost/base' \
    'FROM --platform= localhost/base' 'FROM ../../base' 'FROM localhost/base@sha256:0' 'CMD --x a b' 'RUN --x a' $'RUN \x01\xff\xfe --mount' 'USER 4294967296' 'USER -1:-1'; do
    dockerfile 'FROM localhost/base' "$line" 'RUN true'
    run --separate-stderr toyimg build --pull=never --quiet --runtime "$RUNTIME" "$CONTEXT" </dev/null
    case $line in 'EXPOSE /' | 'VOLUME []' | 'LABEL =' | 'CMD --x a b' | $'RUN \x01'*) [ "$status" -le 1 ] ;; *) [ "$status" -eq 1 ] ;; esac || { echo "$line: $status $stderr"; return 1; }
    [ "$status" -eq 0 ] || [ "$(wc -l <<<"$stderr")" -eq 1 ] || { echo "$line: $stderr"; return 1; }
    [[ $stderr != *"terminate called"* && $stderr != *std::* ]] || { echo "$line: $stderr"; return 1; }
  done
}

@test "build: no privileges by the Dockerfile (CVE-2024-23653)" {
  base
  dockerfile 'FROM localhost/base' 'RUN --security=insecure true'
  run -1 bud
  expect 'security=insecure is not supported'
  dockerfile 'FROM localhost/base' 'RUN --device=vendor.com/device true'
  run -1 bud
  expect 'device is not supported'
  # What the base image says about its containers is for who runs it, not for its steps.
  dockerfile 'FROM localhost/base' 'LABEL org.toyrun.network.type=host io.containers.capabilities=ALL' 'RUN grep -E "CapEff|Seccomp:|NoNewPrivs" /proc/self/status >/s; mount -t tmpfs none /mnt 2>&1 || echo refused'
  run -0 bud -o "$BUNDLE"
  expect 'refused'
  grep -q '^CapEff:.00000000a80425fb$' "$ROOTFS/s" && grep -q '^Seccomp:.2$' "$ROOTFS/s"
}

@test "build: what a step writes to a bind mount is gone with it (CVE-2025-4953)" {
  base
  mkdir "$CONTEXT/d"
  echo old >"$CONTEXT/d/f"
  before=$(find "$CONTEXT" -printf '%p %i %m %T@\n' | sort; cat "$CONTEXT/d/f")
  dockerfile 'FROM localhost/base AS s' 'RUN echo old >/f' 'FROM localhost/base' \
    'RUN --mount=target=/m,source=d,rw --mount=target=/n,source=d/f,rw --mount=from=s,target=/o,rw echo new >/m/f; rm -rf /m/*; touch /m/g; echo new >/n; echo new >/o/f; chmod 777 /m' \
    'RUN --mount=target=/m,source=d --mount=from=s,target=/o cat /m/f /o/f >/seen; ls / >>/seen'
  before=$(find "$CONTEXT" -printf '%p %i %m %T@\n' | sort; cat "$CONTEXT/d/f")
  run -0 bud -o "$BUNDLE"
  [ "$(find "$CONTEXT" -printf '%p %i %m %T@\n' | sort; cat "$CONTEXT/d/f")" = "$before" ]
  [ "$(head -2 "$ROOTFS/seen")" = $'old\nold' ]
  [ ! -e "$ROOTFS/m" ] && [ ! -e "$ROOTFS/n" ] && [ ! -e "$ROOTFS/o" ]
}

@test "build: no frontend is fetched (CVE-2026-33747)" {
  start_registry
  base
  printf '# syntax=%s/evil/frontend:1\nFROM localhost/base\nRUN true\n' "$REGISTRY" >"$CONTEXT/Dockerfile"
  forget_requests
  run -0 toyimg build --progress plain --runtime "$RUNTIME" --build-arg "BUILDKIT_SYNTAX=$REGISTRY/evil/frontend:1" "$CONTEXT" </dev/null
  [ "$(requests '[A-Z]+ /')" -eq 0 ]
}

@test "build: names of heredocs and sources are no way out" {
  base
  up=../../../../../../../../../..$CANARY
  dockerfile 'FROM localhost/base' "COPY <<\"$up/file\" /d/" 'overwritten' "$up/file"
  run bud
  [ "$status" -le 1 ]
  dockerfile 'FROM localhost/base' "RUN <<\"$up/file\"" '#!/bin/sh' "$up/file"
  run -1 bud
  dockerfile 'FROM localhost/base' "COPY $up/file /f"
  run -1 bud
  expect_not untouched
  dockerfile 'FROM localhost/base' "ENV d=$up" 'COPY Dockerfile $d/file' 'WORKDIR $d' 'RUN rm -rf $d' "COPY --parents Dockerfile $up/"
  run bud
  [ "$status" -le 1 ]
  dockerfile 'FROM x'
  ln -s "$CANARY" "$BATS_TEST_TMPDIR/layout"
  run -1 bud --build-context "x=oci-layout://$BATS_TEST_TMPDIR/layout"
  run -1 bud --build-context x=oci-archive://x
}

@test "build: COPY leaves the layers below as they are" {
  base
  mkdir -p "$CONTEXT/d/s"
  echo new | tee "$CONTEXT/d/f" "$CONTEXT/d/s/f" "$CONTEXT/d/hard" >"$CONTEXT/x"
  chmod 700 "$CONTEXT/d/s"
  dockerfile 'FROM localhost/base' 'RUN mkdir -p /d/s && echo old >/d/f && echo old >/d/s/f && ln /d/f /d/hard && ln -s f /d/l && chown -R 5 /d'
  bud
  kept() { find "$BATS_TEST_TMPDIR"/store/build/boot-*/layers "$BATS_TEST_TMPDIR"/store/build/boot-*/trees -printf '%p %i %m %U %n %T@ %s\n' 2>/dev/null | sort >"$1"; }
  kept "$OUT.before"
  [ -s "$OUT.before" ]
  cat >>"$CONTEXT/Dockerfile" <<'EOF'
COPY --chown=7:8 --chmod=711 d /d
COPY x /d/l
COPY x /d/hard
COPY --link --chown=9 d /d
WORKDIR /d/s
EOF
  bud
  kept "$OUT.after"
  # Each old line is still there; new layers came on top.
  [ -z "$(comm -23 <(grep -v '/\(layers\|trees\) ' "$OUT.before") "$OUT.after")" ]
}

@test "build: a Dockerfile that grows, nests or matches without end is one sentence" {
  refused() { # WORDS
    run -1 timeout 20 bash -c "ulimit -v 4000000; exec \"\$0\" \"\$@\"" "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" build --pull=never "$CONTEXT"
    [ "${#lines[@]}" = 1 ]
    expect "$1"
  }
  nested() { python3 -c "print('FROM scratch\nENV A=x\nENV B=' + '\\\\\n'.join(['$1' * 12000] * 20))" >"$CONTEXT/Dockerfile"; }
  # shellcheck disable=SC2016
  for piece in '${A#' '${A:-' '${A/' '${A//x/'; do
    nested "$piece"
    refused 'Dockerfile:3.*: variables are nested too deeply'
  done
  # shellcheck disable=SC2016
  { printf 'FROM scratch\nENV A=aaaaaaaaaa\n'; yes 'ENV A=$A$A$A$A$A$A$A$A' | head -12; } >"$CONTEXT/Dockerfile"
  refused 'Dockerfile:8:1: variables make it longer than 1 MiB'
  # shellcheck disable=SC2016
  { printf 'FROM scratch\n'; printf 'ARG A=%060000d\nENV B=${A//*0*0*0*0*0*0*0*0*0*0*0*0*0*b/x}\n' 0; } >"$CONTEXT/Dockerfile"
  refused 'Dockerfile:3:1: a pattern takes too long to match'
  # Long values by themselves are fine.
  { printf 'FROM scratch\nENV P=%s\n' "$(printf '/opt/dir%d/bin:' $(seq 500))"; printf 'ENV Q=${P//opt/usr} R=${P##*/} S=${P//\\/bin:/}\n'; } >"$CONTEXT/Dockerfile"
  run -0 bud --iidfile "$BATS_TEST_TMPDIR/id"
  config_of "$BATS_TEST_TMPDIR/id" | jq -e '[.config.Env[] | select(startswith("Q=/usr/dir1/bin:/usr/dir2/") or . == "R=bin:" or startswith("S=/opt/dir1/opt"))] | length == 3'
  { echo FROM scratch AS a0; for n in $(seq 1200); do echo "FROM a0 AS b$n"; done; } >"$CONTEXT/Dockerfile"
  refused 'Dockerfile:1001:1: there are more than 1000 build stages'
}

@test "build: a chain of many stages needs few threads" {
  base
  echo 'FROM localhost/base AS a0' >"$CONTEXT/Dockerfile"
  for n in $(seq 400); do echo "FROM a$((n - 1)) AS a$n"; done >>"$CONTEXT/Dockerfile"
  echo 'RUN echo x >/x' >>"$CONTEXT/Dockerfile"
  run -0 bash -c "ulimit -u unlimited; ulimit -v 4000000; exec \"\$0\" \"\$@\"" "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" build --pull=never --progress plain "$CONTEXT"
  expect '\[a400 1/1\] done'
}

@test "build: an archive's header does not say how much memory it gets" {
  base
  python3 - "$CONTEXT" <<'EOF'
import io, lzma, sys, tarfile
def packed(name, size, **words):
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        info = tarfile.TarInfo("zeros")
        info.size = size
        tar.addfile(info, io.BytesIO(bytes(size)))
    with open(f"{sys.argv[1]}/{name}", "wb") as out:
        out.write(lzma.compress(plain.getvalue(), filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, **words}]))
packed("large.tar.xz", 1 << 20, dict_size=1536 << 20)
packed("usual.tar.xz", 1 << 20, dict_size=64 << 20)
EOF
  dockerfile 'FROM localhost/base' 'ADD usual.tar.xz /x/'
  run -0 bud -o "type=tar,dest=$BATS_TEST_TMPDIR/tar"
  tar -tf "$BATS_TEST_TMPDIR/tar" x/zeros
  dockerfile 'FROM localhost/base' 'ADD large.tar.xz /x/'
  run -1 bud
  expect 'Dockerfile:2:1: needs more than 256 MiB to be decompressed'
}

@test "build: more layers than fit into a page of mount options" {
  base
  { echo FROM localhost/base; for n in $(seq 240); do echo "COPY Dockerfile /d/$n"; done; echo 'RUN ls /d | wc -l >/count'; } >"$CONTEXT/Dockerfile"
  run bud -o "type=tar,dest=$BATS_TEST_TMPDIR/tar"
  [[ $status == 0 || $output == *'layers are more than this kernel takes'* ]] || { echo "$output" | tail -3; false; }
  [ "$status" != 0 ] || [ "$(tar -xOf "$BATS_TEST_TMPDIR/tar" count)" = 240 ]
  { echo FROM localhost/base; for n in $(seq 520); do echo "COPY --link Dockerfile /d/$n"; done; echo 'RUN ls /d | wc -l >/count'; } >"$CONTEXT/Dockerfile"
  run -1 bud
  expect 'layers are more than the 500 that overlayfs takes'
}

@test "build: places with commas and long names, pipes for files, and outputs that fail" {
  base
  dockerfile 'FROM localhost/base' 'COPY Dockerfile /d' 'RUN echo x >/x'
  store=$BATS_TEST_TMPDIR/a,b\\c/$(printf '%0200d' 0)/s
  mkdir -p "${store%/s}"
  cp -a "$BATS_TEST_TMPDIR/store" "$store"
  run -0 "$TOYIMG" --store "$store" build --pull=never --runtime "$RUNTIME" -o "type=tar,dest=$BATS_TEST_TMPDIR/tar" "$CONTEXT"
  [ "$(tar -xOf "$BATS_TEST_TMPDIR/tar" x)" = x ]
  run -0 bud --ignorefile <(echo nothing) # a pipe that the user names
  mkfifo "$CONTEXT/.dockerignore"
  run -1 timeout 20 "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" build --pull=never "$CONTEXT"
  expect 'dockerignore is no regular file'
  rm "$CONTEXT/.dockerignore"
  mkdir "$BATS_TEST_TMPDIR/small"
  mount -t tmpfs -o size=500k none "$BATS_TEST_TMPDIR/small"
  run -1 bud -o "type=tar,dest=$BATS_TEST_TMPDIR/small/tar"
  expect 'No space left on device'
  [ -z "$(ls "$BATS_TEST_TMPDIR/small")" ]
  run -1 bud -o "type=local,dest=$BATS_TEST_TMPDIR/small/new/local"
  expect 'No space left on device'
  [ -z "$(ls "$BATS_TEST_TMPDIR/small")" ]
  mkdir "$BATS_TEST_TMPDIR/small/empty" # was there, and stays
  run -1 bud -o "type=local,dest=$BATS_TEST_TMPDIR/small/empty"
  [ "$(ls -A "$BATS_TEST_TMPDIR/small" "$BATS_TEST_TMPDIR/small/empty" | grep -c .)" = 3 ]
  rmdir "$BATS_TEST_TMPDIR/small/empty"
  mount -o remount,size=100k "$BATS_TEST_TMPDIR/small"
  for place in oci:new/layout dir:new/directory; do
    run -1 toyimg copy store:localhost/base "${place%%:*}:$BATS_TEST_TMPDIR/small/${place#*:}"
    expect 'No space left on device'
    [ -z "$(ls "$BATS_TEST_TMPDIR/small")" ]
  done
  head -c 200000 /dev/urandom >"$CONTEXT/random"
  dockerfile 'FROM localhost/base' 'COPY random /'
  run -1 bud --cache-to "type=local,dest=$BATS_TEST_TMPDIR/small/new/cache"
  expect 'No space left on device'
  [ -z "$(ls "$BATS_TEST_TMPDIR/small")" ]
  umount "$BATS_TEST_TMPDIR/small"
}

# interrupted WORDS…: the command waits for a pipe that nobody writes to; SIGTERM ends it.
interrupted() {
  local pid status=0
  "$TOYIMG" --store "$BATS_TEST_TMPDIR/store" "$@" <"$BATS_TEST_TMPDIR/silent" >"$OUT" 2>&1 3>&- 4>&- &
  pid=$!
  wait_for 10 two_threads "$pid" # one of them watches for signals
  sleep 0.1                      # the other waits by now, most likely
  kill "$pid"
  wait "$pid" || status=$?
  cat "$OUT"
  [ "$status" -eq 143 ] && [[ $(cat "$OUT") == *interrupted ]]
}
two_threads() { [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l)" -gt 1 ]; }

@test "build, load, copy, sync: a signal ends the wait for a pipe, and nothing is left" {
  OUT=$BATS_TEST_TMPDIR/out
  base
  mkfifo "$BATS_TEST_TMPDIR/fifo" "$BATS_TEST_TMPDIR/silent"
  exec 8<>"$BATS_TEST_TMPDIR/silent"
  dockerfile 'FROM localhost/base'
  interrupted load -i "$BATS_TEST_TMPDIR/fifo"
  interrupted load
  interrupted copy "oci-archive:$BATS_TEST_TMPDIR/fifo" store:x
  interrupted sync "$BATS_TEST_TMPDIR/fifo" store:
  interrupted build -f "$BATS_TEST_TMPDIR/fifo" "$CONTEXT"
  interrupted build -f - "$CONTEXT"
  interrupted build --ignorefile "$BATS_TEST_TMPDIR/fifo" "$CONTEXT"
  interrupted build -
  exec 8>&-
  [ -z "$(ls -d "$BATS_TEST_TMPDIR"/store/build/work-* 2>/dev/null)" ]
}
