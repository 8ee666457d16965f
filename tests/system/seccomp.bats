# SPDX-License-Identifier: Apache-2.0
# seccomp: actions, arguments, architectures, flags, the notify socket, bad profiles.
load support

# profile DEFAULT [SYSCALL-RULE-JSON]: the seccomp object.
profile() { edit '.linux.seccomp = {"defaultAction": $default, "syscalls": $rules}' --arg default "$1" --argjson rules "${2:-[]}"; }

compiled() { # compiled NAME: a static program from standard input, in the rootfs
  gcc -static -O1 -xc -o "$ROOTFS/bin/$1" -
}

@test "SCMP_ACT_ERRNO with errnoRet, and EPERM by default" {
  make_bundle
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
    {"names": ["chmod", "fchmodat", "fchmodat2"], "action": "SCMP_ACT_ERRNO"}]'
  run inside 'mkdir /tmp/x; chmod 700 /tmp; touch /tmp/fine && echo fine'
  expect 'No space left on device'
  expect 'chmod: /tmp: Operation not permitted'
  expect fine
}

@test "SCMP_ACT_KILL_PROCESS ends with SIGSYS" {
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]'
  run inside 'exec mkdir /tmp/x'
  [ "$status" -eq 159 ]
}

@test "a default of ERRNO with an allow list of what a shell needs" {
  make_bundle
  profile SCMP_ACT_ERRNO '[{"names": ["access", "arch_prctl", "brk", "capget", "capset", "chdir", "clone", "close", "dup2", "dup3", "epoll_pwait",
    "execve", "exit", "exit_group", "fchown", "fcntl", "fork", "fstat", "fstatfs", "futex", "getcwd", "getdents64", "getegid", "geteuid", "getgid",
    "getpgrp", "getpid", "getppid", "gettid", "getuid", "ioctl", "lseek", "lstat", "mmap", "mprotect", "munmap", "nanosleep", "newfstatat", "open",
    "openat", "openat2", "pipe2", "prctl", "pread64", "prlimit64", "read", "readlink", "readlinkat", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "set_robust_list", "set_tid_address", "setgid", "setgroups", "setpgid", "setsid", "setuid", "stat", "statx", "tgkill", "umask", "uname", "vfork", "wait4",
    "write", "writev", "getrandom", "close_range", "clock_nanosleep", "seccomp", "sigaltstack", "epoll_ctl", "epoll_create1", "eventfd2",
    "sched_yield", "sched_getaffinity", "madvise", "faccessat2", "faccessat", "kill", "clone3", "getpgid", "sendmsg", "recvmsg", "poll", "ppoll", "dup"], "action": "SCMP_ACT_ALLOW"}]'
  run inside 'echo fine; mkdir /tmp/x'
  expect fine
  expect 'mkdir: .*Operation not permitted'
}

@test "rules on arguments" {
  make_bundle
  # kill(2) of signal 0 is refused, of others allowed; socket(AF_NETLINK) refused
  profile SCMP_ACT_ALLOW '[{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "args": [{"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]}]'
  run inside 'kill -0 1; kill -URG 1 && echo other-signal-fine'
  expect 'Input/output error|I/O error'
  expect other-signal-fine
}

@test "operators: masked equality, greater, several conditions" {
  make_bundle
  compiled probe <<'C'
#include <stdio.h>
#include <errno.h>
#include <unistd.h>
#include <sys/syscall.h>
static void try(const char *name, long a, long b) { errno = 0; long r = syscall(SYS_getpriority, a, b); printf("%s %ld %d\n", name, r < 0 ? -1 : 0L, errno); }
int main(void) { try("masked", 0x12340, 0); try("plain", 0, 0); try("greater", 0, 5000000); try("both", 1, 77); try("one", 1, 78); }
C
  profile SCMP_ACT_ALLOW '[
    {"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 101, "args": [{"index": 0, "value": 65535, "valueTwo": 9024, "op": "SCMP_CMP_MASKED_EQ"}]},
    {"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 102, "args": [{"index": 1, "value": 4000000, "op": "SCMP_CMP_GT"}]},
    {"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 103, "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 77, "op": "SCMP_CMP_EQ"}]}]'
  command_is probe
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  expect '^masked -1 101$'
  expect '^plain 0 0$'
  expect '^greater -1 102$'
  expect '^both -1 103$'
  expect_not '^one -1 103$'
}

@test "a foreign architecture is killed unless listed" {
  [ "$(uname -m)" = x86_64 ] || skip 'int 0x80 is for x86_64'
  make_bundle
  edit '.linux.namespaces |= map(select(.type != "pid"))'
  compiled probe <<'C'
#include <stdio.h>
int main(void) {
  long r;
  __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory"); /* getpid of i386 */
  printf("%s\n", r > 0 ? "i386 works" : r == -38 ? "not built in" : "refused");
}
C
  command_is probe
  run rt run --bundle "$BUNDLE" "$ID" </dev/null
  expect '(works|not built in)' || skip 'this kernel does not take int 0x80'
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]'
  run rt run --bundle "$BUNDLE" "$ID" </dev/null
  failed
  [ "$status" -eq 159 ]
  edit '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]'
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  expect 'works|not built in'
}

