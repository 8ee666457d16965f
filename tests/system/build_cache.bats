# SPDX-License-Identifier: Apache-2.0
# toyimg build --cache-from and --cache-to: another store has the steps of this one, through a registry or a directory.
load support
load registry
load build

# elsewhere [options]: the build in a store that has nothing but the base.
elsewhere() {
  toyimg() { "$TOYIMG" --store "$BATS_TEST_TMPDIR/elsewhere" "$@" 3>&- 4>&-; }
  [ -d "$BATS_TEST_TMPDIR/elsewhere" ] || cp -a "$BATS_TEST_TMPDIR/fresh" "$BATS_TEST_TMPDIR/elsewhere"
  bud "$@"
}
steps() {
  base
  cp -a "$BATS_TEST_TMPDIR/store" "$BATS_TEST_TMPDIR/fresh"
  compile_steps
  echo one >"$CONTEXT/source"
}
compile_steps() {
  dockerfile 'FROM localhost/base AS compile' 'COPY source /source' 'RUN date +%s%N >/made; cat /source >>/made; touch /more' \
    'FROM localhost/base' 'COPY --from=compile /made /made' 'RUN cat /made >/copy; date +%s%N >>/copy' 'ENV a=b' 'WORKDIR /w'
}

@test "build: a cache in a registry: another store runs nothing" {
  start_registry
  steps
  run -0 --separate-stderr bud -t here --cache-to "$REGISTRY/cache:main"
  digest=$output
  run -0 --separate-stderr elsewhere --cache-from "$REGISTRY/cache:main" --runtime /bin/false -t there -o "$BUNDLE"
  [ "$(grep -c ' cached$' <<<"$stderr")" -eq 5 ]
  [ "$output" = "$digest" ]
  # What the result does not have is not fetched.
  [ "$(ls "$BATS_TEST_TMPDIR/elsewhere/blobs/sha256" | wc -l)" -lt "$(ls "$BATS_TEST_TMPDIR/store/blobs/sha256" | wc -l)" ]
  # The result's steps are this store's from now on.
  dockerfile 'FROM localhost/base' 'COPY made /made' 'RUN cat /made >/copy; date +%s%N >>/copy' 'WORKDIR /w'
  cp -p "$ROOTFS/made" "$CONTEXT/made"
  run -0 --separate-stderr elsewhere --explain-cache
  grep -q '^\[stage-0 2/3\] cached$' <<<"$stderr" && grep -q '^\[stage-0 3/3\] cached$' <<<"$stderr"
  compile_steps
  # A changed source is another step, and so is what depends on it.
  echo two >"$CONTEXT/source"
  rm -r "$BATS_TEST_TMPDIR/elsewhere"
  run -0 --separate-stderr elsewhere --cache-from "type=registry,ref=$REGISTRY/cache:main" -o "$BUNDLE.2"
  [ "$(grep -c ' cached$' <<<"$stderr")" -eq 0 ]
  [ "$(sed -n 2p "$BUNDLE.2/rootfs/copy")" = two ]
}

@test "build: a cache in a directory, with layers fetched when a step needs them" {
  steps
  bud --cache-to "type=local,dest=$BATS_TEST_TMPDIR/cache"
  skopeo inspect --raw "oci:$BATS_TEST_TMPDIR/cache:buildcache" | jq -e '.config.mediaType == "application/vnd.toyimg.build.cache.v1+json" and (.layers | length == 5)'
  # Another step at the end of the compile stage: it needs the files of those before.
  sed -i '3a RUN cat /made >/other && cp /other /made' "$CONTEXT/Dockerfile"
  run -0 --separate-stderr elsewhere --cache-from "type=local,src=$BATS_TEST_TMPDIR/cache" -o "$BUNDLE" --explain-cache
  grep -q '^\[compile 2/3\] cached$' <<<"$stderr"
  grep -q '^\[compile 3/3\] done' <<<"$stderr"
  # The copied file is the same, so what comes after it is, too.
  grep -q '^\[stage-1 2/4\] cached$' <<<"$stderr"
  cmp "$ROOTFS/made" <(head -2 "$ROOTFS/copy")
}

@test "build: a cache with the result's layers alone" {
  steps
  bud --cache-to "type=local,dest=$BATS_TEST_TMPDIR/cache,mode=min"
  skopeo inspect --raw "oci:$BATS_TEST_TMPDIR/cache:buildcache" | jq -e '.layers | length == 3'
  run -0 --separate-stderr elsewhere --cache-from "type=local,src=$BATS_TEST_TMPDIR/cache"
  grep -q '^\[compile 2/2\] done' <<<"$stderr"
}

