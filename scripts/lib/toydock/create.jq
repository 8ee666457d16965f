# SPDX-License-Identifier: Apache-2.0
# What `toydock run` and `create` decide: config.json as toyimg made it, the image and the options as pairs of words in;
# config.json to run, container.json (docker's words, for inspect and ps) and the shell variables of the container out.
#   jq -L . -r --slurpfile config … --slurpfile image … -f create.jq <<<'["KEY", "VALUE", "KEY", "VALUE"…]'
# The pairs come by standard input, because every user can read a command line, and a variable may be a password.

include "size";
def refuse($words): error("\u0001" + $words);
def pairs: . as $all | [range(0; length; 2) | {key: $all[.], value: $all[. + 1]}];
def bytes($option): size // refuse("--\($option) \(.): this is not a size; examples: 64m, 1g, 1073741824");
def number($option): if test("^-?[0-9]+([.][0-9]+)?$") then tonumber else refuse("--\($option) \(.): this is not a number") end;
def whole($option): if test("^-?[0-9]{1,15}$") then tonumber else refuse("--\($option) \(.): this is not a whole number") end;
def setting($option): if test("^[^=]+=") then index("=") as $at | {key: .[:$at], value: .[$at + 1:]} else refuse("--\($option) \(.): this is not NAME=VALUE") end;
# 1m30s, 500ms, 2h, in nanoseconds
def duration($option):
  if test("^([0-9]+([.][0-9]+)?(ms|us|ns|s|m|h))+$") then
    [scan("([0-9.]+)(ms|us|ns|s|m|h)") | (.[0] | tonumber) * {ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12}[.[1]]] | add
  elif . == "0" then 0
  else refuse("--\($option) \(.): this is not a time; examples: 500ms, 30s, 1m30s") end;
def capability($option): ascii_upcase | ltrimstr("CAP_") | if test("^[A-Z_]+$") then "CAP_" + . else refuse("--\($option) \(.): this is not a capability") end;
# a path in the container, without //, . and ..
def clean: "/" + (reduce (split("/")[] | select(. != "" and . != ".")) as $part ([]; if $part == ".." then .[:-1] else . + [$part] end) | join("/"));
def set_env($name; $value): map(select(startswith($name + "=") | not)) + [$name + "=" + $value];
def default_env($name; $value): if any(.[]; startswith($name + "=")) then . else . + [$name + "=" + $value] end;

# Docker's default profile allows these only with the capability (moby, profiles/seccomp/default_linux.go).
def calls_of_capability: {
  CAP_DAC_READ_SEARCH: ["open_by_handle_at"],
  CAP_SYS_ADMIN: ["bpf", "clone", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "lsm_get_self_attr",
    "mount", "mount_setattr", "move_mount", "open_tree", "perf_event_open", "quotactl", "quotactl_fd", "setdomainname", "sethostname",
    "setns", "syslog", "umount", "umount2", "unshare"],
  CAP_SYS_BOOT: ["reboot"], CAP_SYS_CHROOT: ["chroot"], CAP_SYS_MODULE: ["delete_module", "finit_module", "init_module"],
  CAP_SYS_PACCT: ["acct"], CAP_SYS_PTRACE: ["kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace"],
  CAP_SYS_RAWIO: ["ioperm", "iopl"], CAP_SYS_TIME: ["clock_settime", "clock_settime64", "settimeofday", "stime"],
  CAP_SYS_TTY_CONFIG: ["vhangup"], CAP_SYS_NICE: ["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"],
  CAP_SYSLOG: ["syslog"], CAP_BPF: ["bpf"], CAP_PERFMON: ["perf_event_open"]};
def allow_calls_of($capabilities):
  ([calls_of_capability | to_entries[] | select(.key as $key | $capabilities | index($key)) | .value[]] | unique) as $names
  | if $names == [] then . else .syscalls = [{names: $names, action: "SCMP_ACT_ALLOW"}] + [.syscalls[]
      | if .action == "SCMP_ACT_ERRNO" then .names -= $names | select(.names != []) else . end] end;
