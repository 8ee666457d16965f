#compdef toydock
# SPDX-License-Identifier: Apache-2.0
# Made by scripts/completions/generate from --help: change the option table, then run it.

_toydock() {
  local state verbs
  verbs=(
    'run:Make a container from an image and run a command in it'
    'create:Make a container without starting it'
    'start:Start containers'
    'stop:Stop containers - a signal, and SIGKILL if that is not enough'
    'restart:Stop containers and start them again'
    'kill:Send a signal to containers'
    'pause:Freeze all processes of containers'
    'unpause:Let paused containers run again'
    'wait:Wait until containers have ended and print their exit codes'
    'rm:Remove containers'
    'rename:Give a container another name'
    'update:Change the limits of containers'
    'ps:List containers'
    'ls:List containers'
    'inspect:Show all that is known of containers, images, volumes or networks'
    'port:Show the published ports of a container'
    'logs:Show what a container has written'
    'exec:Run another command in a running container'
    'attach:Connect this terminal to a running container'
    'cp:Copy files into and out of a container'
    'diff:Show what a container has changed in its root file system'
    'export:Write the files of a container as a tar archive'
    'commit:Make an image of a changed container'
    'top:Show the processes of a container'
    'healthcheck:Ask containers now whether they are well'
    'stats:Show what containers use of the machine'
    'events:Show what happens to containers'
    'images:List images'
    'pull:Fetch an image from a registry'
    'build:Build an image from a Dockerfile'
    'push:Send an image to a registry'
    'tag:Give an image a further name'
    'rmi:Remove images'
    'import:Make an image of a tar archive of files'
    'history:Show the steps an image was made by'
    'save:Write images into an archive'
    'load:Take the images of an archive'
    'login:Log in to a registry'
    'logout:Forget the login for a registry'
    'volume:Make, list, inspect and remove volumes'
    'network:Make, list, inspect, remove, join and leave networks'
    'system:Show what takes space, remove what nobody uses, go with the machine down and up'
    'lessons:Short walks that show what the kernel does'
    'info:Show how this toydock is set up'
    'version:Show the versions of toydock, toyrun and toyimg'
  )
  _arguments -C \
        '(-x --explain)'{-x,--explain}'[print each command before it is run]' \
        '(-h --help)'{-h,--help}'[show this help; after a verb, that verbs]' \
        '(-v --version)'{-v,--version}'[show the version]' \
        '1: :->verb' \
        '*:: :->words'
  case $state in
    verb) _describe verb verbs ;;
    words)
      case $words[1] in
        run) _arguments \
        '(-i --interactive)'{-i,--interactive}'[keep standard input open]' \
        '(-t --tty)'{-t,--tty}'[give the container a terminal]' \
        '--name[its name; without one it gets a random one]:NAME:' \
        '--rm[remove it when it has ended]' \
        '(-e --env)'{-e,--env}'[set a variable; NAME alone takes the value it has here]:NAME=VALUE:' \
        '--env-file[set the variables in a file, NAME=VALUE lines]:file:_files' \
        '(-v --volume)'{-v,--volume}'[a directory of the host or a named volume; ro, z and Z (ignored)]:SOURCE TARGET[ OPTIONS:' \
        '--mount[type=bind|volume|tmpfs,source=,target=,readonly]:KEY=VALUE:' \
        '--tmpfs[an empty file system in memory]:DIR[ OPTIONS:' \
        '--volumes-from[the mounts of another container]:CONTAINER:' \
        '(-m --memory)'{-m,--memory}'[most memory, as in 64m or 1g]:SIZE:' \
        '--memory-swap[most memory and swap together, -1 for any]:SIZE:' \
        '--memory-reservation[memory that is left alone when it is short]:SIZE:' \
        '--shm-size[size of /dev/shm]:SIZE:' \
        '--cpus[cores to use, as in 0.1 or 2]:NUMBER:' \
        '(-c --cpu-shares)'{-c,--cpu-shares}'[share of the processors against others, 1024 is normal]:NUMBER:' \
        '--cpu-period[period of the quota]:MICROSECONDS:' \
        '--cpu-quota[processor time in a period]:MICROSECONDS:' \
        '--cpuset-cpus[processors to use, as in 0-3,7]:LIST:' \
        '--cpuset[the same as --cpuset-cpus]:LIST:' \
        '--cpuset-mems[memory nodes to use]:LIST:' \
        '--pids-limit[most processes, -1 for any number]:NUMBER:' \
        '--ulimit[limit of a process, as in nofile=1024 -4096]:NAME=SOFT[ HARD:' \
        '--oom-score-adj[who is killed first when memory is short]:NUMBER:' \
        '(-h --hostname)'{-h,--hostname}'[host name]:NAME:' \
        '--domainname[NIS domain name]:NAME:' \
        '(-u --user)'{-u,--user}'[run as this user, by name or number]:USER[ GROUP:' \
        '--group-add[a further group, by number]:GID:' \
        '(-w --workdir)'{-w,--workdir}'[working directory]:file:_files' \
        '--entrypoint[run this instead of the entry point of the image]:PROGRAM:' \
        '--cap-add[give a capability, or ALL]:CAPABILITY:' \
        '--cap-drop[take a capability, or ALL]:CAPABILITY:' \
        '--privileged[everything root can do, all devices, no filter]' \
        '--read-only[a root file system that cannot be changed]' \
        '--security-opt[no-new-privileges, seccomp=FILE|unconfined, apparmor=PROFILE]:OPTION:' \
        '--device[a device of the host]:PATH[ TARGET[ rwm:' \
        '--sysctl[a kernel parameter of its namespaces]:NAME=VALUE:' \
        '--init[a small init that reaps processes (tini-static)]' \
        '--stop-signal[what stop sends]:SIGNAL:' \
        '--stop-timeout[how long stop waits]:SECONDS:' \
        '--pull[when to ask the registry]:always|missing|never:' \
        '--platform[the image for this platform]:OS/ARCH[/VARIANT:' \
        '(-p --publish)'{-p,--publish}'[a port of the host that leads to one of the container]:IP ][HOST ]PORT[/udp:' \
        '(-P --publish-all)'{-P,--publish-all}'[all ports that the image names, at any free port of the host]' \
        '--expose[a port for --publish-all]:PORT:' \
        '--network[a network; none, host, container -NAME; the default is called default]:NAME:' \
        '--net[the same as --network]:NAME:' \
        '--ip[a fixed address in one of the networks]:ADDRESS:' \
        '--ip6[a fixed IPv6 address]:ADDRESS:' \
        '--network-alias[a further name in its networks]:NAME:' \
        '--add-host[a line for /etc/hosts]:NAME ADDRESS:' \
        '--dns[a name server]:ADDRESS:' \
        '--dns-search[where short names are looked for; . for nowhere]:DOMAIN:' \
        '--pid[see the processes of the host]:host:' \
        '--ipc[shared memory of its own or of the host]:private|host:' \
        '(-l --label)'{-l,--label}'[a label]:NAME=VALUE:' \
        '--label-file[labels in a file]:file:_files' \
        '--annotation[an annotation for the runtime]:NAME=VALUE:' \
        '--cgroup-parent[the cgroup above its own]:file:_files' \
        '--restart[no, on-failure( -TIMES), always, unless-stopped]:POLICY:' \
        '--health-cmd[a shell command that tells whether it is well]:COMMAND:' \
        '--health-interval[time between two checks (30s)]:TIME:' \
        '--health-timeout[how long a check may take (30s)]:TIME:' \
        '--health-start-period[how long failures do not count (0s)]:TIME:' \
        '--health-retries[failures in a row that make it unhealthy (3)]:NUMBER:' \
        '--no-healthcheck[no health check]' \
        '--log-driver[json-file or local, which are the same here - toydock logs reads it]:NAME:' \
        '--log-opt[max-size=SIZE - start the log anew when it is larger; max-file is accepted, one file is kept]:NAME=VALUE:' \
        '--cidfile[write the id to a file]:file:_files' \
        '(-q --quiet)'{-q,--quiet}'[no progress of a pull]' \
        '(-d --detach)'{-d,--detach}'[in the background; print the id]' \
        '--sig-proxy[pass signals on to the program (true)]' \
        '--explain[show what would be done, and toyruns plan, and stop]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        create) _arguments \
        '(-i --interactive)'{-i,--interactive}'[keep standard input open]' \
        '(-t --tty)'{-t,--tty}'[give the container a terminal]' \
        '--name[its name; without one it gets a random one]:NAME:' \
        '--rm[remove it when it has ended]' \
        '(-e --env)'{-e,--env}'[set a variable; NAME alone takes the value it has here]:NAME=VALUE:' \
        '--env-file[set the variables in a file, NAME=VALUE lines]:file:_files' \
        '(-v --volume)'{-v,--volume}'[a directory of the host or a named volume; ro, z and Z (ignored)]:SOURCE TARGET[ OPTIONS:' \
        '--mount[type=bind|volume|tmpfs,source=,target=,readonly]:KEY=VALUE:' \
        '--tmpfs[an empty file system in memory]:DIR[ OPTIONS:' \
        '--volumes-from[the mounts of another container]:CONTAINER:' \
        '(-m --memory)'{-m,--memory}'[most memory, as in 64m or 1g]:SIZE:' \
        '--memory-swap[most memory and swap together, -1 for any]:SIZE:' \
        '--memory-reservation[memory that is left alone when it is short]:SIZE:' \
        '--shm-size[size of /dev/shm]:SIZE:' \
        '--cpus[cores to use, as in 0.1 or 2]:NUMBER:' \
        '(-c --cpu-shares)'{-c,--cpu-shares}'[share of the processors against others, 1024 is normal]:NUMBER:' \
        '--cpu-period[period of the quota]:MICROSECONDS:' \
        '--cpu-quota[processor time in a period]:MICROSECONDS:' \
        '--cpuset-cpus[processors to use, as in 0-3,7]:LIST:' \
        '--cpuset[the same as --cpuset-cpus]:LIST:' \
        '--cpuset-mems[memory nodes to use]:LIST:' \
        '--pids-limit[most processes, -1 for any number]:NUMBER:' \
        '--ulimit[limit of a process, as in nofile=1024 -4096]:NAME=SOFT[ HARD:' \
        '--oom-score-adj[who is killed first when memory is short]:NUMBER:' \
        '(-h --hostname)'{-h,--hostname}'[host name]:NAME:' \
        '--domainname[NIS domain name]:NAME:' \
        '(-u --user)'{-u,--user}'[run as this user, by name or number]:USER[ GROUP:' \
        '--group-add[a further group, by number]:GID:' \
        '(-w --workdir)'{-w,--workdir}'[working directory]:file:_files' \
        '--entrypoint[run this instead of the entry point of the image]:PROGRAM:' \
        '--cap-add[give a capability, or ALL]:CAPABILITY:' \
        '--cap-drop[take a capability, or ALL]:CAPABILITY:' \
        '--privileged[everything root can do, all devices, no filter]' \
        '--read-only[a root file system that cannot be changed]' \
        '--security-opt[no-new-privileges, seccomp=FILE|unconfined, apparmor=PROFILE]:OPTION:' \
        '--device[a device of the host]:PATH[ TARGET[ rwm:' \
        '--sysctl[a kernel parameter of its namespaces]:NAME=VALUE:' \
        '--init[a small init that reaps processes (tini-static)]' \
        '--stop-signal[what stop sends]:SIGNAL:' \
        '--stop-timeout[how long stop waits]:SECONDS:' \
        '--pull[when to ask the registry]:always|missing|never:' \
        '--platform[the image for this platform]:OS/ARCH[/VARIANT:' \
        '(-p --publish)'{-p,--publish}'[a port of the host that leads to one of the container]:IP ][HOST ]PORT[/udp:' \
        '(-P --publish-all)'{-P,--publish-all}'[all ports that the image names, at any free port of the host]' \
        '--expose[a port for --publish-all]:PORT:' \
        '--network[a network; none, host, container -NAME; the default is called default]:NAME:' \
        '--net[the same as --network]:NAME:' \
        '--ip[a fixed address in one of the networks]:ADDRESS:' \
        '--ip6[a fixed IPv6 address]:ADDRESS:' \
        '--network-alias[a further name in its networks]:NAME:' \
        '--add-host[a line for /etc/hosts]:NAME ADDRESS:' \
        '--dns[a name server]:ADDRESS:' \
        '--dns-search[where short names are looked for; . for nowhere]:DOMAIN:' \
        '--pid[see the processes of the host]:host:' \
        '--ipc[shared memory of its own or of the host]:private|host:' \
        '(-l --label)'{-l,--label}'[a label]:NAME=VALUE:' \
        '--label-file[labels in a file]:file:_files' \
        '--annotation[an annotation for the runtime]:NAME=VALUE:' \
        '--cgroup-parent[the cgroup above its own]:file:_files' \
        '--restart[no, on-failure( -TIMES), always, unless-stopped]:POLICY:' \
        '--health-cmd[a shell command that tells whether it is well]:COMMAND:' \
        '--health-interval[time between two checks (30s)]:TIME:' \
        '--health-timeout[how long a check may take (30s)]:TIME:' \
        '--health-start-period[how long failures do not count (0s)]:TIME:' \
        '--health-retries[failures in a row that make it unhealthy (3)]:NUMBER:' \
        '--no-healthcheck[no health check]' \
        '--log-driver[json-file or local, which are the same here - toydock logs reads it]:NAME:' \
        '--log-opt[max-size=SIZE - start the log anew when it is larger; max-file is accepted, one file is kept]:NAME=VALUE:' \
        '--cidfile[write the id to a file]:file:_files' \
        '(-q --quiet)'{-q,--quiet}'[no progress of a pull]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        start) _arguments \
        '(-a --attach)'{-a,--attach}'[show its output, and end with its exit code]' \
        '(-i --interactive)'{-i,--interactive}'[pass standard input on, too]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        stop) _arguments \
        '(-t --time)'{-t,--time}'[how long to wait before SIGKILL]:SECONDS:' \
        '--timeout[the same as --time]:SECONDS:' \
        '(-s --signal)'{-s,--signal}'[the signal]:SIGNAL:' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        restart) _arguments \
        '(-t --time)'{-t,--time}'[how long to wait before SIGKILL]:SECONDS:' \
        '--timeout[the same as --time]:SECONDS:' \
        '(-s --signal)'{-s,--signal}'[the signal]:SIGNAL:' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        kill) _arguments \
        '(-s --signal)'{-s,--signal}'[the signal, by name or number (KILL)]:SIGNAL:' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        pause) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        unpause) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        wait) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        rm) _arguments \
        '(-f --force)'{-f,--force}'[kill it first if it runs; one that is not there is fine]' \
        '(-v --volumes)'{-v,--volumes}'[also its anonymous volumes]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        rename) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        update) _arguments \
        '(-m --memory)'{-m,--memory}'[most memory]:SIZE:' \
        '--memory-swap[most memory and swap together, -1 for any]:SIZE:' \
        '--memory-reservation[memory that is left alone when it is short]:SIZE:' \
        '--cpus[cores to use]:NUMBER:' \
        '(-c --cpu-shares)'{-c,--cpu-shares}'[share of the processors]:NUMBER:' \
        '--cpu-period[period of the quota]:MICROSECONDS:' \
        '--cpu-quota[processor time in a period]:MICROSECONDS:' \
        '--cpuset-cpus[processors to use]:LIST:' \
        '--cpuset-mems[memory nodes to use]:LIST:' \
        '--pids-limit[most processes]:NUMBER:' \
        '--restart[no, on-failure( -TIMES), always, unless-stopped]:POLICY:' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        ps) _arguments \
        '(-a --all)'{-a,--all}'[also those that do not run]' \
        '(-q --quiet)'{-q,--quiet}'[only the ids]' \
        '(-l --latest)'{-l,--latest}'[the one made last]' \
        '(-n --last)'{-n,--last}'[the ones made last]:NUMBER:' \
        '(-f --filter)'{-f,--filter}'[name=, id=, status=, label=, ancestor=, exited=, volume=, network=, health=]:KEY=VALUE:' \
        '--format[table, json or a template such as {{.Names}}]:TEMPLATE:' \
        '--no-trunc[whole ids and commands]' \
        '(-s --size)'{-s,--size}'[accepted, does nothing]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        ls) _arguments \
        '(-a --all)'{-a,--all}'[also those that do not run]' \
        '(-q --quiet)'{-q,--quiet}'[only the ids]' \
        '(-l --latest)'{-l,--latest}'[the one made last]' \
        '(-n --last)'{-n,--last}'[the ones made last]:NUMBER:' \
        '(-f --filter)'{-f,--filter}'[name=, id=, status=, label=, ancestor=, exited=, volume=, network=, health=]:KEY=VALUE:' \
        '--format[table, json or a template such as {{.Names}}]:TEMPLATE:' \
        '--no-trunc[whole ids and commands]' \
        '(-s --size)'{-s,--size}'[accepted, does nothing]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        inspect) _arguments \
        '(-f --format)'{-f,--format}'[json or a template such as {{.State.ExitCode}}]:TEMPLATE:' \
        '(-s --size)'{-s,--size}'[accepted, does nothing]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        port) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        logs) _arguments \
        '(-f --follow)'{-f,--follow}'[go on until the container has ended]' \
        '--since[not what is older - a time, or 10m for ten minutes ago]:TIME:' \
        '--until[not what is newer]:TIME:' \
        '(-n --tail)'{-n,--tail}'[only the last lines, or all]:NUMBER:' \
        '(-t --timestamps)'{-t,--timestamps}'[show when]' \
        '--details[accepted, does nothing]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        exec) _arguments \
        '(-i --interactive)'{-i,--interactive}'[keep standard input open]' \
        '(-t --tty)'{-t,--tty}'[give the command a terminal]' \
        '(-d --detach)'{-d,--detach}'[in the background]' \
        '(-e --env)'{-e,--env}'[set a variable]:NAME=VALUE:' \
        '--env-file[set the variables in a file]:file:_files' \
        '(-u --user)'{-u,--user}'[run as this user, by name or number]:USER[ GROUP:' \
        '(-w --workdir)'{-w,--workdir}'[working directory]:file:_files' \
        '--privileged[all capabilities]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        attach) _arguments \
        '--no-stdin[only show the output]' \
        '--sig-proxy[pass signals on to the program (true)]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        cp) _arguments \
        '(-a --archive)'{-a,--archive}'[keep owners (as root in the container they are kept anyway)]' \
        '(-L --follow-link)'{-L,--follow-link}'[follow a symbolic link of the host]' \
        '(-q --quiet)'{-q,--quiet}'[say nothing]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        diff) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        export) _arguments \
        '(-o --output)'{-o,--output}'[write to a file instead of standard output]:file:_files' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        commit) _arguments \
        '(-c --change)'{-c,--change}'[a Dockerfile instruction for its config; may be repeated]:INSTRUCTION:' \
        '(-m --message)'{-m,--message}'[a comment for its history]:TEXT:' \
        '(-a --author)'{-a,--author}'[who made the image]:NAME:' \
        '(-p --pause)'{-p,--pause}'[freeze the container meanwhile (true)]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        top) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        healthcheck) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names healthcheck 2>/dev/null))' ;;
        stats) _arguments \
        '--no-stream[print once]' \
        '--format[table, json or a template such as {{.CPUPerc}}]:TEMPLATE:' \
        '(-a --all)'{-a,--all}'[accepted - what does not run uses nothing]' \
        '--no-trunc[whole ids]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names 2>/dev/null))' ;;
        events) _arguments \
        '--since[from this time on - a time, or 10m for ten minutes ago]:TIME:' \
        '--until[until this time; without it new events are waited for]:TIME:' \
        '(-f --filter)'{-f,--filter}'[container=, event=, type=]:KEY=VALUE:' \
        '--format[json or a template such as {{.Action}}]:TEMPLATE:' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        images) _arguments \
        '(-a --all)'{-a,--all}'[accepted - all images are shown]' \
        '(-q --quiet)'{-q,--quiet}'[only the digests]' \
        '--no-trunc[whole digests]' \
        '--digests[accepted - IMAGE ID is the digest]' \
        '--format[table, json or a template such as {{.Repository}}]:TEMPLATE:' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        pull) _arguments \
        '(-q --quiet)'{-q,--quiet}'[only the name]' \
        '--platform[the image for this platform]:OS/ARCH[/VARIANT:' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        build) _arguments \
        '(-t --tag)'{-t,--tag}'[name the image; may be repeated]:NAME:' \
        '(-f --file)'{-f,--file}'[the Dockerfile; - is standard input]:file:_files' \
        '--build-arg[the value of an ARG]:NAME=VALUE:' \
        '--build-context[another place that FROM and --from may name]:NAME=PLACE:' \
        '--target[stop at this stage]:STAGE:' \
        '--platform[build for this platform]:OS/ARCH[/VARIANT:' \
        '--pull[ask the registry for newer images]' \
        '--push[push every name]' \
        '--no-cache[make every step anew]' \
        '--explain-cache[say why a step is made anew]' \
        '--network[host or none, for RUN]:MODE:' \
        '--add-host[a line in /etc/hosts for RUN]:NAME ADDRESS:' \
        '--secret[id=ID,src=FILE, for RUN --mount=type=secret]:PAIRS:' \
        '--ssh[an agent, for RUN --mount=type=ssh]:ID:' \
        '--label[a label of the image]:NAME=VALUE:' \
        '--iidfile[write the digest to a file]:file:_files' \
        '--squash[one layer of all that is new]' \
        '--check[only say what is unwise in the Dockerfile]' \
        '--dry-run[only say what would be done]' \
        '--progress[auto, plain, tty, json or none]:KIND:' \
        '(-q --quiet)'{-q,--quiet}'[only errors and the digest]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        push) _arguments \
        '(-q --quiet)'{-q,--quiet}'[only errors]' \
        '(-a --all-tags)'{-a,--all-tags}'[all tags of a repository that are here]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        tag) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        rmi) _arguments \
        '(-f --force)'{-f,--force}'[also when containers were made from it]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        import) _arguments \
        '(-c --change)'{-c,--change}'[a Dockerfile instruction for its config; may be repeated]:INSTRUCTION:' \
        '(-m --message)'{-m,--message}'[a comment for its history]:TEXT:' \
        '--platform[what it is for]:OS/ARCH[/VARIANT:' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        history) _arguments \
        '--no-trunc[whole commands]' \
        '--format[table or json]:FORMAT:' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        save) _arguments \
        '(-o --output)'{-o,--output}'[write to a file instead of standard output]:file:_files' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toyimg images -q 2>/dev/null))' ;;
        load) _arguments \
        '(-i --input)'{-i,--input}'[read a file instead of standard input]:file:_files' \
        '(-q --quiet)'{-q,--quiet}'[only errors and the names]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        login) _arguments \
        '(-u --username)'{-u,--username}'[log in as NAME instead of asking]:NAME:' \
        '(-p --password)'{-p,--password}'[the password; others can read a command line]:PASSWORD:' \
        '--password-stdin[read the password from standard input]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        logout) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        volume) _arguments \
        '(-q --quiet)'{-q,--quiet}'[only the names]' \
        '(-f --filter)'{-f,--filter}'[ls - only those with name=, driver=, dangling=true|false]:KEY=VALUE:' \
        '--force[prune - do not ask; rm - one that is not there is no error; -f of both]' \
        '--format[ls, inspect - table, json or a template such as {{.Name}}; -f of inspect]:TEMPLATE:' \
        '--label[accepted, is not kept]:NAME=VALUE:' \
        '(-a --all)'{-a,--all}'[prune those with a name of their own, too]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names volume 2>/dev/null))' ;;
        network) _arguments \
        '--subnet[create - such as 10.201.0.0/24 or fd00 -1 - -/64; may be repeated]:PREFIX:' \
        '--gateway[create - the address of the host in a subnet]:ADDRESS:' \
        '--ipv6[create - with an IPv6 subnet, too]' \
        '--internal[create - no way out, no published ports]' \
        '--mtu[create - the largest packet]:BYTES:' \
        '--bridge[create - the name of the bridge]:NAME:' \
        '(-d --driver)'{-d,--driver}'[create - bridge, the only one]:NAME:' \
        '--label[accepted, is not kept]:NAME=VALUE:' \
        '--ip[connect - a fixed address; may be repeated]:ADDRESS:' \
        '--ip6[connect - a fixed IPv6 address]:ADDRESS:' \
        '--alias[connect - a further name in all its networks; may be repeated]:NAME:' \
        '(-f --filter)'{-f,--filter}'[ls - only those with name=, driver=, scope=, type=custom|builtin, dangling=true|false]:KEY=VALUE:' \
        '--format[ls, inspect - table, json or a template such as {{.Name}}; -f of inspect]:TEMPLATE:' \
        '--force[prune - do not ask; rm - one that is not there is no error; -f of both]' \
        '(-q --quiet)'{-q,--quiet}'[ls - only the names]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names network 2>/dev/null))' ;;
        system) _arguments \
        '(-f --force)'{-f,--force}'[do not ask]' \
        '--volumes[also volumes without a name of their own that nobody uses]' \
        '(-a --all)'{-a,--all}'[accepted]' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names system 2>/dev/null))' ;;
        lessons) _arguments \
        '(-i --image)'{-i,--image}'[the image to use, one with a shell; without it the first one of the store, or alpine]:IMAGE:' \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:name:($(toydock _names lessons 2>/dev/null))' ;;
        info) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
        version) _arguments \
        '(-h --help)'{-h,--help}'[show this help]' \
        '*:file:_files' ;;
      esac ;;
  esac
}
_toydock "$@"