@test "build: a cache inside an image, of one platform or several" {
  start_registry
  steps
  run -0 bud -t "$REGISTRY/made:1" --push --cache-to type=inline
  run -0 --separate-stderr elsewhere --cache-from "$REGISTRY/made:1" -o "$BUNDLE"
  grep -q '^\[compile 2/2\] done' <<<"$stderr" # its layer is not in the image
  rm -r "$BATS_TEST_TMPDIR/elsewhere"
  dockerfile 'FROM localhost/base' 'RUN date +%s%N >/made' 'COPY source /source'
  run -0 --separate-stderr toyimg build --pull=never --progress plain --build-arg BUILDKIT_INLINE_CACHE=1 -t "$REGISTRY/made:2" --push "$CONTEXT"
  digest=$output
  run -0 --separate-stderr elsewhere --cache-from "type=registry,ref=$REGISTRY/made:2" --runtime /bin/false -o "$BUNDLE.2"
  [ "$(grep -c ' cached$' <<<"$stderr")" -eq 2 ]
  rm -r "$BATS_TEST_TMPDIR/elsewhere"
  # The same image when it has a cache in turn.
  run -0 --separate-stderr elsewhere --cache-from "$REGISTRY/made:2" --cache-to type=inline --build-arg BUILDKIT_INLINE_CACHE=0
  [ "$output" = "$digest" ]
  rm -r "$BATS_TEST_TMPDIR/elsewhere"
  dockerfile 'FROM scratch' 'COPY source /source'
  run -0 bud --platform linux/amd64,linux/arm64 -t "$REGISTRY/made:3" --push --cache-to type=inline
  run -0 --separate-stderr elsewhere --platform linux/arm64 --cache-from "$REGISTRY/made:3"
  [ "$(grep -c ' cached$' <<<"$stderr")" -eq 1 ]
}

@test "build: caches that are not there, no caches, or lie" {
  start_registry
  steps
  run -0 bud --cache-from "$REGISTRY/nothing:here" --cache-from "type=local,src=$BATS_TEST_TMPDIR/nothing"
  [ "$(grep -c '^warning: --cache-from ' <<<"$output")" -eq 2 ]
  push_busybox busybox:latest
  run -0 bud --cache-from "$REGISTRY/busybox:latest"
  expect 'warning: --cache-from .*busybox:latest: it has an image without a build cache'
  run -1 bud --cache-to "$REGISTRY/busybox/../x"
  run -1 bud --cache-from type=gha
  expect 'must be registry or local'
  run -1 bud --cache-to type=s3,bucket=x
  expect 'must be registry, local or inline'
  run -1 bud --cache-from type=inline
  run -1 bud --cache-to "type=local,dest=$OUT,mode=some"
  run -1 bud --cache-to type=registry,ref=127.0.0.1:1/x
  bud --cache-to "type=local,dest=$BATS_TEST_TMPDIR/cache"
  # Its list says what is not so: the layer's content, or where records lie.
  for change in '.steps[].diffId = "sha256:" + ("0" * 64)' '.steps[].key = "../../../../x"' '.steps[].digest = "sha256:../../x"' '.steps[].size = -1' '.steps = 1'; do
    python3 - "$BATS_TEST_TMPDIR" "$change" <<'EOF'
import hashlib, json, os, shutil, subprocess, sys
work, change = sys.argv[1:]
lying = work + "/lying"
shutil.rmtree(lying, ignore_errors=True)
shutil.copytree(work + "/cache", lying)
def blob(digest): return f"{lying}/blobs/sha256/{digest.split(':')[1]}"
def put(data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    open(blob(digest), "wb").write(data)
    return {"digest": digest, "size": len(data)}
index = json.load(open(lying + "/index.json"))
manifest = json.load(open(blob(index["manifests"][0]["digest"])))
text = open(blob(manifest["config"]["digest"]), "rb").read()
manifest["config"].update(put(subprocess.run(["jq", "-c", change], input=text, stdout=subprocess.PIPE, check=True).stdout))
index["manifests"][0].update(put(json.dumps(manifest).encode()))
json.dump(index, open(lying + "/index.json", "w"))
EOF
    rm -rf "$BATS_TEST_TMPDIR/elsewhere"
    run elsewhere --cache-from "type=local,src=$BATS_TEST_TMPDIR/lying"
    case $change in
      *diffId*) [ "$status" -eq 1 ] && expect 'the build cache names sha256:0* as the content of layer' ;;
      *) [ "$status" -eq 0 ] && expect 'warning: --cache-from .*(build cache|is not a digest)' ;;
    esac
  done
}
