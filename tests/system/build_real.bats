# SPDX-License-Identifier: Apache-2.0
# toyimg build with what people build: Debian packages, a compiler in one stage, a Node application, redis. Each image runs under toyrun.
load support
load registry
load build

# push_debian NAME: the root file system that tests/system/prepare made, as image NAME of the registry and nowhere else.
push_debian() {
  mkdir -p "$BATS_TEST_TMPDIR/$1"
  ln "$(debian_tarball "$1")" "$BATS_TEST_TMPDIR/$1/root.tar" 2>/dev/null || cp "$(debian_tarball "$1")" "$BATS_TEST_TMPDIR/$1/root.tar"
  printf 'FROM scratch\nADD root.tar /\nCMD ["/bin/bash"]\n' >"$BATS_TEST_TMPDIR/$1/Dockerfile"
  "$TOYIMG" --store "$BATS_TEST_TMPDIR/elsewhere" build --quiet --push -t "$REGISTRY/$1:latest" "$BATS_TEST_TMPDIR/$1" </dev/null 3>&- 4>&-
  rm -r "$BATS_TEST_TMPDIR/elsewhere" "${BATS_TEST_TMPDIR:?}/$1"
}

# package NAME DEPENDS: a .deb in the context with a program and a script for dpkg to run.
package() {
  local root=$BATS_TEST_TMPDIR/deb
  mkdir -p "$root/DEBIAN" "$root/usr/bin" "$CONTEXT/debs"
  printf 'Package: %s\nVersion: 1.2-3\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: a test\n%s' "$1" "${2:+Depends: $2
}" >"$root/DEBIAN/control"
  printf '#!/bin/sh\nset -e\nadduser --system --no-create-home %s >/dev/null 2>&1 || useradd --system %s\necho configured >/etc/%s.conf\n' "$1" "$1" "$1" >"$root/DEBIAN/postinst"
  printf '#!/bin/sh\necho %s of $(cat /etc/%s.conf)\n' "$1" "$1" >"$root/usr/bin/$1"
  chmod 755 "$root/DEBIAN/postinst" "$root/usr/bin/$1"
  dpkg-deb --root-owner-group --build "$root" "$CONTEXT/debs/$1.deb" >/dev/null
  rm -r "$root"
}

build_it() { toyimg build --progress plain --runtime "$RUNTIME" "$@" "$CONTEXT" </dev/null; }

