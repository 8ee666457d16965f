# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# run and create: options become pairs of words, create.jq makes config.json of them.
# shellcheck source=scripts/lib/toydock/monitor.sh
source "$LIBRARY/monitor.sh"

OPTIONS_create='i interactive keep standard input open
t tty give the container a terminal
- name=NAME its name; without one it gets a random one
- rm remove it when it has ended
e env=NAME=VALUE set a variable; NAME alone takes the value it has here
- env-file=FILE set the variables in a file, NAME=VALUE lines
v volume=SOURCE:TARGET[:OPTIONS] a directory of the host or a named volume; ro, z and Z (ignored)
- mount=KEY=VALUE type=bind|volume|tmpfs,source=,target=,readonly
- tmpfs=DIR[:OPTIONS] an empty file system in memory
- volumes-from=CONTAINER the mounts of another container
m memory=SIZE most memory, as in 64m or 1g
- memory-swap=SIZE most memory and swap together, -1 for any
- memory-reservation=SIZE memory that is left alone when it is short
- shm-size=SIZE size of /dev/shm
- cpus=NUMBER cores to use, as in 0.1 or 2
c cpu-shares=NUMBER share of the processors against others, 1024 is normal
- cpu-period=MICROSECONDS period of the quota
- cpu-quota=MICROSECONDS processor time in a period
- cpuset-cpus=LIST processors to use, as in 0-3,7
- cpuset=LIST the same as --cpuset-cpus
- cpuset-mems=LIST memory nodes to use
- pids-limit=NUMBER most processes, -1 for any number
- ulimit=NAME=SOFT[:HARD] limit of a process, as in nofile=1024:4096
- oom-score-adj=NUMBER who is killed first when memory is short
h hostname=NAME host name
- domainname=NAME NIS domain name
u user=USER[:GROUP] run as this user, by name or number
- group-add=GID a further group, by number
w workdir=DIR working directory
- entrypoint=PROGRAM run this instead of the entry point of the image
- cap-add=CAPABILITY give a capability, or ALL
- cap-drop=CAPABILITY take a capability, or ALL
- privileged everything root can do, all devices, no filter
- read-only a root file system that cannot be changed
- security-opt=OPTION no-new-privileges, seccomp=FILE|unconfined, apparmor=PROFILE
- device=PATH[:TARGET[:rwm]] a device of the host
- sysctl=NAME=VALUE a kernel parameter of its namespaces
- init a small init that reaps processes (tini-static)
- stop-signal=SIGNAL what stop sends
- stop-timeout=SECONDS how long stop waits
- pull=always|missing|never when to ask the registry
- platform=OS/ARCH[/VARIANT] the image for this platform
p publish=[IP:][HOST:]PORT[/udp] a port of the host that leads to one of the container
P publish-all all ports that the image names, at any free port of the host
- expose=PORT a port for --publish-all
- network=NAME a network; none, host, container:NAME; the default is called default
- net=NAME the same as --network
- ip=ADDRESS a fixed address in one of the networks
- ip6=ADDRESS a fixed IPv6 address
- network-alias=NAME a further name in its networks
- add-host=NAME:ADDRESS a line for /etc/hosts
- dns=ADDRESS a name server
- dns-search=DOMAIN where short names are looked for; . for nowhere
- pid=host see the processes of the host
- ipc=private|host shared memory of its own or of the host
l label=NAME=VALUE a label
- label-file=FILE labels in a file
- annotation=NAME=VALUE an annotation for the runtime
- cgroup-parent=PATH the cgroup above its own
- restart=POLICY no, on-failure[:TIMES], always, unless-stopped
- health-cmd=COMMAND a shell command that tells whether it is well
- health-interval=TIME time between two checks (30s)
- health-timeout=TIME how long a check may take (30s)
- health-start-period=TIME how long failures do not count (0s)
- health-retries=NUMBER failures in a row that make it unhealthy (3)
- no-healthcheck no health check
- log-driver=NAME json-file or local, which are the same here: toydock logs reads it
- log-opt=NAME=VALUE max-size=SIZE: start the log anew when it is larger; max-file is accepted, one file is kept
- cidfile=FILE write the id to a file
q quiet no progress of a pull'
OPTIONS_run="$OPTIONS_create
d detach in the background; print the id
- sig-proxy pass signals on to the program (true)
- explain show what would be done, and toyrun's plan, and stop"
USAGE_create='[options] IMAGE [COMMAND [ARGUMENT...]]'
USAGE_run=$USAGE_create