@test "a listed foreign architecture is filtered as well" {
  [ "$(uname -m)" = x86_64 ] || skip 'int 0x80 is for x86_64'
  make_bundle
  compiled probe <<'C'
#include <stdio.h>
int main(void) {
  long r;
  __asm__ volatile("int $0x80" : "=a"(r) : "a"(64L) : "memory"); /* getppid of i386 */
  printf("%ld\n", r);
}
C
  command_is probe
  profile SCMP_ACT_ALLOW '[{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77}]'
  edit '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]'
  run rt run --bundle "$BUNDLE" "$ID" </dev/null
  expect '^-77$' || { [ "$output" = -38 ] && skip 'this kernel has no i386 calls'; }
}

@test "a syscall newer than the profile answers ENOSYS, not EPERM" {
  not_on crun 'does not do this on purpose'
  make_bundle
  compiled probe <<'C'
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/syscall.h>
int main(void) { syscall(9999L); printf("%d\n", errno == ENOSYS); syscall(SYS_getpriority, 0, 0); return 0; }
C
  profile SCMP_ACT_ERRNO "$(jq -c '[{"names": ., "action": "SCMP_ACT_ALLOW"}]' <<'JSON'
["read","write","open","close","stat","fstat","lstat","poll","lseek","mmap","mprotect","munmap","brk","rt_sigaction","rt_sigprocmask","rt_sigreturn","ioctl",
"writev","access","sched_yield","dup","dup2","dup3","nanosleep","getpid","execve","exit","exit_group","wait4","uname","fcntl","getcwd","chdir","readlink","readlinkat","umask",
"getuid","getgid","setuid","setgid","geteuid","getegid","setgroups","capget","capset","prctl","arch_prctl","futex","set_tid_address","set_robust_list","rseq","prlimit64",
"openat","newfstatat","close_range","openat2","getrandom","fstatfs","getdents64","epoll_pwait","epoll_ctl","tgkill","gettid","clone","clone3","sigaltstack","madvise",
"pread64","sendmsg","recvmsg","seccomp","mknod","getppid","statx","faccessat2","fchown","setsid","eventfd2"]
JSON
)"
  edit '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64"]'
  command_is probe
  run -0 rt run --bundle "$BUNDLE" "$ID" </dev/null
  [ "$output" = 1 ]
}

@test "the mode is filter, with and without no_new_privs" {
  make_bundle
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]'
  local value
  for value in true false; do
    edit '.process.noNewPrivileges = $value' --argjson value "$value"
    run -0 inside 'grep Seccomp: /proc/self/status'
    expect '2$'
  done
}

@test "flags: LOG and SPEC_ALLOW are accepted, an unknown one is refused" {
  not_on runc '1.1.5 knows no flags'
  make_bundle
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir"], "action": "SCMP_ACT_LOG"}]'
  edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]'
  run -0 inside 'mkdir /tmp/logged && echo made'
  [ "$output" = made ]
  edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_NOSUCH"]'
  leaves_nothing inside true
  failed
  expect 'SECCOMP_FILTER_FLAG_NOSUCH'
}

@test "unknown action, operator and architecture are refused" {
  not_on crun 'does not name the operator'
  make_bundle
  profile SCMP_ACT_NOSUCH
  leaves_nothing inside true
  failed
  expect 'SCMP_ACT_NOSUCH'
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_NOSUCH"}]}]'
  leaves_nothing inside true
  failed
  expect 'SCMP_CMP_NOSUCH'
  profile SCMP_ACT_ALLOW
  edit '.linux.seccomp.architectures = ["SCMP_ARCH_NOSUCH"]'
  leaves_nothing inside true
  failed
  expect 'SCMP_ARCH_NOSUCH'
}

@test "an unknown syscall name is ignored" {
  make_bundle
  profile SCMP_ACT_ALLOW '[{"names": ["no_such_call", "mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]'
  run inside 'mkdir /tmp/x; echo fine'
  succeeded
  expect 'not permitted'
  expect fine
}

