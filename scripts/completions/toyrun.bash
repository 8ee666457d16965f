# SPDX-License-Identifier: Apache-2.0
# Made by scripts/completions/generate from --help: change the option table, then run it.

_toyrun() {
  local word=${COMP_WORDS[COMP_CWORD]} verb= one choices=
  for one in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $one in
      create | start | run | exec | kill | wait | delete | state | list | ps | events | pause | resume | update | mounts | network | checkpoint | restore | check | explain | audit | spec | features) verb=$one; break ;;
    esac
  done
  case $verb in
    create) choices="--bundle --config --console-socket --pid-file --pidfd-socket --preserve-fds --no-pivot --no-new-keyring --explain --help -b -f -h" ;;
    start) choices="--help -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    run) choices="--bundle --config --detach --keep --no-subreaper --console-socket --pid-file --pidfd-socket --preserve-fds --no-pivot --no-new-keyring --help -b -f -d -h" ;;
    exec) choices="--process --cwd --env --tty --user --additional-gids --cap --no-new-privs --apparmor --process-label --detach --pid-file --console-socket --pidfd-socket --preserve-fds --ignore-paused --cgroup --help -p -e -t -u -g -c -d -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    kill) choices="--all --regex --help -a -r -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    wait) choices="--help -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    delete) choices="--force --regex --help -f -r -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    state) choices="--help -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    list) choices="--format --quiet --help -f -q -h" ;;
    ps) choices="--format --help -f -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    events) choices="--interval --stats --help -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    pause) choices="--help -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    resume) choices="--help -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    update) choices="--resources --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --cpu-idle --memory --memory-reservation --memory-swap --l3-cache-schema --mem-bw-schema --pids-limit --help -r -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    mounts) choices="--help -h" ;;
    network) choices="--subnet --gateway --ipv6 --internal --mtu --bridge --ip --alias --quiet --help -q -h $([[ $word == -* ]] || toyrun network ls -q 2>/dev/null)" ;;
    checkpoint) choices="--image-path --work-path --parent-path --leave-running --pre-dump --tcp-established --tcp-skip-in-flight --link-remap --ext-unix-sk --shell-job --lazy-pages --status-fd --page-server --file-locks --manage-cgroups-mode --empty-ns --auto-dedup --network-lock --help -h" ;;
    restore) choices="--bundle --config --image-path --work-path --detach --console-socket --pid-file --no-subreaper --no-pivot --tcp-established --tcp-close --ext-unix-sk --shell-job --lazy-pages --file-locks --manage-cgroups-mode --empty-ns --auto-dedup --network-lock --lsm-profile --lsm-mount-context --help -b -f -d -h" ;;
    check) choices="--bundle --format --help -b -f -h" ;;
    explain) choices="--help -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    audit) choices="--format --help -f -h $([[ $word == -* ]] || toyrun list -q 2>/dev/null)" ;;
    spec) choices="--bundle --file --rootless --help -b -f -h" ;;
    features) choices="--help -h" ;;
    *) choices="--root --log --log-format --log-level --debug --trace --systemd-cgroup --cgroup-manager --rootless --help --version -h -v create start run exec kill wait delete state list ps events pause resume update mounts network checkpoint restore check explain audit spec features" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}
complete -o default -F _toyrun toyrun
