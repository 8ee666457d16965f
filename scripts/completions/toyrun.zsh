#compdef toyrun
# SPDX-License-Identifier: Apache-2.0
# Made by scripts/completions/generate from --help: change the option table, then run it.

_toyrun() {
  local state verbs
  verbs=(
    'create:Create a container from a bundle; its program waits for start'
    'start:Run the program of a created container'
    'run:Create and start a container, wait for its program, delete it'
    'exec:Run another process in a container'
    'kill:Send a signal (default - TERM) to the containers first process'
    'wait:Wait for the end of a containers program and print its exit status'
    'delete:Remove a stopped container'
    'state:Print the state of a container as JSON'
    'list:List the containers'
    'ps:Show the processes of a container'
    'events:Print statistics, out-of-memory and state changes as JSON lines'
    'pause:Freeze all processes of a container'
    'resume:Let the processes of a paused container run again'
    'update:Change the resource limits of a container'
    'mounts:Add mounts to a container that runs, or remove some'
    'network:Create, list, show, remove, join or leave networks for containers'
    'checkpoint:Write the processes of a container to images, by CRIU'
    'restore:Bring a container back from the images of checkpoint'
    'check:Say all that keeps a bundle from running on this host'
    'explain:Print how a container was made, as numbered sentences'
    'audit:Compare a containers isolation with what was asked for'
    'spec:Write a config.json to start from'
    'features:Print as JSON what this runtime supports'
  )
  _arguments -C \
        '--root[Directory of the container state records (default /run/toyrun)]:file:_files' \
        '--log[Write the log to FILE, and errors to stderr as well]:file:_files' \
        '--log-format[Format of the log - text (default) or json]:FORMAT:' \
        '--log-level[What to log - error (default with json), warning (default) or debug]:LEVEL:' \
        '--debug[Log everything that is done]' \
        '--trace[Write steps, kernel calls and their times to FILE (Chrome trace JSON)]:file:_files' \
        '--systemd-cgroup[Have systemd make the cgroup; cgroupsPath is SLICE -PREFIX -NAME then]' \
        '--cgroup-manager[cgroupfs (default), systemd, or disabled - make no cgroup]:DRIVER:' \
        '--rootless[auto, true or false; accepted for engines, always auto]:WHEN:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '(-v --version)'{-v,--version}'[Show the version]' \
        '1: :->verb' \
        '*:: :->words'
  case $state in
    verb) _describe verb verbs ;;
    words)
      case $words[1] in
        create) _arguments \
        '(-b --bundle)'{-b,--bundle}'[The bundle (default - the current directory)]:file:_files' \
        '(-f --config)'{-f,--config}'[The config, if it is not the bundles config.json]:file:_files' \
        '--console-socket[AF_UNIX socket that gets the terminals master]:file:_files' \
        '--pid-file[Write the pid of the process to FILE]:file:_files' \
        '--pidfd-socket[AF_UNIX socket that gets a pidfd of the process]:file:_files' \
        '--preserve-fds[Pass N descriptors beyond stdio and LISTEN_FDS to the process]:N:' \
        '--no-pivot[Move the root instead of pivot_root, for hosts on an initramfs]' \
        '--no-new-keyring[Keep the callers session keyring]' \
        '--explain[Print what would be done on HOST (this, v1, hybrid, v2) and do nothing]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        start) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        run) _arguments \
        '(-b --bundle)'{-b,--bundle}'[The bundle (default - the current directory)]:file:_files' \
        '(-f --config)'{-f,--config}'[The config, if it is not the bundles config.json]:file:_files' \
        '(-d --detach)'{-d,--detach}'[Return when the program runs]' \
        '--keep[Do not delete the container when its program ends]' \
        '--no-subreaper[Do not reap processes the container leaves behind]' \
        '--console-socket[AF_UNIX socket that gets the terminals master]:file:_files' \
        '--pid-file[Write the pid of the process to FILE]:file:_files' \
        '--pidfd-socket[AF_UNIX socket that gets a pidfd of the process]:file:_files' \
        '--preserve-fds[Pass N descriptors beyond stdio and LISTEN_FDS to the process]:N:' \
        '--no-pivot[Move the root instead of pivot_root, for hosts on an initramfs]' \
        '--no-new-keyring[Keep the callers session keyring]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        exec) _arguments \
        '(-p --process)'{-p,--process}'[Take the whole process object from FILE]:file:_files' \
        '--cwd[Working directory in the container]:file:_files' \
        '(-e --env)'{-e,--env}'[Add a variable to the environment]:NAME=VALUE:' \
        '(-t --tty)'{-t,--tty}'[Give the process a terminal]' \
        '(-u --user)'{-u,--user}'[Run as this user and group]:UID[ GID:' \
        '(-g --additional-gids)'{-g,--additional-gids}'[Add a supplementary group]:GID:' \
        '(-c --cap)'{-c,--cap}'[Add a capability]:CAP:' \
        '--no-new-privs[Set no_new_privs]' \
        '--apparmor[AppArmor profile of the process]:PROFILE:' \
        '--process-label[SELinux label of the process]:LABEL:' \
        '(-d --detach)'{-d,--detach}'[Return when the process runs]' \
        '--pid-file[Write the pid of the process to FILE]:file:_files' \
        '--console-socket[AF_UNIX socket that gets the terminals master]:file:_files' \
        '--pidfd-socket[AF_UNIX socket that gets a pidfd of the process]:file:_files' \
        '--preserve-fds[Pass N descriptors beyond stdio and LISTEN_FDS to the process]:N:' \
        '--ignore-paused[Enter a paused container, too]' \
        '--cgroup[Run in this cgroup below the containers]:CONTROLLER ]PATH:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        kill) _arguments \
        '(-a --all)'{-a,--all}'[Signal all processes of the container]' \
        '(-r --regex)'{-r,--regex}'[ID is a regular expression - take all that match]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        wait) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        delete) _arguments \
        '(-f --force)'{-f,--force}'[Kill the container if it still runs; an unknown one is fine]' \
        '(-r --regex)'{-r,--regex}'[ID is a regular expression - take all that match]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        state) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        list) _arguments \
        '(-f --format)'{-f,--format}'[table (default) or json]:FORMAT:' \
        '(-q --quiet)'{-q,--quiet}'[Only the ids]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        ps) _arguments \
        '(-f --format)'{-f,--format}'[table (default) or json - an array of pids]:FORMAT:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        events) _arguments \
        '--interval[Print statistics every TIME - 500ms, 5s (default), 1m, 1h]:TIME:' \
        '--stats[Print the statistics once and return]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        pause) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        resume) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        update) _arguments \
        '(-r --resources)'{-r,--resources}'[Take a linux.resources object from FILE or, with -, from stdin]:file:_files' \
        '--blkio-weight[Block I/O weight, 10 to 1000]:WEIGHT:' \
        '--cpu-period[CPU period of the quota]:MICROSECONDS:' \
        '--cpu-quota[CPU time per period, -1 for no limit]:MICROSECONDS:' \
        '--cpu-burst[CPU time that may be saved up]:MICROSECONDS:' \
        '--cpu-share[CPU shares against other cgroups, 2 to 262144]:SHARES:' \
        '--cpu-rt-period[Realtime period]:MICROSECONDS:' \
        '--cpu-rt-runtime[Realtime per period]:MICROSECONDS:' \
        '--cpuset-cpus[CPUs to use - 0-3,7]:LIST:' \
        '--cpuset-mems[Memory nodes to use]:LIST:' \
        '--cpu-idle[1 - only what no other cgroup wants]:0|1:' \
        '--memory[Memory limit, -1 for none]:BYTES:' \
        '--memory-reservation[Memory that is left alone]:BYTES:' \
        '--memory-swap[Memory and swap together, -1 for no limit]:BYTES:' \
        '--l3-cache-schema[L3 cache of its resctrl class - L3 -0=ff;1=ff]:SCHEMA:' \
        '--mem-bw-schema[Memory bandwidth of its resctrl class - MB -0=50;1=50]:SCHEMA:' \
        '--pids-limit[Most processes, -1 for no limit]:NUMBER:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        mounts) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        network) _arguments \
        '--subnet[create - 10.201.0.0/24, fd00 - -/64; one of each kind at most]:PREFIX:' \
        '--gateway[create - the hosts address in a subnet (default - the first)]:ADDRESS:' \
        '--ipv6[create - with an IPv6 subnet, too]' \
        '--internal[create - no way out of it, and no published ports]' \
        '--mtu[create - the largest packet]:BYTES:' \
        '--bridge[create - the name of the bridge (default - toy1, toy2, ...)]:NAME:' \
        '--ip[connect - a fixed address, one of each kind at most]:ADDRESS:' \
        '--alias[connect - a further name of the container in its networks]:NAME:' \
        '(-q --quiet)'{-q,--quiet}'[ls - names only]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun network ls -q 2>/dev/null))' ;;
        checkpoint) _arguments \
        '--image-path[The images (default - ./checkpoint)]:file:_files' \
        '--work-path[Logs and what CRIU keeps while it works (default - with the images)]:file:_files' \
        '--parent-path[An earlier --pre-dump, relative to the images]:file:_files' \
        '--leave-running[Let the container run on]' \
        '--pre-dump[Write the memory only, and let the container run on]' \
        '--tcp-established[Keep established TCP connections]' \
        '--tcp-skip-in-flight[Leave out TCP connections that are being made]' \
        '--link-remap[Keep files that were removed by linking them again]' \
        '--ext-unix-sk[Let Unix sockets be connected to somebody outside]' \
        '--shell-job[Let the session leader or the terminal be outside]' \
        '--lazy-pages[Move memory on demand, by userfaultfd]' \
        '--status-fd[Gets a NUL byte when the server of --lazy-pages is ready]:FD:' \
        '--page-server[Send the memory to a CRIU page server]:ADDRESS PORT:' \
        '--file-locks[Keep file locks]' \
        '--manage-cgroups-mode[The cgroups settings in the images - soft (default), full, strict or ignore]:MODE:' \
        '--empty-ns[Leave the content of this namespace (network) to the hooks]:TYPE:' \
        '--auto-dedup[Drop from the parents images what is in these]' \
        '--network-lock[How connections are held up - iptables, nftables or skip]:METHOD:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        restore) _arguments \
        '(-b --bundle)'{-b,--bundle}'[The bundle (default - the current directory)]:file:_files' \
        '(-f --config)'{-f,--config}'[The config, if it is not the bundles config.json]:file:_files' \
        '--image-path[The images (default - ./checkpoint)]:file:_files' \
        '--work-path[Logs and what CRIU keeps while it works (default - with the images)]:file:_files' \
        '(-d --detach)'{-d,--detach}'[Return when the processes run]' \
        '--console-socket[AF_UNIX socket that gets the terminals master]:file:_files' \
        '--pid-file[Write the pid of the process to FILE]:file:_files' \
        '--no-subreaper[Do not reap processes the container leaves behind]' \
        '--no-pivot[Move the root instead of pivot_root, for hosts on an initramfs]' \
        '--tcp-established[Keep established TCP connections]' \
        '--tcp-close[Close TCP connections]' \
        '--ext-unix-sk[Let Unix sockets be connected to somebody outside]' \
        '--shell-job[Let the session leader or the terminal be outside]' \
        '--lazy-pages[Move memory on demand, by userfaultfd]' \
        '--file-locks[Keep file locks]' \
        '--manage-cgroups-mode[The cgroups settings in the images - soft (default), full, strict or ignore]:MODE:' \
        '--empty-ns[Leave the content of this namespace (network) to the hooks]:TYPE:' \
        '--auto-dedup[Drop from the parents images what is in these]' \
        '--network-lock[How connections are held up - iptables, nftables or skip]:METHOD:' \
        '--lsm-profile[Another profile than the image has - apparmor -NAME or selinux -LABEL]:TYPE NAME:' \
        '--lsm-mount-context[Another SELinux label of the mounts than the image has]:LABEL:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        check) _arguments \
        '(-b --bundle)'{-b,--bundle}'[The bundle (default - the current directory)]:file:_files' \
        '(-f --format)'{-f,--format}'[text (default) or json]:FORMAT:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        explain) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        audit) _arguments \
        '(-f --format)'{-f,--format}'[text (default) or json]:FORMAT:' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:name:($(toyrun list -q 2>/dev/null))' ;;
        spec) _arguments \
        '(-b --bundle)'{-b,--bundle}'[Directory to write config.json into (default - the current one)]:file:_files' \
        '(-f --file)'{-f,--file}'[Write it to FILE, seen from DIR, instead of config.json]:file:_files' \
        '--rootless[For a container of an ordinary user]' \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
        features) _arguments \
        '(-h --help)'{-h,--help}'[Show this help]' \
        '*:file:_files' ;;
      esac ;;
  esac
}
_toyrun "$@"
