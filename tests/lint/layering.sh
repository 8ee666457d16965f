#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom: one row per room, checked with grep because all includes are spelled from the root.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0

# must_not ROOM REGEX WHY: no file of the room includes what matches.
must_not() {
  local found
  [ -e "$1" ] || ls "$1".* >/dev/null 2>&1 || return 0
  found=$(grep -rnE "^#include [<\"]($2)" "$1"* --include='*.hpp' --include='*.cpp' || true)
  [ -z "$found" ] || { printf '%s must not include %s (%s):\n%s\n' "$1" "$2" "$3" "$found"; status=1; }
}
headers_must_not() {
  local found
  found=$(grep -rnE "^#include [<\"]($1)" bundle-spec runtime imagetool --include='*.hpp' | grep -vE "${3:-^$}" || true)
  [ -z "$found" ] || { printf 'no header may include %s (%s):\n%s\n' "$1" "$2" "$found"; status=1; }
}

must_not bundle-spec/error '(bundle-spec/(fs|cli|oci|bundle)|runtime|imagetool)/|nlohmann' 'the base of all'
must_not bundle-spec/fs/ '(bundle-spec/(oci|cli|bundle)|runtime|imagetool)/|nlohmann' 'safe files know no documents'
must_not bundle-spec/ids/ 'bundle-spec/(cli|bundle)|nlohmann' 'ids of a user namespace need no document'
must_not bundle-spec/cli/ '(bundle-spec/(oci|fs/rooted|bundle)|runtime|imagetool)/' 'the command line knows no documents'
must_not bundle-spec/oci/ '(bundle-spec/(fs|cli|bundle)|runtime|imagetool)/' 'documents know no files'
must_not bundle-spec/ '(runtime|imagetool)/' 'the contract knows neither tool'
must_not runtime/plan/ 'bundle-spec/(fs|cli|bundle)|runtime/(kernel|network|container|launch|commands)/|nlohmann' 'the plan is pure'
must_not runtime/kernel/ 'runtime/(network|container|launch|commands)/|bundle-spec/(cli/options|bundle)|nlohmann' 'the kernel room applies plans'
must_not runtime/network/ 'runtime/(container|launch|commands)/|runtime/plan/(launch_plan|rootfs|process|cgroup|seccomp)' 'networks know no container'
# The record on disk keeps the plan's values of what later verbs need (cgroup, seccomp), nothing else of it.
must_not runtime/container/ 'runtime/(launch|commands)/|runtime/plan/(launch_plan|rootfs|mount_options|process|explain|namespaces)' 'containers know no launch'
must_not runtime/launch/ 'runtime/commands/|nlohmann' 'launch knows no verb'
must_not runtime/systemd/ 'runtime/(plan|kernel|network|container|launch|commands)/' 'toyrun-systemd only speaks to the bus'
must_not runtime/nftables/ 'runtime/(plan|kernel|network|container|launch|commands)/' 'toyrun-nftables only speaks to nftables'
must_not runtime/conversation 'runtime/(plan|kernel|network|container|launch|commands)/' 'it is for the programs beside toyrun'
must_not imagetool/oci/ 'imagetool/(registry|store|layer|bundle|pull|commands)/' 'documents are pure'
must_not imagetool/image_reference 'imagetool/(registry|store|layer|bundle|pull|commands)/' 'references are pure'
must_not imagetool/owners/ 'imagetool/(registry|store|layer|bundle|pull|transport|build|commands)/' 'whose files they are, whatever they hold'
must_not imagetool/registry/ 'imagetool/(store|layer|bundle|build|pull|transport|commands)/' 'the registry stores nothing'
must_not imagetool/store/ 'imagetool/(registry|bundle|pull|commands)/|curl' 'the store fetches nothing'
must_not imagetool/layer/ 'imagetool/(registry|store|bundle|pull|transport|commands)/' 'layers come from anywhere'
must_not imagetool/transport/ 'imagetool/(build|bundle|commands)/' 'places of images know no verb'
must_not imagetool/bundle/ 'imagetool/(registry|pull|commands)/' 'bundles are made offline'
must_not imagetool/build/ 'imagetool/(registry|pull|commands)/|curl' 'builds fetch through what the verb gives them'
must_not runtime/ 'imagetool/' 'neither tool knows the other'
must_not imagetool/ 'runtime/' 'neither tool knows the other'
headers_must_not 'nlohmann/json.hpp' 'it costs three seconds a file' 'json_fields\.hpp|json_[a-z]*\.hpp'
# toyrun starts fast and links static: no library constructors, no locale, no threads, no name service.
must_not runtime/ '(iostream|fstream|sstream|locale|regex|thread|pwd\.h|dlfcn\.h|netdb\.h)>' 'start-up and static linking'
must_not bundle-spec/ '(iostream|fstream|sstream|locale|regex|thread|pwd\.h|dlfcn\.h|netdb\.h)>' 'start-up and static linking'
# grp.h is for setgroups(2); a look-up of names would load NSS modules, at worst a container's.
found=$(grep -rnE '\b(getpw|getgr|getaddrinfo|gethostby|dlopen)[a-z_]*\(' runtime bundle-spec --include='*.[ch]pp' || true)
[ -z "$found" ] || { printf 'no name service:\n%s\n' "$found"; status=1; }
exit $status
