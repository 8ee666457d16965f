# SPDX-License-Identifier: Apache-2.0
# toyimg build from other places than a directory: standard input, HTTP and git, which ADD takes as well. All servers are on loopback.
load support
load registry
load build

# web DIRECTORY: serves it; sets WEB.
web() {
  local port=$((20000 + RANDOM % 12000))
  python3 -m http.server --bind 127.0.0.1 --directory "$1" "$port" >/dev/null 2>&1 3>&- 4>&- &
  WEB_PID=$!
  WEB=http://127.0.0.1:$port
  wait_for 20 curl -so /dev/null "$WEB/"
}
# git_server: serves the repositories below $REPOSITORIES by git's own protocol; sets GIT.
git_server() {
  local port=$((20000 + RANDOM % 12000))
  git daemon --listen=127.0.0.1 --port="$port" --base-path="$REPOSITORIES" --export-all --reuseaddr "$REPOSITORIES" >/dev/null 2>&1 3>&- 4>&- &
  GIT_PID=$!
  GIT=git://127.0.0.1:$port
  wait_for 20 git ls-remote "$GIT/app.git" >/dev/null 2>&1
}
teardown() {
  for pid in ${WEB_PID:-} ${GIT_PID:-}; do
    # git daemon is a child of git
    pkill -P "$pid" 2>/dev/null || true
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  stop_registry
  [ "$(stat -c '%i %a %u %Y' "$CANARY" "$CANARY/file")" = "$canary_before" ]
  [ "$(cat "$CANARY/file")" = untouched ]
  [ "$(ls "$CANARY")" = file ]
  end_test
}
build_from() { toyimg build --pull=never --progress plain --runtime "$RUNTIME" "$@"; }
in_git() { git -C "$1" -c user.name=me -c user.email=me@example.org -c commit.gpgsign=false -c protocol.file.allow=always "${@:2}"; }
# repository NAME: an empty one in $REPOSITORIES, its work tree is $REPOSITORIES/NAME.
repository() {
  REPOSITORIES=$BATS_TEST_TMPDIR/repositories
  mkdir -p "$REPOSITORIES"
  git init --quiet --initial-branch=main "$REPOSITORIES/$1.git"
  TREE=$REPOSITORIES/$1.git
}
commit() { in_git "$TREE" add --all && in_git "$TREE" commit --quiet --message "$1"; }

@test "build: a Dockerfile on standard input has no files" {
  base
  run -0 build_from -o "$BUNDLE" - <<<$'FROM localhost/base\nRUN echo in >/made'
  [ "$(cat "$ROOTFS/made")" = in ]
  run -1 build_from - <<<$'FROM localhost/base\nCOPY a /a'
  expect '^toyimg: stdin:2:1: "/a": not found in the build context'
  run -1 build_from -f - - <<<'FROM localhost/base'
  expect 'only one of the context and --file'
  run -1 build_from - </dev/null
  # -f - with a directory
  echo a >"$CONTEXT/a"
  run -0 build_from -f - -o "$BUNDLE.2" "$CONTEXT" <<<$'FROM localhost/base\nCOPY a /a'
  [ "$(cat "$BUNDLE.2/rootfs/a")" = a ]
}

@test "build: an archive on standard input" {
  base
  mkdir "$CONTEXT/sub"
  echo a >"$CONTEXT/a"
  dockerfile 'FROM localhost/base' 'COPY . /c/'
  printf 'FROM localhost/base\nCOPY a /other\n' >"$CONTEXT/sub/Other"
  printf '*\n' >"$CONTEXT/.dockerignore" # for directories
  for compression in --gzip --bzip2 --xz --zstd ''; do
    rm -rf "$BUNDLE"
    # shellcheck disable=SC2086
    run -0 build_from -o "$BUNDLE" - < <(tar -C "$CONTEXT" $compression -c .)
    [ "$(cat "$ROOTFS/c/a")" = a ]
    [ -e "$ROOTFS/c/sub/Other" ]
  done
  run -0 build_from -f sub/Other -o "$BUNDLE.2" - < <(tar -C "$CONTEXT" -c .)
  [ "$(cat "$BUNDLE.2/rootfs/other")" = a ]
  # The same files by another archive are the same files.
  touch "$CONTEXT/a"
  run -0 build_from - < <(tar -C "$CONTEXT" -c .)
  expect '^\[stage-0 1/1\] cached$'
}