verb_create() {
  need_root
  STOP_AT_WORD=1 parse "$OPTIONS_create" "$@"
  at_least 1 'which image?'
  create_container
  printf '%s\n' "$ID"
}

verb_run() {
  need_root
  STOP_AT_WORD=1 parse "$OPTIONS_run" "$@"
  at_least 1 'which image?'
  if [[ ${OPTION[detach]:-} == true && ${OPTION[rm]:-} == true && -n ${OPTION[restart]:-} ]]; then die "--rm and --restart exclude each other"; fi
  if [[ ${OPTION[tty]:-} == true && ${OPTION[interactive]:-} == true && ${OPTION[detach]:-} != true && ! -t 0 ]]; then
    die "the input is not a terminal, which -t needs" "leave out -t, or run it in a terminal"
  fi
  if [[ ${OPTION[explain]:-} == true ]]; then
    explain_run
    return
  fi
  create_container
  # shellcheck source=/dev/null
  source "$DIRECTORY/settings"
  STATUS=created RESTARTS=0
  if [[ ${OPTION[detach]:-} == true ]]; then
    launch
    start_program
    printf '%s\n' "$ID"
    return
  fi
  run_in_foreground
}

# run_in_foreground: our output is the program's; our exit code, too.
run_in_foreground() {
  local status=0 options=()
  if [[ $interactive == true ]]; then options=(--stdin); fi
  launch
  exec 7<"$DIRECTORY/code"
  start_program attached "${options[@]}" || status=$?
  if ((status == 3)); then
    printf '\n' >&2
    note "detached; to return: toydock attach $NAME"
    return 0
  fi
  finish_foreground
}
# ---- create -------------------------------------------------------------------------------------------------------

# create_container: from OPTION, GIVEN and WORDS; ID, NAME, DIRECTORY. On failure nothing is left.
create_container() {
  open_cidfile
  make_root
  sweep
  IMAGE=${WORDS[0]}
  new_id
  # shellcheck disable=SC2153
  DIRECTORY=$CONTAINERS/$ID MAKING=$CONTAINERS/$ID
  umask 077
  # a prune that meets the empty directory takes it away
  mkdir -p "$DIRECTORY/maker-$$" || mkdir -p "$DIRECTORY/maker-$$" || die "cannot make $DIRECTORY" "is the disk full? see: df -h $ROOT"
  umask 022
  trap 'abandon_creation' EXIT
  lock_container
  take_name
  find_image
  PAIRS=(id "$ID" name "$NAME" created "$NOW" image "$IMAGE" container-dir "$DIRECTORY")
  for word in "${WORDS[@]:1}"; do PAIRS+=(word "$word"); done
  make_bundle "$IMAGE_NAME" || die "cannot make a root file system of $IMAGE"
  collect_options
  write_network_files
  write_container
  unlock_volumes
  fill_volumes
  mv "$DIRECTORY/settings.new" "$DIRECTORY/settings" # from here on it is a container
  if [[ -n ${CIDFILE:-} ]]; then
    printf '%s' "$ID" >&"$CIDFILE" || die "cannot write to ${OPTION[cidfile]}"
    exec {CIDFILE}>&-
  fi
  trap - EXIT
  tell_event create "name=$NAME" "image=$IMAGE"
}

# open_cidfile: before anything is made; docker writes to no file that is there already.
open_cidfile() {
  local file=${OPTION[cidfile]:-}
  [[ -n $file ]] || return 0
  [[ ! -e $file && ! -L $file ]] || die "--cidfile $file: the file is there already" "type: rm $file, or name another one"
  set -o noclobber
  { exec {CIDFILE}>"$file"; } 2>/dev/null || die "--cidfile $file: the file cannot be made" "is its directory there, and may be written to?"
  set +o noclobber
  trap 'rm -f "${OPTION[cidfile]}"' EXIT
}