@test "notify: the listener gets the descriptor and the state" {
  not_on crun 'sends another message'
  make_bundle
  cat >"$BATS_TEST_TMPDIR/agent.py" <<'PY'
import array, fcntl, json, os, socket, struct, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
print("ready", flush=True)
connection, _ = listener.accept()
message, control, _, _ = connection.recvmsg(65536, 4096)
fds = array.array("i")
for _, _, data in control: fds.frombytes(data[: len(data) - len(data) % 4])
state = json.loads(message)
print(json.dumps({"fds": state["fds"], "metadata": state.get("metadata"), "id": state["state"]["id"], "pid": state["pid"], "count": len(fds)}), flush=True)
while True:
    notification = bytearray(80)
    fcntl.ioctl(fds[0], 0xC0502100, notification)           # SECCOMP_IOCTL_NOTIF_RECV
    identifier = struct.unpack_from("Q", notification)[0]
    response = struct.pack("QqiI", identifier, 0, -52, 0)   # EBADE
    fcntl.ioctl(fds[0], 0xC0182101, bytearray(response))    # SECCOMP_IOCTL_NOTIF_SEND
PY
  python3 "$BATS_TEST_TMPDIR/agent.py" "$BATS_TEST_TMPDIR/agent.sock" >"$BATS_TEST_TMPDIR/agent.out" 2>&1 3>&- &
  local agent=$!
  wait_for 10 contains ready "$BATS_TEST_TMPDIR/agent.out"
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]'
  edit '.linux.seccomp.listenerPath = $path | .linux.seccomp.listenerMetadata = "meta"' --arg path "$BATS_TEST_TMPDIR/agent.sock"
  command_is mkdir /tmp/x
  run timeout 20 "$RUNTIME" --root "$STATE" run --bundle "$BUNDLE" "$ID" </dev/null
  kill "$agent" 2>/dev/null || true # its ioctl fails when the last process with the filter has ended
  cat "$BATS_TEST_TMPDIR/agent.out"
  expect 'Invalid exchange'
  tail -n +2 "$BATS_TEST_TMPDIR/agent.out" | head -1 | jq -e --arg id "$ID" '.fds == ["seccompFd"] and .metadata == "meta" and .id == $id and .pid > 0 and .count == 1'
}

@test "notify without a listener socket fails and leaves nothing" {
  make_bundle
  profile SCMP_ACT_ALLOW '[{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]'
  edit '.linux.seccomp.listenerPath = "/no/such/socket"'
  leaves_nothing inside true
  failed
  expect '/no/such/socket|listener'
}

# A container's start makes a few calls behind its filter (plan::barred_start).
@test "a filter that lets no start pass is named as the cause, with the call" {
  only_toyrun 'the references say nothing, or that a pipe broke'
  make_bundle
  command_is true
  local case action call refusal
  for case in KILL_PROCESS:execve KILL:write KILL_PROCESS:read TRAP:write ERRNO:write; do
    action=${case%:*} call=${case#*:}
    refusal="ended before its program could run: .*starting needs $call, which the seccomp filter"
    profile SCMP_ACT_ALLOW "[{\"names\": [\"$call\"], \"action\": \"SCMP_ACT_$action\"}]"
    run rt check "$BUNDLE"
    [ "$status" -eq 1 ]
    expect "^error: /linux/seccomp: starting needs $call"
    run rt run --bundle "$BUNDLE" "$ID" </dev/null
    failed
    expect "$refusal"
    [ "$action" = ERRNO ] || expect 'killed by SIGSYS'
    leaves_nothing rt run --detach --bundle "$BUNDLE" "$ID" </dev/null
    failed
    expect "$refusal"
  done
}

@test "start: a filter that kills execve fails it, instead of a container that seems to have run" {
  only_toyrun 'the references say that it runs'
  make_bundle
  command_is true
  profile SCMP_ACT_ALLOW '[{"names": ["execve"], "action": "SCMP_ACT_KILL_PROCESS"}]'
  # who reaps the process takes its story along: this one does not
  python3 "$SYSTEM/adopter.py" "$RUNTIME" --root "$STATE" create --bundle "$BUNDLE" "$ID" >"$OUT.adopter" 2>&1 </dev/null 3>&- &
  local adopter=$!
  wait_for 5 contains adopted "$OUT.adopter"
  run -1 rt start "$ID"
  expect 'cannot start: .*killed by SIGSYS: starting needs execve, which the seccomp filter kills'
  kill "$adopter"
}

@test "exec: a filter that kills what comes before its program is named as the cause" {
  only_toyrun 'the references say nothing'
  sleeper
  edit '.process.noNewPrivileges = true'
  # with no_new_privs the filter comes after capset; without, before it
  profile SCMP_ACT_ALLOW '[{"names": ["capset"], "action": "SCMP_ACT_KILL_PROCESS"}]'
  running
  jq '.process | .noNewPrivileges = false | .args = ["true"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
  run -0 rt exec "$ID" true
  local option
  for option in '' --detach; do
    run rt exec $option --process "$BATS_TEST_TMPDIR/process.json" "$ID"
    failed
    expect 'starting needs capset, which the seccomp filter kills'
  done
}

@test "a filter that refuses capset: that is the cause, not capabilities that toyrun lacks" {
  only_toyrun 'other words'
  make_bundle
  profile SCMP_ACT_ALLOW '[{"names": ["capset"], "action": "SCMP_ACT_ERRNO"}]'
  edit '.process.noNewPrivileges = false'
  leaves_nothing inside true
  failed
  expect 'set the capabilities of the process: Operation not permitted'
  expect_not 'does not have'
}