@test "build: an archive or a Dockerfile by HTTP, and ADD of one" {
  base
  mkdir "$BATS_TEST_TMPDIR/web"
  web "$BATS_TEST_TMPDIR/web"
  echo a >"$CONTEXT/a"
  dockerfile 'FROM localhost/base' 'COPY a /a'
  tar -C "$CONTEXT" -czf "$BATS_TEST_TMPDIR/web/context.tgz" .
  printf 'FROM localhost/base\nADD %s/context.tgz /kept/\nADD --unpack %s/context.tgz /files/\nCOPY --from=other a /b\n' "$WEB" "$WEB" >"$BATS_TEST_TMPDIR/web/Lone"
  run -0 build_from -o "$BUNDLE" "$WEB/context.tgz"
  [ "$(cat "$ROOTFS/a")" = a ]
  run -0 build_from -o "$BUNDLE.2" --build-context "other=$WEB/context.tgz" "$WEB/Lone"
  cmp "$BUNDLE.2/rootfs/kept/context.tgz" "$BATS_TEST_TMPDIR/web/context.tgz"
  [ "$(cat "$BUNDLE.2/rootfs/files/a")" = a ]
  [ "$(cat "$BUNDLE.2/rootfs/b")" = a ]
  run -1 build_from "$WEB/nope.tgz"
  expect 'the build context http://.*/nope.tgz: .*the server answered 404'
  run -1 build_from -f Dockerfile "$WEB/Lone"
  run -1 build_from oci-layout:///tmp
  expect 'must be a directory, -, a git or an http'
}

@test "build: a git repository, a branch, a tag, a commit, a directory of it" {
  base
  repository app
  mkdir "$TREE/sub"
  echo main >"$TREE/f"
  printf 'FROM localhost/base\nCOPY . /c/\n' | tee "$TREE/Dockerfile" >"$TREE/sub/Dockerfile"
  echo below >"$TREE/sub/g"
  commit one
  in_git "$TREE" tag v1
  first=$(in_git "$TREE" rev-parse HEAD)
  in_git "$TREE" checkout --quiet -b side
  echo side >"$TREE/f"
  commit two
  git_server
  run -0 build_from -o "$BUNDLE" "$GIT/app.git"
  [ "$(cat "$ROOTFS/c/f")" = side ]
  [ ! -e "$ROOTFS/c/.git" ]
  for name in v1 "$first" main; do
    run -0 build_from -o "$BUNDLE.$name" "$GIT/app.git#$name"
    [ "$(cat "$BUNDLE.$name/rootfs/c/f")" = main ]
  done
  run -0 build_from -o "$BUNDLE.sub" "$GIT/app.git#side:sub"
  [ "$(cat "$BUNDLE.sub/rootfs/c/g")" = below ]
  [ ! -e "$BUNDLE.sub/rootfs/c/f" ]
  run -1 build_from "$GIT/app.git#nope"
  expect 'the build context git://.*: git failed'
  run -1 build_from "$GIT/app.git#--upload-pack=touch $CANARY/new"
  expect 'is no git address'
  # ADD
  dockerfile 'FROM localhost/base' "ADD $GIT/app.git#v1 /v1" "ADD --keep-git-dir=true $GIT/app.git#side:sub /sub/" "ADD --checksum=$first $GIT/app.git#v1 /checked"
  run -0 bud -o "$BUNDLE.add"
  [ "$(cat "$BUNDLE.add/rootfs/v1/f")" = main ]
  [ ! -e "$BUNDLE.add/rootfs/v1/.git" ]
  [ "$(cat "$BUNDLE.add/rootfs/checked/f")" = main ]
  [ "$(cat "$BUNDLE.add/rootfs/sub/g")" = below ]
  run -0 bud
  [ "$(grep -c ' cached$' <<<"$output")" -eq 3 ]
  dockerfile 'FROM localhost/base' "ADD --checksum=$first $GIT/app.git#side /checked"
  run -1 bud
  expect 'not --checksum='
}

