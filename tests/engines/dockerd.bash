# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Docker daemons whose only runtime is the tested one. Loaded after engines.bash.

# daemon_json DIRECTORY: the configuration of README.md; the cgroup parent and the key are the tests' own.
daemon_json() {
  cat >"$1/daemon.json" <<JSON
{ "runtimes": { "tested": { "path": "$RUNTIME_PATH" } }, "default-runtime": "tested", "cgroup-parent": "$CGROUP_PARENT", "deprecated-key-path": "$1/key.json" }
JSON
}

# Debian's client by its full path: the first one on PATH may be newer than the daemon.
docker() { /usr/bin/docker --host "unix://$WORK/docker.sock" "$@" 3>&- 4>&- </dev/null; }
answers() { docker version >/dev/null 2>&1; }

# start_dockerd [OPTION...]: a daemon with the data of this file, also for a second time. DOCKERD is its pid.
start_dockerd() {
  daemon_json "$WORK"
  # BuildKit runs whatever is called runc
  mkdir -p "$WORK/path"
  ln -sf "$RUNTIME_PATH" "$WORK/path/runc"
  PATH=$WORK/path:$PATH in_background "$WORK/dockerd.log" dockerd --config-file "$WORK/daemon.json" --data-root "$WORK/data" \
    --exec-root /run/docker --pidfile /run/docker.pid --host "unix://$WORK/docker.sock" "$@"
  export DOCKERD=$BACKGROUND
  wait_for 60 answers || { tail -20 "$WORK/dockerd.log"; return 1; }
}