# A profile file is what docker takes: rules may say for which capabilities they are.
def read_profile($capabilities):
  {defaultAction, defaultErrnoRet, architectures: (.architectures // null), flags: (.flags // null), syscalls: [.syscalls[]?
      | select((.includes.caps // []) - $capabilities == []) | select((.excludes.caps // []) as $no | $no == [] or ($no - $capabilities) == $no)
      | {names: (.names // [.name]), action, errnoRet, args: (.args // null)} | with_entries(select(.value != null))]}
  | with_entries(select(.value != null));

pairs as $given
| (reduce $given[] as $one ({}; .[$one.key] += [$one.value])) as $all
| ($all | map_values(.[-1])) as $last
| def all($key): $all[$key] // [];
  def on($key): ($last[$key] // "false") == "true";
$image[0] as $image | $config[0]
| (on("privileged")) as $privileged
| $last.network as $network
| ($last["container-dir"]) as $directory
| ($last["files-directory"] // $directory) as $files

# ---- the command
| (if $last | has("entrypoint") then ([$last.entrypoint] | map(select(. != ""))) + all("word")
   else $image.Config.Entrypoint + (if all("word") != [] then all("word") else $image.Config.Cmd end) end) as $command
| if $command == [] then refuse("the image \($last.image) has no command of its own\u0001name one: toydock run \($last.image) COMMAND") else . end
| .process.args = (if on("init") then ["/sbin/docker-init", "--"] else [] end) + $command
| .process.terminal = on("tty")
| if $last["console-size"] then .process.consoleSize = ($last["console-size"] | split(" ") | {height: (.[0] | tonumber), width: (.[1] | tonumber)}) else . end
| if $last.workdir then .process.cwd = $last.workdir else . end

# ---- the user, who is in config.json already
| .process.user.additionalGids += (all("group-add") | map(whole("group-add")))

# ---- the environment
| (if $network == "host" then $last["host-hostname"] elif $last["files-hostname"] then $last["files-hostname"] else ($last.hostname // $last.id[0:12]) end) as $hostname
| .process.env |= default_env("PATH"; "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
| .process.env |= set_env("HOSTNAME"; $hostname)
| if on("tty") then .process.env |= default_env("TERM"; "xterm") else . end
| reduce all("env")[] as $one (.; .process.env |= set_env($one | sub("=.*"; ""; "m"); $one | .[(index("=") + 1):]))
| .hostname = $hostname
| if $last.domainname then .domainname = $last.domainname else . end

# ---- capabilities, seccomp, security
| (all("cap-add") | map(capability("cap-add"))) as $added
| (all("cap-drop") | map(capability("cap-drop"))) as $dropped
| (if $privileged or ($added | index("CAP_ALL")) then all("host-capability") else .process.capabilities.bounding end) as $base
| ((if $dropped | index("CAP_ALL") then [] else $base - $dropped end) + ($added - ["CAP_ALL"]) | unique) as $capabilities
| .process.capabilities = {bounding: $capabilities, effective: $capabilities, permitted: $capabilities}
| (all("security-opt") | map(split("=") | {key: .[0], value: (.[1:] | join("="))}) | from_entries) as $security
| (($security | keys) - ["no-new-privileges", "no-new-privileges:true", "no-new-privileges:false", "seccomp", "apparmor", "label", "systempaths"]) as $unknown
| if $unknown != [] then refuse("--security-opt \($unknown[0]) is not known\u0001use no-new-privileges, seccomp=FILE|unconfined, apparmor=PROFILE or systempaths=unconfined") else . end
| if ($security | has("no-new-privileges:true")) or $security["no-new-privileges"] == "" or $security["no-new-privileges"] == "true" then .process.noNewPrivileges = true else . end
| if ($security.apparmor // "unconfined") != "unconfined" then .process.apparmorProfile = $security.apparmor else . end
| if $privileged or $security.seccomp == "unconfined" then del(.linux.seccomp)
  elif $profile != [] then .linux.seccomp = ($profile[0] | read_profile($capabilities))
  elif .linux.seccomp then .linux.seccomp |= allow_calls_of($capabilities) else . end
| if $privileged or $security.systempaths == "unconfined" then del(.linux.maskedPaths, .linux.readonlyPaths) else . end
| if $privileged then .mounts |= map(if .type == "sysfs" or .type == "cgroup" then .options -= ["ro"] else . end) else . end

# ---- devices: PATH, IN CONTAINER, PERMISSIONS, c|b, MAJOR, MINOR
| reduce (all("device")[] | split("\t")) as $one (.;
    {type: $one[3], major: ($one[4] | tonumber), minor: ($one[5] | tonumber)} as $node
    | .linux.devices += [$node + {path: $one[1], fileMode: ($one[6] | tonumber), uid: ($one[7] | tonumber), gid: ($one[8] | tonumber)}]
    | .linux.resources.devices += [$node + {allow: true, access: $one[2]}])
| if $privileged then .linux.resources.devices = [{allow: true, access: "rwm"}] else . end

# ---- mounts: KIND, SOURCE, DESTINATION, OPTIONS, NAME
| ([all("mount")[] | split("\t") | {kind: .[0], source: .[1], destination: (.[2] | clean), options: (.[3] | split(",") | map(select(. != ""))), name: .[4]}]
   | map(.options as $options | . + {readonly: ($options | any(. == "ro" or . == "readonly")),
       propagation: (($options | map(select(test("^r?(private|shared|slave)$"))) | last) // "rprivate")})) as $mounts
| if any($mounts[]; .destination == "/") then refuse("a mount cannot take the place of /\u0001name a directory in the container: -v data:/var/lib/data") else . end
| (($mounts | group_by(.destination) | map(select(length > 1) | .[0].destination)) | first // null) as $twice
| if $twice then refuse("two mounts at \($twice)") else . end
| .mounts |= map(select(.destination as $there | any($mounts[]; .destination == $there) | not))
| if $last["shm-size"] then ($last["shm-size"] | bytes("shm-size")) as $size
    | .mounts |= map(if .destination == "/dev/shm" then .options |= map(if startswith("size=") then "size=\($size)" else . end) else . end) else . end
| if on("init") then .mounts += [{destination: "/sbin/docker-init", type: "bind", source: $last["init-program"], options: ["rbind", "ro", "nosuid"]}] else . end
| .mounts += ([("hostname", "hosts", "resolv.conf") as $file | "/etc/\($file)" as $there | select(any($mounts[]; .destination == $there) | not)
    | {destination: $there, type: "bind", source: "\($files)/\($file)", options: ["rbind", "rprivate", "rw"]}]
  + ($mounts | map(
    if .kind == "tmpfs" then {destination, type: "tmpfs", source: "tmpfs", options: (["nosuid", "nodev"] + if .options == [] then ["noexec", "mode=1777"] else .options end)}
    else {destination, type: "bind", source, options: (["rbind", .propagation] + if .readonly then ["ro"] else ["rw"] end)} end))
  # what lies deeper is mounted later
  | sort_by(.destination | split("/") | length))
| .root.readonly = on("read-only")

# ---- limits
| ($last.memory // null | if . then bytes("memory") else null end) as $memory
| if $memory and $memory > 0 and $memory < 6291456 then refuse("--memory \($last.memory): less than 6m is too little for any program") else . end
| if $memory then .linux.resources.memory = ({limit: $memory}
      + if $last["memory-swap"] then {swap: ($last["memory-swap"] | bytes("memory-swap"))} elif on("swap-accounting") then {swap: ($memory * 2)} else {} end)
  elif $last["memory-swap"] then refuse("--memory-swap needs --memory\u0001it is memory and swap together, so it is at least as much") else . end
| if $memory and $last["memory-swap"] and .linux.resources.memory.swap != -1 and .linux.resources.memory.swap < $memory then
    refuse("--memory-swap \($last["memory-swap"]) is less than --memory \($last.memory)\u0001it is memory and swap together") else . end
| if $last["memory-reservation"] then .linux.resources.memory.reservation = ($last["memory-reservation"] | bytes("memory-reservation")) else . end
| if $last.cpus then ($last.cpus | number("cpus")) as $cpus
    | if $cpus <= 0 then refuse("--cpus \($last.cpus): more than 0, please; 0.5 is half a core") else . end
    | .linux.resources.cpu += {period: 100000, quota: ($cpus * 100000 | floor)} else . end
| if $last["cpu-period"] then .linux.resources.cpu.period = ($last["cpu-period"] | whole("cpu-period")) else . end
| if $last["cpu-quota"] then .linux.resources.cpu.quota = ($last["cpu-quota"] | whole("cpu-quota")) else . end
| if $last["cpu-shares"] then .linux.resources.cpu.shares = ($last["cpu-shares"] | whole("cpu-shares")) else . end
| if $last["cpuset-cpus"] then .linux.resources.cpu.cpus = $last["cpuset-cpus"] else . end
| if $last["cpuset-mems"] then .linux.resources.cpu.mems = $last["cpuset-mems"] else . end
| if $last["pids-limit"] then .linux.resources.pids.limit = ($last["pids-limit"] | whole("pids-limit") | if . <= 0 then -1 else . end) else . end
| if $last["oom-score-adj"] then .process.oomScoreAdj = ($last["oom-score-adj"] | whole("oom-score-adj")) else . end
| .process.rlimits = [all("ulimit")[] | if test("^[a-z]+=-?[0-9]+(:-?[0-9]+)?$") then capture("^(?<type>[a-z]+)=(?<soft>[0-9-]+)(:(?<hard>[0-9-]+))?$")
    | {type: ("RLIMIT_" + (.type | ascii_upcase)), soft: (.soft | tonumber), hard: ((.hard // .soft) | tonumber)}
    else refuse("--ulimit \(.): example: nofile=1024:4096") end]
| .linux.sysctl += (all("sysctl") | map(setting("sysctl")) | from_entries)
| .linux.cgroupsPath = $last["cgroups-path"]

# ---- namespaces and network
| if $network == "host" then .linux.namespaces |= map(select(.type != "network" and .type != "uts")) | del(.hostname, .domainname)
    | .linux.sysctl |= with_entries(select(.key | startswith("net.") | not)) else . end
| if $last.pid == "host" then .linux.namespaces |= map(select(.type != "pid")) elif $last.pid then refuse("--pid \($last.pid): only host is known") else . end
| if $last.ipc == "host" then .linux.namespaces |= map(select(.type != "ipc")) elif ($last.ipc // "private") != "private" then refuse("--ipc \($last.ipc): only host and private are known") else . end
| .annotations += ((all("annotation") + all("network-annotation")) | map(setting("annotation")) | from_entries)

# ---- restart and health
| (($last.restart // "no") | split(":") | {Name: .[0], MaximumRetryCount: ((.[1] // "0") | whole("restart"))}) as $restart
| if $last.restart and ($last.restart | test(":")) and $restart.Name != "on-failure" then refuse("--restart \($last.restart): only on-failure counts") else . end
| if ["no", "always", "on-failure", "unless-stopped"] | index($restart.Name) then . else
    refuse("--restart \($last.restart) is not known\u0001use no, on-failure[:TIMES], always or unless-stopped") end
| if on("rm") and $restart.Name != "no" then refuse("--rm and --restart exclude each other") else . end
| ($image.Config.Healthcheck // {} | if on("no-healthcheck") then {} else . end
    | if (.Test // [])[0] == "NONE" then {} else . end) as $own # HEALTHCHECK of the image
| def time_of($name; $field; $default): if $last[$name] then $last[$name] | duration($name) else $own[$field] // 0 end
    | if . == 0 then $default elif . < 1e6 or . > 1e18 then refuse("--\($name) \($last[$name] // "of the image"): a time between 1ms and 30 years, please") else . end;
  (if $last["health-cmd"] then ["CMD-SHELL", $last["health-cmd"]] else $own.Test // [] end) as $test
| (if on("no-healthcheck") or $test == [] then null else {Test: $test, Interval: time_of("health-interval"; "Interval"; 3e10),
    Timeout: time_of("health-timeout"; "Timeout"; 3e10), StartPeriod: time_of("health-start-period"; "StartPeriod"; 0),
    Retries: ((if $last["health-retries"] then $last["health-retries"] | whole("health-retries") else $own.Retries // 0 end)
      | if . < 0 or . != floor then refuse("--health-retries \(.): a whole number, please") elif . == 0 then 3 else . end)} end) as $health
| ($last["stop-signal"] // $image.Config.StopSignal // "" | if . == "" then "SIGTERM" else . end) as $stop_signal
| if $stop_signal | test("^([0-9]{1,2}|[A-Za-z][A-Za-z0-9]*([+-][0-9]{1,2})?)$") then . else refuse("the stop signal \($stop_signal) is none\u0001name one: --stop-signal TERM") end
| (([$image.Config.ExposedPorts[]?] + all("expose")) | map(if test("/") then . else . + "/tcp" end) | unique) as $exposed

| . as $config | {
    Id: $last.id, Name: ("/" + $last.name), Created: $last.created, Path: $command[0], Args: $command[1:], Image: $image.Digest, Platform: $image.Platform,
    ResolvConfPath: "\($files)/resolv.conf", HostnamePath: "\($files)/hostname", HostsPath: "\($files)/hosts", LogPath: "\($directory)/log", BundlePath: "\($directory)/bundle",
    Config: {Hostname: $hostname, Domainname: ($last.domainname // ""), User: ($last.user // $image.Config.User), Tty: on("tty"), OpenStdin: on("interactive"),
      Env: $config.process.env, Cmd: (if all("word") != [] then all("word") else $image.Config.Cmd end), Image: $last.image, ExposedPorts: ($exposed | map({key: ., value: {}}) | from_entries),
      Volumes: ($image.Config.Volumes // [] | map({key: ., value: {}}) | from_entries),
      WorkingDir: $config.process.cwd, Entrypoint: (if $last | has("entrypoint") then [$last.entrypoint] else $image.Config.Entrypoint end),
      Labels: (($image.Config.Labels // {}) + (all("label") | map(index("=") as $at | if $at then {key: .[:$at], value: .[$at + 1:]} else {key: ., value: ""} end) | from_entries)),
      StopSignal: $stop_signal, StopTimeout: ($last["stop-timeout"] // "10" | whole("stop-timeout")), Healthcheck: $health},
    HostConfig: {NetworkMode: $network, AutoRemove: on("rm"), Privileged: $privileged, ReadonlyRootfs: on("read-only"), Init: on("init"), RestartPolicy: $restart,
      Memory: ($memory // 0), MemorySwap: ($config.linux.resources.memory.swap // 0), NanoCpus: (($last.cpus // "0" | tonumber) * 1e9), CpuShares: ($config.linux.resources.cpu.shares // 0),
      CpusetCpus: ($last["cpuset-cpus"] // ""), PidsLimit: ($config.linux.resources.pids.limit // 0), CapAdd: all("cap-add"), CapDrop: all("cap-drop"), SecurityOpt: all("security-opt"),
      Binds: ($mounts | map(select(.kind == "bind") | "\(.source):\(.destination)")), PortBindings: all("publish"), CgroupParent: ($last["cgroup-parent"] // ""), Runtime: "toyrun"},
    Mounts: ($mounts | map({Type: .kind, Name: .name, Source: .source, Destination: .destination, Mode: (.options | join(",")), RW: (.readonly | not), Propagation: .propagation}))
  } as $container
| ($config | tojson), ($container | tojson),
  ({terminal: on("tty"), interactive: on("interactive"), auto_remove: on("rm"), restart_policy: $restart.Name, restart_most: $restart.MaximumRetryCount,
    stop_signal: $stop_signal, stop_timeout: ($last["stop-timeout"] // "10" | whole("stop-timeout")), image: $last.image, network_mode: $network, log_size: ($last["log-size"] // ""),
    cgroups_path: $last["cgroups-path"], health_interval: (($health.Interval // 0) / 1e9), health_timeout: (($health.Timeout // 0) / 1e9),
    health_start_period: (($health.StartPeriod // 0) / 1e9), health_retries: ($health.Retries // 0)}
   | to_entries[] | "\(.key)=\(.value | tostring | @sh)"),
  "health_words=(\(if $health == null then [] elif $health.Test[0] == "CMD-SHELL" then ["/bin/sh", "-c", $health.Test[1]] else $health.Test[1:] end | map(@sh) | join(" ")))"