@test "build: git contexts with symlinks stay inside (CVE-2026-33748, CVE-2026-44517)" {
  base
  repository app
  up=../../../../../../../../../..$CANARY
  ln -s "$CANARY" "$TREE/link"
  ln -s "$up" "$TREE/dots"
  ln -s / "$TREE/root"
  mkdir "$TREE/sub"
  ln -s "$up/file" "$TREE/sub/Dockerfile"
  ln -s "$CANARY/file" "$TREE/Dockerfile"
  ln -s "$CANARY/file" "$TREE/data"
  printf 'FROM localhost/base\nCOPY data /data\n' >"$TREE/Other"
  printf 'FROM localhost/base\nCOPY . /all\n' >"$TREE/Whole"
  commit one
  git_server
  for where in '' '#main:link' '#main:dots' "#main:root$CANARY" '#main:sub' '#main:link/..' "#main:$up"; do
    run -1 build_from "$GIT/app.git$where"
    expect_not untouched
  done
  run -1 build_from -f link/file "$GIT/app.git"
  run -1 build_from -f "$up/file" "$GIT/app.git"
  expect_not untouched
  run -1 build_from -f Other "$GIT/app.git"
  expect '"/data": not found'
  run -0 build_from -f Whole -o "$BUNDLE" "$GIT/app.git"
  [ "$(readlink "$ROOTFS/all/data")" = "$CANARY/file" ]
  dockerfile 'FROM localhost/base' "ADD $GIT/app.git#main:link /x"
  run -1 bud
  # A submodule is fetched by the same rules: no files of this machine.
  repository secret
  echo untouched >"$TREE/file"
  commit one
  secret=$TREE
  TREE=$REPOSITORIES/app.git
  printf '[submodule "module"]\n\tpath = module\n\turl = %s\n' "$secret" >"$TREE/.gitmodules"
  in_git "$TREE" update-index --add --cacheinfo "160000,$(in_git "$secret" rev-parse HEAD),module"
  in_git "$TREE" add .gitmodules
  in_git "$TREE" commit --quiet --message module
  run -1 build_from -f Whole "$GIT/app.git"
  expect "Failed to clone 'module'"
  # the same by a transport that is allowed
  in_git "$TREE" config --file .gitmodules submodule.module.url "$GIT/secret.git"
  in_git "$TREE" add .gitmodules
  in_git "$TREE" commit --quiet --message url
  run -0 build_from -f Whole -o "$BUNDLE.module" "$GIT/app.git"
  [ "$(cat "$BUNDLE.module/rootfs/all/module/file")" = untouched ]
}