@test "build: packages by dpkg, and a Node application with its modules, on Debian from a registry" {
  start_registry
  push_debian debian
  package toy-data
  package toy-tool 'toy-data (>= 1.2)'
  cat >"$CONTEXT/Dockerfile" <<EOF
FROM $REGISTRY/debian AS packages
RUN --mount=target=/debs,source=debs dpkg --install /debs/*.deb
RUN dpkg --verify toy-tool && id toy-tool
CMD ["sh", "-c", "toy-tool && dpkg-query --show toy-data"]
EOF
  run -0 build_it -o "$BUNDLE"
  expect 'Setting up toy-tool \(1.2-3\)'
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$output" = $'toy-tool of configured\ntoy-data\t1.2-3' ]

  command -v node && command -v npm || skip "no Node on this machine"
  local npm
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$CONTEXT/app/modules/greeting"
  echo '{"name": "greeting", "version": "1.0.0", "main": "index.js"}' >"$CONTEXT/app/modules/greeting/package.json"
  echo 'module.exports = name => `hello ${name}`' >"$CONTEXT/app/modules/greeting/index.js"
  echo '{"name": "app", "version": "1.0.0", "dependencies": {"greeting": "file:modules/greeting"}}' >"$CONTEXT/app/package.json"
  echo 'const http = require("http"); const s = http.createServer((q, r) => r.end(require("greeting")(q.url))).listen(0, "127.0.0.1", () =>
    http.get({host: "127.0.0.1", port: s.address().port, path: "/node"}, r => r.on("data", d => console.log(`${d}`)).on("end", () => s.close())))' >"$CONTEXT/app/main.js"
  cat >"$CONTEXT/Dockerfile" <<EOF
FROM $REGISTRY/debian AS node
COPY --from=host-bin node /usr/local/bin/
FROM node AS modules
COPY --from=host-npm . /npm
WORKDIR /app
COPY app/package.json ./
COPY app/modules modules
RUN --network=none --mount=type=cache,target=/root/.npm node /npm/bin/npm-cli.js install --offline --install-links --no-audit --no-fund
FROM node
WORKDIR /app
COPY --from=modules /app/node_modules node_modules
COPY app/main.js ./
USER nobody
CMD ["node", "main.js"]
EOF
  run -0 build_it -o "$BUNDLE.node" --build-context "host-bin=$(dirname "$(readlink -f "$(command -v node)")")" --build-context "host-npm=$npm"
  [ ! -e "$BUNDLE.node/rootfs/npm" ]
  run -0 rt run --bundle "$BUNDLE.node" "$ID" </dev/null
  [ "$output" = 'hello /node' ]
}

@test "build: a C++ program compiled in one stage, alone in the next" {
  local packages
  # g++ and all it needs as this machine has them: what debootstrap would unpack
  packages=$(apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances g++ | grep '^[a-z]')
  # shellcheck disable=SC2086
  dpkg -L $packages 2>/dev/null | grep -vE '^/usr/share|/(lto1|lto-wrapper|libasan|libtsan|libubsan|liblsan)|\.pdf$' | sort -u |
    while read -r path; do [ ! -d "$path" ] && [ -e "$path" ] && echo "$path"; done |
    tar -C / --transform 's,^/,,S' --absolute-names --files-from - -cf "$CONTEXT/toolchain.tar"
  cat >"$CONTEXT/main.cpp" <<'EOF'
#include <iostream>
#include <map>
#include <string>
#include "version.hpp"
int main(int count, char** words) {
  std::map<std::string, int> lengths;
  for (int i = 1; i < count; ++i) lengths[words[i]] = static_cast<int>(std::string(words[i]).size());
  for (const auto& [word, length] : lengths) std::cout << word << " " << length << " v" << VERSION << "\n";
}
EOF
  cat >"$CONTEXT/Dockerfile" <<'EOF'
FROM scratch AS compiler
ADD toolchain.tar /
FROM compiler AS build
WORKDIR /src
COPY <<version.hpp .
#define VERSION 3
version.hpp
COPY main.cpp .
WORKDIR /tmp
RUN ["g++", "-O1", "-static", "-o", "/app", "/src/main.cpp"]
FROM scratch
COPY --from=build /app /app
ENTRYPOINT ["/app"]
CMD ["one", "three"]
EOF
  run -0 build_it -t app -o "$BUNDLE"
  [ "$(layers_of app | wc -l)" -eq 1 ]
  [ "$(find "$ROOTFS" -type f)" = "$ROOTFS/app" ]
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$output" = $'one 3 v3\nthree 5 v3' ]
  # Another source: the compiler stays, the program is made anew.
  sed -i 's/#define VERSION 3/#define VERSION 4/' "$CONTEXT/Dockerfile"
  run -0 build_it -t app -o "$BUNDLE.2"
  expect '^\[compiler 1/1\] cached$'
  run -0 rt run --bundle "$BUNDLE.2" "$ID" </dev/null
  [ "${lines[0]}" = 'one 3 v4' ]
}

answers() { [ "$(rt exec "$ID" redis-cli PING 2>/dev/null)" = PONG ]; }

@test "build: the redis image" {
  start_registry
  push_debian redis
  cat >"$CONTEXT/Dockerfile" <<EOF
FROM $REGISTRY/redis
RUN mkdir /data && chown redis:redis /data
VOLUME /data
WORKDIR /data
COPY --chmod=755 <<'END' /usr/local/bin/docker-entrypoint.sh
#!/bin/sh
set -e
if [ "\$1" = redis-server ] && [ "\$(id -u)" = 0 ]; then
  find . \! -user redis -exec chown redis '{}' +
  exec setpriv --reuid=redis --regid=redis --clear-groups -- "\$0" "\$@"
fi
exec "\$@"
END
ENTRYPOINT ["docker-entrypoint.sh"]
EXPOSE 6379
HEALTHCHECK --interval=5s CMD redis-cli ping
CMD ["redis-server", "--bind", "127.0.0.1", "--daemonize", "no"]
EOF
  run -0 build_it -t redis -o "$BUNDLE" --iidfile "$OUT.iid"
  config_of "$OUT.iid" | jq -e '.config | .ExposedPorts == {"6379/tcp": {}} and .Volumes == {"/data": {}} and .Healthcheck.Test == ["CMD-SHELL", "redis-cli ping"]'
  edit '.process.terminal = false | .linux.cgroupsPath = $cgroup' --arg cgroup "$CGROUP"
  rt run --detach --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1
  wait_for 30 answers
  run -0 rt exec "$ID" redis-cli SET answer 42
  run -0 rt exec "$ID" sh -c 'stat -c %U /proc/1; redis-cli GET answer'
  [ "$output" = $'redis\n42' ]
}
