# SPDX-License-Identifier: Apache-2.0
"""sweep.py RUNTIME STATE BUNDLE STEP ID: SIGKILL at every STEP-th system call of create, run, start, exec and delete, then
`delete --force`, which must succeed and leave no record, cgroup or process. Three ways for each verb, by ptrace(2):
verb: it is killed before its n-th system call, its children run on.
orphan: it is killed when its child is at that child's n-th system call; the child is held there while delete begins.
child: the child is killed before its n-th system call, and the verb has to get along.
Prints the seed of where each series begins, and what is wrong."""
import collections, ctypes, os, random, signal, subprocess, sys, time

runtime, state, bundle, step, ID = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
TRACEME, CONT, DETACH, SYSCALL, SETOPTIONS, SYSCALL_INFO = 0, 7, 17, 24, 0x4200, 0x420E
SYSGOOD, FORKS, EXEC, EXITKILL = 1, 2 | 4 | 8, 16, 1 << 20
EVENT_EXEC, WALL, SUBREAPER = 4, 0x40000000, 36
PATIENCE = 30 * int(os.environ.get("TOY_PATIENCE", "1"))
AFTER = {"exec": ["true"]}
# What has to be there before, and how the verb is killed.
BEFORE = {"create": [], "run": [], "start": ["create"], "exec": ["create", "start"], "delete": ["create", "start"]}
OPTIONS = {"create": ["--bundle", bundle], "run": ["-d", "--bundle", bundle], "delete": ["--force"]}
WAYS = {"create": ["verb", "orphan", "child"], "run": ["verb", "orphan", "child"], "exec": ["verb", "orphan", "child"]}


def words(verb):
    return [runtime, "--root", state, verb, *OPTIONS.get(verb, []), ID, *AFTER.get(verb, [])]


def ptrace(request, pid, data=0):
    return libc.ptrace(request, pid, None, data)


def is_at_entry(pid):
    info = ctypes.create_string_buffer(88)
    return libc.ptrace(SYSCALL_INFO, pid, ctypes.sizeof(info), ctypes.cast(info, ctypes.c_void_p)) > 0 and info.raw[0] == 1


