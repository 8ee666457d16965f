# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# cp, diff, export, commit: files into and out of a container. toyimg opens what is inside, below the container's root, so that no link there
# leads anywhere on the host. A container that does not run is created, not started, for the moment of the copy.
# shellcheck source=scripts/lib/toydock/monitor.sh
source "$LIBRARY/monitor.sh"

OPTIONS_cp='a archive keep owners (as root in the container they are kept anyway)
L follow-link follow a symbolic link of the host
q quiet say nothing'
USAGE_cp='[options] CONTAINER:PATH PATH|- or PATH|- CONTAINER:PATH'
verb_cp() {
  need_root
  parse "$OPTIONS_cp" "$@"
  ((${#WORDS[@]} == 2)) || die 'cp: from where, and to where?' 'see: toydock cp --help'
  local from=${WORDS[0]} to=${WORDS[1]}
  if is_inside "$from" && ! is_inside "$to"; then
    need_container "${from%%:*}"
    open_root
    copy_out "${from#*:}" "$to"
  elif is_inside "$to" && ! is_inside "$from"; then
    need_container "${to%%:*}"
    open_root
    copy_in "$from" "${to#*:}"
  else
    die 'cp: one side is in a container, the other is not' 'example: toydock cp web:/etc/hosts .'
  fi
}
is_inside() { [[ $1 == *:* && $1 != /* && $1 != ./* && $1 != - ]]; }

# open_root: PLACE is the root as the container sees it, its mounts included.
open_root() {
  load_settings
  running_pid || need_lock 60
  if running_pid; then
    PLACE=/proc/$PID/root
    return
  fi
  trap 'close_root' EXIT
  visit_root .
}
close_root() {
  local status=$?
  leave_root
  exit $status
}

kind_inside() { "$TOYIMG" archive --type "$PLACE" "$1"; }

# copy_out PATH TARGET: as cp -r does, and docker: into a directory that is there, or to a name that is not
copy_out() {
  local source target=$2 kind name
  source=$(realpath -ms -- "/$1") # a name of .. would be the target's parent
  if [[ $1 == */. ]]; then source=${source%/}/.; fi
  kind=$(kind_inside "${source%/.}")
  [[ $kind != none ]] || die "$NAME has no $source"
  name=${source%/}
  name=${name##*/}
  if [[ $target == - ]]; then
    images archive "$PLACE" "${source%/.}"
    return
  fi
  if [[ $kind == directory ]]; then
    if [[ -d $target && $source != */. && -n $name ]]; then
      target=${target%/}/$name
      # the name is the container's choice, and so may be what an earlier copy has left there
      [[ ! -L $target ]] || die "$target is a symbolic link, which a directory of a container does not follow" "type: rm $target"
    fi
    mkdir -p -- "$target" || die "cannot make $target"
    images archive "$PLACE" "${source%/.}" | step tar -C "$target" --no-same-owner -xf - || die "cannot copy to $target"
  else
    if [[ -d $target ]]; then target=${target%/}/$name; fi
    [[ $target != */ && -d $(dirname -- "$target") ]] || die "there is no directory $(dirname -- "$target")"
    images archive --name "${target##*/}" "$PLACE" "$source" | step tar -C "$(dirname -- "$target")" --no-same-owner -xf - || die "cannot copy to $target"
  fi
}

copy_in() {
  local source=$1 target=$2 kind name options=(--numeric-owner --xattrs) staging
  kind=$(kind_inside "${target%/.}")
  if [[ $source == - ]]; then
    [[ $kind == directory ]] || die "$NAME has no directory $target"
    images extract "$PLACE" "$target"
    return
  fi
  [[ -e $source || -L $source ]] || die "$source is not there"
  if [[ ${OPTION["follow-link"]:-} == true ]]; then options+=(--dereference); fi
  if [[ ${OPTION[archive]:-} != true ]]; then options+=(--owner=0 --group=0); fi
  name=$(basename -- "$(realpath -s -- "$source")")
  if [[ -d $source ]]; then
    [[ $kind == directory || $kind == none ]] || die "$target in $NAME is no directory"
    if [[ $kind == directory && $source != */. ]]; then target=${target%/}/$name; fi
    step tar -C "$source" "${options[@]}" -cf - . | images extract "$PLACE" "$target" || die "cannot copy to $target"
  elif [[ $kind == directory ]]; then
    step tar -C "$(dirname -- "$source")" "${options[@]}" -cf - -- "$name" | images extract "$PLACE" "$target" || die "cannot copy to $target"
  else
    [[ $target != */ && $(kind_inside "$(dirname -- "$target")") == directory ]] || die "$NAME has no directory $(dirname -- "$target")"
    staging=$(mktemp -d)
    cp -a -- "$source" "$staging/${target##*/}"
    step tar -C "$staging" "${options[@]}" -cf - -- "${target##*/}" | images extract "$PLACE" "$(dirname -- "$target")" || die "cannot copy to $target"
    rm -rf -- "$staging"
  fi
}

OPTIONS_diff=''
USAGE_diff='CONTAINER'
# The upper directory of the overlay is what was changed: a device 0:0 hides a file, and what overlayfs copied up has its origin noted.
verb_diff() {
  need_root
  parse "$OPTIONS_diff" "$@"
  at_least 1 'which container?'
  at_most 1
  need_container "${WORDS[0]}"
  load_settings
  have_program getfattr attr 'it reads the marks of overlayfs'
  local upper=$DIRECTORY/bundle/overlay/upper mine=' ' path
  local -A copied=()
  [[ -d $upper ]] || die "the container $NAME has no overlay: there is nothing to compare with"
  # files that were made for mounts
  while read -r path; do mine+="$path "; done < <(jq -r '.mounts[].destination' "$DIRECTORY/bundle/config.json")
  while IFS= read -r path; do
    [[ $path != '# file: '* ]] || copied[${path#"# file: $upper"}]=1
  done < <(getfattr -R -P -h -m '^trusted\.overlay\.origin$' --absolute-names -- "$upper" 2>/dev/null)
  while IFS=$'\t' read -r -d '' kind path; do
    path=${path#"$upper"}
    [[ $mine != *" $path "* ]] || continue
    if [[ $kind == c && $(stat -c %t:%T -- "$upper$path") == 0:0 ]]; then
      kind=D
    elif [[ -n ${copied[$path]:-} ]]; then
      kind=C
    else
      kind=A
    fi
    printf '%s %s\n' "$kind" "$path"
  done < <(find "$upper" -mindepth 1 -printf '%y\t%p\0')
}

OPTIONS_export='o output=FILE write to a file instead of standard output'
USAGE_export='[options] CONTAINER'
verb_export() {
  need_root
  parse "$OPTIONS_export" "$@"
  at_least 1 'which container?'
  at_most 1
  [[ -n ${OPTION[output]:-} || ! -t 1 ]] || die "an archive does not go to a terminal" "type: toydock export -o FILE ${WORDS[0]}"
  need_container "${WORDS[0]}"
  open_root
  if [[ -n ${OPTION[output]:-} ]]; then images archive "$PLACE" / >"${OPTION[output]}"; else images archive "$PLACE" /; fi
}

OPTIONS_commit='c change=INSTRUCTION a Dockerfile instruction for its config; may be repeated
m message=TEXT a comment for its history
a author=NAME who made the image
p pause freeze the container meanwhile (true)'
USAGE_commit='[options] CONTAINER NAME'
verb_commit() {
  need_root
  parse "$OPTIONS_commit" "$@"
  at_least 2 'a container and the name of the new image, please'
  at_most 2
  need_container "${WORDS[0]}"
  load_settings
  local options=() index paused='' status=0
  for ((index = 0; index < ${#GIVEN[@]}; index += 2)); do
    case ${GIVEN[index]} in change | message | author) options+=("--${GIVEN[index]}" "${GIVEN[index + 1]}") ;; esac
  done
  if [[ $STATUS == running && ${OPTION[pause]:-true} == true ]]; then
    runtime pause "$ID"
    paused=1
  fi
  # the bundle knows the digest of its image, whatever the name means by now
  images commit "${options[@]}" "$DIRECTORY/bundle" "${WORDS[1]}" || status=$?
  if [[ -n $paused ]]; then runtime resume "$ID"; fi
  return $status
}