# abandon_creation: of MAKING, for DIRECTORY may be another container's at the moment.
abandon_creation() {
  local status=$? volumes=()
  trap - EXIT
  ((status != 1)) || status=$FAILURE # of a command that failed, on a full disk
  if [[ -n ${NAME:-} ]]; then free_name "$NAME" "$MAKING"; fi
  if [[ -e $MAKING/visit.json ]]; then leave_root; fi
  release_bundle
  if [[ -n ${CIDFILE:-} ]]; then rm -f "${OPTION[cidfile]}"; fi
  if [[ -s $MAKING/anonymous-volumes ]]; then mapfile -t volumes <"$MAKING/anonymous-volumes"; fi
  rm -rf --one-file-system "$MAKING"
  remove_free_volumes "${volumes[@]}"
  exit "$status"
}

take_name() {
  now
  if [[ -n ${OPTION[name]:-} ]]; then
    NAME=
    reserve_name "${OPTION[name]}" "$ID" || name_is_taken "${OPTION[name]}"
    NAME=${OPTION[name]}
  else
    random_name
    until reserve_name "$NAME" "$ID"; do NAME=${NAME%_[0-9]*}_$RANDOM; done
  fi
  printf '%s\n' "$NAME" >"$DIRECTORY/name"
}

# find_image: IMAGE_NAME is what the store calls it; pulls it when it is not there.
find_image() {
  local pull=${OPTION[pull]:-missing} options=()
  case $pull in always | missing | never) ;; *) die "--pull=$pull: always, missing or never" ;; esac
  [[ $IMAGE != -* && -n $IMAGE ]] || die "'$IMAGE' is no name of an image" "see: toydock images"
  IMAGE_NAME=$IMAGE
  if [[ $pull != always ]] && "$TOYIMG" inspect "$IMAGE" >"$DIRECTORY/image.json" 2>/dev/null && is_for_platform "${OPTION[platform]:-}"; then return; fi
  [[ $pull != never ]] || die "the image $IMAGE is not here, and --pull=never" "type: toydock pull $IMAGE"
  note "fetching $IMAGE"
  if [[ -n ${OPTION[platform]:-} ]]; then options+=(--platform "${OPTION[platform]}"); fi
  if [[ ${OPTION[quiet]:-} == true || ! -t 2 ]]; then options+=(--quiet); fi
  # by its digest: registries.conf may have found a short name elsewhere than where the store looks first
  IMAGE_NAME=$(images pull "${options[@]}" "$IMAGE") ||
    die "the image $IMAGE is not here and cannot be fetched" "is the name right? toydock images lists what is here"
  "$TOYIMG" inspect "$IMAGE_NAME" >"$DIRECTORY/image.json" || die "cannot read the image $IMAGE"
}