def begin_traced(command):
    pid = os.fork()
    if pid == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        ptrace(TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execv(command[0], command)
    return pid


class Traced:
    """A verb and, if they are wanted, its children, up to the n-th system call of one of them."""

    def __init__(self, command, with_children):
        self.verb = begin_traced(command)
        self.calls = collections.Counter()
        self.children = []
        os.waitpid(self.verb, WALL)
        ptrace(SETOPTIONS, self.verb, SYSGOOD | EXEC | EXITKILL | (FORKS if with_children else 0))
        ptrace(SYSCALL, self.verb)

    def run_to(self, which, number):
        """The pid that is stopped there; None when all of them ended before."""
        while True:
            pid, status = os.waitpid(-1, WALL)
            if not os.WIFSTOPPED(status):
                if pid == self.verb:
                    return None
                continue
            if pid != self.verb and pid not in self.children:
                self.children.append(pid)
            sign, event = os.WSTOPSIG(status), status >> 16
            if event == EVENT_EXEC and pid == self.verb:
                self.calls[pid] = 0
            if sign == signal.SIGTRAP | 0x80 and is_at_entry(pid):
                self.calls[pid] += 1
                place = 0 if pid == self.verb else 1 + self.children.index(pid)
                if place == which and self.calls[pid] == number:
                    return pid
            is_signal = event == 0 and sign not in (signal.SIGTRAP, signal.SIGTRAP | 0x80, signal.SIGSTOP)
            ptrace(SYSCALL, pid, sign if is_signal else 0)


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def wait_for_end(pid):
    while not os.WIFEXITED(status := os.waitpid(pid, WALL)[1]) and not os.WIFSIGNALED(status):
        ptrace(CONT, pid)


def is_let_go(pid):
    """Only one that is stopped can be; else its end counts."""
    if ptrace(DETACH, pid) == 0:
        return True
    try:
        ended, status = os.waitpid(pid, WALL | os.WNOHANG)
    except ChildProcessError:
        return True
    return bool(ended) and not os.WIFSTOPPED(status)


def let_go(pids):
    # In turns: an init does not end before the hook below it has been waited for here.
    while pids := [one for one in pids if not is_let_go(one)]:
        time.sleep(0.0005)


def begin_delete():
    return subprocess.Popen(words("delete"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def killed_verb(verb, place, number):
    traced = Traced(words(verb), False)
    if not traced.run_to(0, number):
        return None
    kill(traced.verb)
    wait_for_end(traced.verb)
    return begin_delete()


def orphaned_child(verb, place, number):
    traced = Traced(words(verb), True)
    child = traced.run_to(place, number)
    if not child:
        return None
    kill(traced.verb)
    wait_for_end(traced.verb)
    deleting = begin_delete()
    try:
        deleting.wait((0, 0.003, 0.02)[number // int(step) % 3])
    except subprocess.TimeoutExpired:
        pass
    let_go(traced.children)
    return deleting


def killed_child(verb, place, number):
    traced = Traced(words(verb), True)
    child = traced.run_to(place, number)
    if not child:
        return None
    kill(child)
    traced.run_to(-1, 0)
    let_go(traced.children)
    return begin_delete()


def living_children():
    """Of this process, which orphans are given to."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        return [int(word) for word in children.read().split()]


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG | WALL)[0]:
            pass
    except ChildProcessError:
        pass


def left_over(cgroups):
    end = time.monotonic() + PATIENCE
    while True:
        reap()
        left = os.listdir(state) + [one for one in cgroups if os.path.exists(one)] + living_children()
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.001)


def cgroups_of_container():
    subprocess.run(words("create"), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    found = [path for path, _, _ in os.walk("/sys/fs/cgroup") if path.endswith("/" + ID)]
    subprocess.run(words("delete"), check=True)
    return found


class Hangs(Exception):
    pass


def raise_hangs(*_):
    raise Hangs


def kill_children():
    for pid in living_children():
        kill(pid)
    reap()


def sweep(verb, way, place, cgroups):
    kill_it = {"verb": killed_verb, "orphan": orphaned_child, "child": killed_child}[way]
    number = 1 + random.randrange(int(step))
    rounds = 0
    while True:
        for before in BEFORE[verb]:
            subprocess.run(words(before), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        where = f"{verb}, {way} {place}, system call {number}"
        signal.alarm(PATIENCE)
        try:
            deleting = kill_it(verb, place, number)
        except Hangs:
            print(f"{where}: {verb} hangs", flush=True)
            kill_children()
            deleting = begin_delete()
        signal.alarm(0)
        last = deleting is None
        deleting = deleting or begin_delete()
        try:
            said = deleting.communicate(timeout=PATIENCE)[1].decode(errors="replace").strip()
            if deleting.returncode:
                print(f"{where}: delete --force: {deleting.returncode}: {said}")
        except subprocess.TimeoutExpired:
            deleting.kill()
            print(f"{where}: delete --force hangs")
        if left := left_over(cgroups):
            print(f"{where}: left: {left}")
            return rounds
        if last:
            return rounds
        rounds += 1
        number += int(step)


signal.signal(signal.SIGALRM, raise_hangs)
libc.prctl(SUBREAPER, 1, 0, 0, 0)
seed = int(os.environ.get("TOY_SEED", random.randrange(1 << 30)))
random.seed(seed)
print("seed", seed, flush=True)
known = cgroups_of_container()
for verb in BEFORE:
    for way in WAYS.get(verb, ["verb"]):
        for place in (0,) if way == "verb" else (1, 2) if verb == "exec" else (1,):
            begun = time.monotonic()
            rounds = sweep(verb, way, place, known)
            if os.environ.get("TOY_VERBOSE"):
                print(f"{verb} {way} {place}: {rounds} rounds, {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
