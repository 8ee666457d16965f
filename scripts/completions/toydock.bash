# SPDX-License-Identifier: Apache-2.0
# Made by scripts/completions/generate from --help: change the option table, then run it.

_toydock() {
  local word=${COMP_WORDS[COMP_CWORD]} verb= one choices=
  for one in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $one in
      run | create | start | stop | restart | kill | pause | unpause | wait | rm | rename | update | ps | ls | inspect | port | logs | exec | attach | cp | diff | export | commit | top | healthcheck | stats | events | images | pull | build | push | tag | rmi | import | history | save | load | login | logout | volume | network | system | lessons | info | version) verb=$one; break ;;
    esac
  done
  case $verb in
    run) choices="--interactive --tty --name --rm --env --env-file --volume --mount --tmpfs --volumes-from --memory --memory-swap --memory-reservation --shm-size --cpus --cpu-shares --cpu-period --cpu-quota --cpuset-cpus --cpuset --cpuset-mems --pids-limit --ulimit --oom-score-adj --hostname --domainname --user --group-add --workdir --entrypoint --cap-add --cap-drop --privileged --read-only --security-opt --device --sysctl --init --stop-signal --stop-timeout --pull --platform --publish --publish-all --expose --network --net --ip --ip6 --network-alias --add-host --dns --dns-search --pid --ipc --label --label-file --annotation --cgroup-parent --restart --health-cmd --health-interval --health-timeout --health-start-period --health-retries --no-healthcheck --log-driver --log-opt --cidfile --quiet --detach --sig-proxy --explain --help -i -t -e -v -m -c -h -u -w -p -P -l -q -d -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    create) choices="--interactive --tty --name --rm --env --env-file --volume --mount --tmpfs --volumes-from --memory --memory-swap --memory-reservation --shm-size --cpus --cpu-shares --cpu-period --cpu-quota --cpuset-cpus --cpuset --cpuset-mems --pids-limit --ulimit --oom-score-adj --hostname --domainname --user --group-add --workdir --entrypoint --cap-add --cap-drop --privileged --read-only --security-opt --device --sysctl --init --stop-signal --stop-timeout --pull --platform --publish --publish-all --expose --network --net --ip --ip6 --network-alias --add-host --dns --dns-search --pid --ipc --label --label-file --annotation --cgroup-parent --restart --health-cmd --health-interval --health-timeout --health-start-period --health-retries --no-healthcheck --log-driver --log-opt --cidfile --quiet --help -i -t -e -v -m -c -h -u -w -p -P -l -q -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    start) choices="--attach --interactive --help -a -i -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    stop) choices="--time --timeout --signal --help -t -s -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    restart) choices="--time --timeout --signal --help -t -s -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    kill) choices="--signal --help -s -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    pause) choices="--help -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    unpause) choices="--help -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    wait) choices="--help -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    rm) choices="--force --volumes --help -f -v -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    rename) choices="--help -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    update) choices="--memory --memory-swap --memory-reservation --cpus --cpu-shares --cpu-period --cpu-quota --cpuset-cpus --cpuset-mems --pids-limit --restart --help -m -c -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    ps) choices="--all --quiet --latest --last --filter --format --no-trunc --size --help -a -q -l -n -f -s -h" ;;
    ls) choices="--all --quiet --latest --last --filter --format --no-trunc --size --help -a -q -l -n -f -s -h" ;;
    inspect) choices="--format --size --help -f -s -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    port) choices="--help -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    logs) choices="--follow --since --until --tail --timestamps --details --help -f -n -t -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    exec) choices="--interactive --tty --detach --env --env-file --user --workdir --privileged --help -i -t -d -e -u -w -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    attach) choices="--no-stdin --sig-proxy --help -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    cp) choices="--archive --follow-link --quiet --help -a -L -q -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    diff) choices="--help -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    export) choices="--output --help -o -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    commit) choices="--change --message --author --pause --help -c -m -a -p -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    top) choices="--help -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    healthcheck) choices="--help -h $([[ $word == -* ]] || toydock _names healthcheck 2>/dev/null)" ;;
    stats) choices="--no-stream --format --all --no-trunc --help -a -h $([[ $word == -* ]] || toydock _names 2>/dev/null)" ;;
    events) choices="--since --until --filter --format --help -f -h" ;;
    images) choices="--all --quiet --no-trunc --digests --format --help -a -q -h" ;;
    pull) choices="--quiet --platform --help -q -h" ;;
    build) choices="--tag --file --build-arg --build-context --target --platform --pull --push --no-cache --explain-cache --network --add-host --secret --ssh --label --iidfile --squash --check --dry-run --progress --quiet --help -t -f -q -h" ;;
    push) choices="--quiet --all-tags --help -q -a -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    tag) choices="--help -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    rmi) choices="--force --help -f -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    import) choices="--change --message --platform --help -c -m -h" ;;
    history) choices="--no-trunc --format --help -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    save) choices="--output --help -o -h $([[ $word == -* ]] || toyimg images -q 2>/dev/null)" ;;
    load) choices="--input --quiet --help -i -q -h" ;;
    login) choices="--username --password --password-stdin --help -u -p -h" ;;
    logout) choices="--help -h" ;;
    volume) choices="--quiet --filter --force --format --label --all --help -q -f -a -h $([[ $word == -* ]] || toydock _names volume 2>/dev/null)" ;;
    network) choices="--subnet --gateway --ipv6 --internal --mtu --bridge --driver --label --ip --ip6 --alias --filter --format --force --quiet --help -d -f -q -h $([[ $word == -* ]] || toydock _names network 2>/dev/null)" ;;
    system) choices="--force --volumes --all --help -f -a -h $([[ $word == -* ]] || toydock _names system 2>/dev/null)" ;;
    lessons) choices="--image --help -i -h $([[ $word == -* ]] || toydock _names lessons 2>/dev/null)" ;;
    info) choices="--help -h" ;;
    version) choices="--help -h" ;;
    *) choices="--explain --help --version -x -h -v run create start stop restart kill pause unpause wait rm rename update ps ls inspect port logs exec attach cp diff export commit top healthcheck stats events images pull build push tag rmi import history save load login logout volume network system lessons info version" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}
complete -o default -F _toydock toydock