# is_for_platform [OS/ARCH[/VARIANT]]: whether image.json is; any variant is, when none is named.
is_for_platform() { [[ -z $1 || $(jq -r .Platform "$DIRECTORY/image.json")/ == "$1"/* ]]; }

# write_container: create.jq, then the files.
write_container() {
  local lines words
  show_pairs
  json_strings "${PAIRS[@]}"
  if ! words=$(jq -L "$LIBRARY" -r --slurpfile config "$DIRECTORY/bundle/config.json" --slurpfile image "$DIRECTORY/image.json" \
    --slurpfile profile "${SECCOMP_PROFILE:-/dev/null}" -f "$LIBRARY/create.jq" 2>&1 <<<"$JSON"); then
    [[ $words == *$'\x01'* ]] || die "cannot make the container: $words"
    words=${words#*$'\x01'}
    if [[ $words == *$'\x01'* ]]; then die "${words%%$'\x01'*}" "${words#*$'\x01'}"; fi
    die "$words"
  fi
  mapfile -t lines <<<"$words"
  printf '%s\n' "${lines[0]}" >"$DIRECTORY/bundle/config.json"
  printf '%s\n' "${lines[1]}" >"$DIRECTORY/container.json"
  printf '%s\n' "${lines[@]:2}" >"$DIRECTORY/settings.new"
}

show_pairs() { # without what a variable is set to
  local index words=()
  [[ -n $EXPLAIN ]] || return 0
  for ((index = 0; index < ${#PAIRS[@]}; index += 2)); do
    if [[ ${PAIRS[index]} == env ]]; then words+=(env "${PAIRS[index + 1]%%=*}=…"); else words+=("${PAIRS[@]:index:2}"); fi
  done
  show jq -L "$LIBRARY" -r -f "$LIBRARY/create.jq" "${words[@]}"
}

# fill_volumes: a new volume gets what the image has in its place, as docker does it. Its file `fresh` goes when all is there: whoever is killed before leaves it to
# the next one, and who comes meanwhile waits.
fill_volumes() {
  local index kind source target options name lock
  for ((index = 0; index < ${#PAIRS[@]}; index += 2)); do
    [[ ${PAIRS[index]} == mount && ${PAIRS[index + 1]} == volume$'\t'* ]] || continue
    IFS=$'\t' read -r kind source target options name <<<"${PAIRS[index + 1]//$'\t\t'/$'\t'-$'\t'}"
    [[ -e $VOLUMES/$name/fresh ]] || continue
    visit_image
    # one at a time, so that two who want two volumes do not wait for each other; those who write have it open, too
    { exec {lock}<"$VOLUMES/$name/fresh"; } 2>/dev/null || continue
    flock "$lock"
    if [[ -e $VOLUMES/$name/fresh ]]; then
      [[ ,$options, == *,nocopy,* ]] || fill_volume "$target" "$source"
      rm -f "$VOLUMES/$name/fresh"
    fi
    exec {lock}<&-
  done
  if [[ -e $DIRECTORY/visit.json ]]; then leave_root; fi
}
visit_image() { # before a lock that it could inherit
  [[ ! -e $DIRECTORY/visit.json ]] || return 0
  # shellcheck source=/dev/null
  source "$DIRECTORY/settings.new"
  visit_root '.mounts |= map(select(.type != "bind"))'
}
fill_volume() { # TARGET DIRECTORY
  [[ $("$TOYIMG" archive --type "$PLACE" "$1") == directory ]] || return 0
  show "$TOYIMG" archive "$PLACE" "$1" '|' "$TOYIMG" extract "$2" /
  "$TOYIMG" archive "$PLACE" "$1" | "$TOYIMG" extract "$2" / || die "cannot fill the volume at $1"
}

# collect_options: GIVEN into PAIRS; what needs a look at the host is looked up here.
collect_options() {
  local index key value options
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    key=${GIVEN[index]} value=${GIVEN[index + 1]}
    case $key in
      env) add_variable env "$value" ;;
      env-file) each_setting "$value" add_variable env ;;
      label-file) each_setting "$value" add_variable label ;;
      label)
        [[ -n ${value%%=*} ]] || die "--label $value: a label needs a name" "example: --label tier=front"
        PAIRS+=(label "$value")
        ;;
      volume) add_volumes "$value" ;;
      mount) add_mount "$value" ;;
      tmpfs)
        one_line tmpfs "$value"
        options=${value#"${value%%:*}"}
        mount_pair tmpfs '' "${value%%:*}" "${options#:}"
        ;;
      volumes-from) add_volumes_from "$value" ;;
      device) add_device "$value" ;;
      security-opt) add_security "$value" ;;
      init) [[ $value != true ]] || add_init ;;
      log-opt) add_log_option "$value" ;;
      cap-add | cap-drop)
        check_capability "$key" "$value"
        PAIRS+=("$key" "$value")
        ;;
      cpuset) PAIRS+=(cpuset-cpus "$value") ;;
      cpus) PAIRS+=(cpus "${value/#./0.}") ;;
      memory-swap) [[ $value == 0 ]] || PAIRS+=(memory-swap "$value") ;; # as docker: not given
      log-driver) case $value in json-file | local) ;; *) die "--log-driver $value is not known" "json-file is: toydock logs reads what conmon wrote" ;; esac ;;
      hostname | domainname)
        [[ -n $value ]] || continue
        [[ $value =~ ^[a-zA-Z0-9_.-]{1,64}$ ]] || die "--$key '$value': a name has 1 to 64 letters, digits and .-_"
        PAIRS+=("$key" "$value")
        ;;
      workdir)
        [[ $value == /* ]] || die "--workdir $value: a working directory begins with /"
        PAIRS+=(workdir "$value")
        ;;
      network | net | ip | ip6 | network-alias) ;; # choose_network
      publish | publish-all) ;;
      name | detach | explain | pull | quiet | platform | cidfile | sig-proxy | add-host | dns | dns-search) ;;
      *) PAIRS+=("$key" "$value") ;;
    esac
  done
  add_image_volumes
  if [[ ${OPTION[privileged]:-} == true ]]; then add_all_devices; fi
  if [[ ${OPTION[privileged]:-} == true || " ${GIVEN[*]^^} " == *' CAP-ADD ALL '* ]]; then add_host_capabilities; fi
  if [[ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes || -e /sys/fs/cgroup/cgroup.controllers ]]; then PAIRS+=(swap-accounting true); fi
  if [[ ${OPTION[tty]:-} == true && -t 0 ]]; then PAIRS+=(console-size "$(stty size)"); fi
  choose_network
  local parent=${OPTION["cgroup-parent"]:-${TOYDOCK_CGROUP_PARENT:-/toydock}}
  [[ $parent == /* ]] || die "--cgroup-parent $parent: the path of a cgroup begins with /"
  PAIRS+=(cgroups-path "$parent/$ID")
}

# split_list LIST FUNCTION: a;b;c, as the learning projects write several volumes or ports in one option.
split_list() {
  local rest=$1
  while [[ -n $rest ]]; do
    [[ $rest == ';'* ]] || "$2" "${rest%%;*}"
    [[ $rest == *';'* ]] || break
    rest=${rest#*;}
  done
}

add_variable() { # a name alone is taken from here, or left out
  [[ -n ${2%%=*} ]] || die "--$1 $2: a variable needs a name" "example: --$1 COLOUR=blue"
  if [[ $2 == *=* ]]; then
    PAIRS+=("$1" "$2")
  elif [[ $1 == label ]]; then
    PAIRS+=(label "$2")
  elif value_here "$2"; then
    PAIRS+=("$1" "$2=$VALUE")
  fi
}

# ---- volumes and mounts: PAIRS get KIND, SOURCE, DESTINATION, OPTIONS, NAME with tabs between

mount_pair() { # mount_pair KIND SOURCE DESTINATION OPTIONS [NAME]
  [[ $3 == /* ]] || die "'$3': a place in the container begins with /" "example: -v data:/var/lib/data"
  one_line volume "$2$3$4"
  PAIRS+=(mount "$1"$'\t'"$2"$'\t'"${3%"${3##*[!/]}"}"$'\t'"$4"$'\t'"${5:-}")
}

add_volumes() { # several with semicolons between are SOURCE:TARGET each, so that a path may have a semicolon
  if [[ $1 =~ ^([^:\;]+:[^\;]+\;)+[^:\;]+:[^\;]+\;?$ ]]; then split_list "$1" add_volume; else add_volume "$1"; fi
}
add_volume() { # SOURCE:TARGET[:OPTIONS], NAME:TARGET, TARGET
  local source target options
  one_line volume "$1"
  if [[ $1 != *:* ]]; then
    anonymous_volume "$1" ''
    return
  fi
  IFS=: read -r source target options <<<"$1"
  check_volume_options "$1" "$options"
  if [[ $source == /* || $source == ./* || $source == . || $source == ../* || ${source:0:2} == \~/ ]]; then
    [[ ${source:0:2} != \~/ ]] || source=$HOME${source:1}
    source=$(realpath -m -s -- "$source")
    # docker makes a directory that is not there
    [[ -e $source ]] || step mkdir -p "$source" || die "cannot make $source"
    mount_pair bind "$source" "$target" "$options"
  else
    named_volume "$source"
    mount_pair volume "$VOLUMES/$source/_data" "$target" "$options" "$source"
  fi
}

check_volume_options() {
  local option list
  IFS=, read -r -a list <<<"$2"
  for option in "${list[@]}"; do
    case $option in
      ro | rw | private | rprivate | shared | rshared | slave | rslave) ;;
      z | Z) [[ ! -d /sys/fs/selinux/booleans ]] || note "-v …:$option: labels are not changed" ;;
      cached | delegated | consistent | nocopy | U) ;;
      *) die "-v $1: the option $option is not known" "use ro, rw, z, Z or a propagation such as rslave" ;;
    esac
  done
}

# named_volume NAME: made when it is not there.
named_volume() {
  check_volume_name "$1"
  lock_volumes -s
  if [[ ! -d $VOLUMES/$1/_data ]]; then
    mkdir -p "$VOLUMES/$1/_data"
    : >"$VOLUMES/$1/fresh" # docker fills it with what the image has there, once
    EVENT_TYPE=volume tell_event create "name=$1"
  fi
}
anonymous_volume() { # TARGET OPTIONS
  local id=$ID
  new_id
  printf '%s\n' "$ID" >>"$DIRECTORY/anonymous-volumes"
  named_volume "$ID"
  mount_pair volume "$VOLUMES/$ID/_data" "$1" "$2" "$ID"
  ID=$id
}

add_image_volumes() {
  local target
  [[ $(<"$DIRECTORY/image.json") == *'"Volumes": [
'* ]] || return 0
  while read -r target; do
    [[ " ${PAIRS[*]} " == *$'\t'"$target"$'\t'* ]] || anonymous_volume "$target" ''
  done < <(jq -r '.Config.Volumes[]' "$DIRECTORY/image.json")
}

add_mount() { # type=bind,source=/a,target=/b,readonly
  local part type=volume source='' target='' options='' parts
  one_line mount "$1"
  IFS=, read -r -a parts <<<"$1"
  for part in "${parts[@]}"; do
    case $part in
      type=*) type=${part#*=} ;;
      source=* | src=*) source=${part#*=} ;;
      target=* | dst=* | destination=*) target=${part#*=} ;;
      readonly | ro | readonly=true | ro=true | readonly=1 | ro=1) options+=,ro ;;
      readonly=false | ro=false) ;;
      bind-propagation=*) options+=,${part#*=} ;;
      tmpfs-size=*) options+=,size=${part#*=} ;;
      tmpfs-mode=*) options+=,mode=${part#*=} ;;
      volume-nocopy* | consistency=*) ;;
      *) die "--mount $1: $part is not known" ;;
    esac
  done
  [[ -n $target ]] || die "--mount $1: target= is missing"
  case $type in
    bind)
      [[ -e $source ]] || die "--mount $1: ${source:-source=} is not there" "-v makes a missing directory"
      mount_pair bind "$(realpath -s -- "$source")" "$target" "$options"
      ;;
    volume)
      if [[ -z $source ]]; then
        anonymous_volume "$target" "$options"
      else
        named_volume "$source"
        mount_pair volume "$VOLUMES/$source/_data" "$target" "$options" "$source"
      fi
      ;;
    tmpfs) mount_pair tmpfs '' "$target" "$options" ;;
    *) die "--mount $1: type is bind, volume or tmpfs" ;;
  esac
}

add_volumes_from() {
  local id=$ID directory=$DIRECTORY line
  need_container "${1%%:*}"
  [[ -s $DIRECTORY/container.json ]] || die "the container ${1%%:*} was never finished" "type: toydock rm -f ${1%%:*}"
  while IFS= read -r line; do PAIRS+=(mount "$line"); done < <(
    jq -r '.Mounts[] | [.Type, .Source, .Destination, (.Mode + if .RW then "" else ",ro" end), .Name] | join("\t")' "$DIRECTORY/container.json"
  )
  ID=$id DIRECTORY=$directory
}

# ---- devices, users, capabilities

# device_pair PATH TARGET PERMISSIONS
device_pair() {
  local kind major minor mode uid gid
  IFS=$'\t' read -r kind major minor mode uid gid < <(stat -L -c $'%F\t%t\t%T\t%a\t%u\t%g' -- "$1")
  case $kind in 'character special file') kind=c ;; 'block special file') kind=b ;; *) die "--device $1 is not a device" ;; esac
  PAIRS+=(device "$1"$'\t'"$2"$'\t'"$3"$'\t'"$kind"$'\t'"$((16#$major))"$'\t'"$((16#$minor))"$'\t'"$((8#$mode))"$'\t'"$uid"$'\t'"$gid")
}
add_device() {
  local path target permissions
  one_line device "$1"
  IFS=: read -r path target permissions <<<"$1"
  if [[ $target =~ ^[rwm]+$ ]]; then permissions=$target target=; fi
  [[ -e $path ]] || die "--device $path is not there"
  device_pair "$path" "${target:-$path}" "${permissions:-rwm}"
}
add_all_devices() {
  local path
  while IFS= read -r path; do
    case $path in /dev/null | /dev/zero | /dev/full | /dev/random | /dev/urandom | /dev/tty | /dev/console | /dev/ptmx) continue ;; esac
    device_pair "$path" "$path" rwm
  done < <(find /dev -xdev \( -path /dev/pts -o -path /dev/shm -o -path /dev/mqueue \) -prune -o \( -type c -o -type b \) -print)
}

# in the order of their bits
CAPABILITIES=(CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST
  NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
  SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE)
add_host_capabilities() {
  local line bit
  while read -r line bit; do [[ $line != CapBnd: ]] || break; done </proc/self/status
  local has=$((16#$bit))
  for bit in "${!CAPABILITIES[@]}"; do
    if ((has >> bit & 1)); then PAIRS+=(host-capability "CAP_${CAPABILITIES[bit]}"); fi
  done
}
check_capability() { # OPTION NAME
  local name=${2^^}
  [[ " ${CAPABILITIES[*]} ALL " == *" ${name#CAP_} "* ]] || die "--$1 $2: there is no such capability" "see: man 7 capabilities; ALL is all of them"
}

add_security() {
  case $1 in
    seccomp=unconfined | seccomp=builtin) ;;
    seccomp=*)
      [[ -r ${1#*=} ]] || die "--security-opt $1: cannot read the profile"
      SECCOMP_PROFILE=${1#*=}
      ;;
    label=* | label:*) return ;;
  esac
  PAIRS+=(security-opt "$1")
}

add_init() {
  local program
  for program in /usr/bin/docker-init /usr/libexec/podman/catatonit /usr/bin/catatonit /usr/bin/tini-static; do
    if [[ -x $program ]]; then
      PAIRS+=(init true init-program "$(realpath "$program")")
      return
    fi
  done
  die "--init: there is no static init on this host" "type: apt-get install tini"
}

add_log_option() {
  local size
  if [[ $1 =~ ^max-file=[1-9][0-9]{0,8}$ ]]; then return; fi
  [[ $1 =~ ^max-size=0*([1-9][0-9]{0,8})([kmg]?)$ ]] || die "--log-opt $1: only max-size=SIZE and max-file=NUMBER are known" "example: --log-opt max-size=10m"
  size=${BASH_REMATCH[1]}
  case ${BASH_REMATCH[2]} in k) size=$((size << 10)) ;; m) size=$((size << 20)) ;; g) size=$((size << 30)) ;; esac
  PAIRS+=(log-size "$size")
}

# ---- hosts, hostname, resolv.conf: files of the container, bound into it

write_network_files() {
  local index name=${OPTION[hostname]:-${ID:0:12}} network=" ${PAIRS[*]} " search=''
  [[ $network != *' files-directory '* ]] || return 0 # those of the container whose network it shares
  if [[ $network == *' network host '* ]]; then
    read -r name </proc/sys/kernel/hostname
    cat /etc/hosts >"$DIRECTORY/hosts-base" 2>/dev/null || true
  else
    printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$DIRECTORY/hosts-base"
    if [[ $network == *' network none '* ]]; then printf '127.0.0.1\t%s\n' "$name" >>"$DIRECTORY/hosts-base"; fi
  fi
  printf '%s\n' "$name" >"$DIRECTORY/hostname"
  : >"$DIRECTORY/resolv.conf"
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    case ${GIVEN[index]} in
      add-host) add_host "${GIVEN[index + 1]}" ;;
      dns)
        [[ ${GIVEN[index + 1]} =~ ^[0-9a-fA-F:.]+$ ]] || die "--dns ${GIVEN[index + 1]} is no address" "example: --dns 9.9.9.9"
        printf 'nameserver %s\n' "${GIVEN[index + 1]}" >>"$DIRECTORY/resolv.conf"
        ;;
      dns-search)
        [[ ${GIVEN[index + 1]} =~ ^(\.|[a-zA-Z0-9_.-]+)$ ]] || die "--dns-search ${GIVEN[index + 1]} is no domain" "example: --dns-search lan.example"
        search+=" ${GIVEN[index + 1]}"
        ;;
    esac
  done
  if [[ ! -s $DIRECTORY/resolv.conf ]]; then hosts_resolver "$network" >"$DIRECTORY/resolv.conf"; fi
  if [[ -n $search ]]; then replace_file "$DIRECTORY/resolv.conf" "$(sed -E '/^(search|domain)[[:space:]]/d' "$DIRECTORY/resolv.conf")"$'\n'"search$search"; fi
  printf '%s\n' "$(<"$DIRECTORY/hosts-base")" >"$DIRECTORY/hosts"
}
# hosts_resolver NETWORK-SETTINGS: the host's resolv.conf, without name servers on its loopback, which another network cannot reach.
hosts_resolver() (
  local file=/etc/resolv.conf line loopback='^nameserver[[:space:]]+(127\.|::1)' servers=0
  [[ -r $file ]] || return 0
  [[ $1 != *' network host '* ]] || exec cat "$file"
  # systemd-resolved's own is on 127.0.0.53; the ones it asks are here: resolved.conf(5)
  if grep -q '^nameserver[[:space:]]*127\.0\.0\.53' "$file" && [[ -r /run/systemd/resolve/resolv.conf ]]; then file=/run/systemd/resolve/resolv.conf; fi
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line =~ $loopback ]]; then continue; fi
    if [[ $line == nameserver* ]]; then servers=1; fi
    printf '%s\n' "$line"
  done <"$file"
  if ((servers == 0)) && [[ $1 != *' network none '* ]]; then note "$file names no name server that a container can reach: choose one with --dns ADDRESS"; fi
)
add_host() { # NAME:ADDRESS; host-gateway is the host as the default network sees it
  local address=${1#*:}
  [[ $1 =~ ^[a-zA-Z0-9_][a-zA-Z0-9_.-]*:\[?([0-9a-fA-F:.]+|host-gateway)\]?$ ]] || die "--add-host $1 is not understood" "example: --add-host db:10.1.2.3, or db:host-gateway"
  address=${address#[} address=${address%]}
  if [[ $address == host-gateway ]]; then address=$("$TOYRUN" network inspect default 2>/dev/null | jq -r '.subnets[0].gateway') || address=10.200.0.1; fi
  printf '%s\t%s\n' "$address" "${1%%:*}" >>"$DIRECTORY/hosts-base"
}

# ---- --explain ----------------------------------------------------------------------------------------------------

explain_run() {
  EXPLAIN=1
  create_container
  load_settings
  printf '\n%sconfig.json%s, where it differs from what toyimg wrote for the image, is what the options asked for.\n' "$BOLD" "$PLAIN"
  printf '%sThen%s conmon would have toyrun create the container. Its plan:\n\n' "$BOLD" "$PLAIN"
  "$TOYRUN" create --explain --bundle "$DIRECTORY/bundle" "$ID"
  printf '\n%sThen%s: toyrun start %s\nNothing of this was done; the container made for this explanation is removed.\n' "$BOLD" "$PLAIN" "${ID:0:12}"
  WITH_VOLUMES=1 remove_container
}