@test "build: archives as contexts that are broken or lead out are dropped as a whole (CVE-2026-44517)" {
  base
  mkdir "$BATS_TEST_TMPDIR/web" "$BATS_TEST_TMPDIR/tars"
  python3 - "$BATS_TEST_TMPDIR/tars" "$CANARY" <<'EOF'
import io, sys, tarfile
directory, canary = sys.argv[1:]
up = "../" * 20 + canary.lstrip("/")
def archive(name, *entries, cut=0):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, kind, text in entries:
            info = tarfile.TarInfo(path)
            info.type = kind
            body = b""
            if kind == tarfile.REGTYPE:
                body = text.encode()
            else:
                info.linkname = text
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    text = data.getvalue()
    open(f"{directory}/{name}", "wb").write(text[:cut] if cut else text)
R, S, H, F = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE
whole = ("Dockerfile", R, "FROM localhost/base\nCOPY . /all\n")
archive("symlink", ("Dockerfile", S, canary + "/file"), ("x", R, "x" * 5000))
archive("dots", ("Dockerfile", S, up + "/file"))
archive("hardlink", ("Dockerfile", H, canary + "/file"))
archive("fifo", ("Dockerfile", F, ""))
archive("cut", ("Dockerfile", S, canary + "/file"), ("x", R, "x" * 5000), cut=2048)
archive("cut-in-name", ("Dockerfile", S, canary + "/new"), ("Dockerfile", R, "FROM localhost/base\n" * 100), cut=1030)
archive("write-through", ("Dockerfile", S, canary + "/new"), ("Dockerfile", R, "RUN nothing\n"))
archive("outside", whole, (up + "/new", R, "x"))
archive("absolute", whole, (canary + "/new", R, "x"))
archive("through", whole, ("l", S, canary), ("l/new", R, "x"), ("l/file", R, "x"))
EOF
  cp "$BATS_TEST_TMPDIR"/tars/* "$BATS_TEST_TMPDIR/web"
  web "$BATS_TEST_TMPDIR/web"
  for archive in "$BATS_TEST_TMPDIR"/tars/*; do
    for way in stdin http; do
      if [ "$way" = stdin ]; then run build_from - <"$archive"; else run build_from "$WEB/${archive##*/}"; fi
      case ${archive##*/} in absolute | outside | through) [ "$status" -le 1 ] ;; *) [ "$status" -eq 1 ] ;; esac
      expect_not 'untouched|terminate called'
      [ "$(ls "$CANARY")" = file ]
    done
  done
  nothing_of_a_build_is_left
  [ -z "$(find "$BATS_TEST_TMPDIR/store/build" -maxdepth 1 -name 'work-*')" ]
}

@test "build: a named context that is an OCI layout" {
  base
  mkdir "$BATS_TEST_TMPDIR/none"
  for tag in one two; do
    printf 'FROM scratch\nCOPY <<X /%s\n%s\nX\n' $tag $tag >"$CONTEXT/$tag"
    run -0 bud -t "$tag" -f "$CONTEXT/$tag"
    skopeo copy -q "oci:$BATS_TEST_TMPDIR/store:docker.io/library/$tag:latest" "oci:$BATS_TEST_TMPDIR/layout:$tag"
  done
  rm -r "$BATS_TEST_TMPDIR/store" "$BATS_TEST_TMPDIR/base"
  base
  digest=$(skopeo inspect --raw "oci:$BATS_TEST_TMPDIR/layout:two" | sha256sum | cut -d' ' -f1)
  dockerfile 'FROM first' 'COPY --from=second /two /copied' 'FROM localhost/base' 'COPY --from=0 / /all' 'RUN --mount=from=second,target=/m cp /m/two /mounted'
  run -0 bud --build-context "first=oci-layout://$BATS_TEST_TMPDIR/layout:one" --build-context "second=oci-layout://$BATS_TEST_TMPDIR/layout@sha256:$digest" -o "$BUNDLE"
  [ "$(cat "$ROOTFS/all/one" "$ROOTFS/all/copied" "$ROOTFS/mounted")" = $'one\ntwo\ntwo' ]
  cd "$BATS_TEST_TMPDIR"
  run -0 bud --build-context first=oci-layout://layout:one --build-context "second=oci-layout://layout:two"
  [ "$(grep -c ' cached$' <<<"$output")" = 3 ]
  [ "$(toyimg images -q | wc -l)" = 1 ] # the base alone: what a context is is not named
  for place in layout none nothing layout:three layout@sha256:1234; do
    run -1 bud --build-context "first=oci-layout://$place" --build-context "second=oci-layout://layout:two"
    expect "oci-layout://$place"
    [ "${#lines[@]}" = 1 ]
  done
}

@test "build: hosts of steps" {
  base
  dockerfile 'FROM localhost/base' 'RUN cp /etc/hosts /hosts'
  run -0 bud --add-host gate:host-gateway --add-host six:[::1] --add-host four=10.1.2.3 -o "$BUNDLE"
  for line in '127.0.0.1	gate' '::1	six' '10.1.2.3	four'; do contains "^$line$" "$ROOTFS/hosts"; done
  run -1 bud --add-host bad:nowhere
  expect 'nowhere is no IP address'
}
