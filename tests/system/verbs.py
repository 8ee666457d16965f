# SPDX-License-Identifier: Apache-2.0
"""verbs.py killed|raced RUNTIME STATE BUNDLE ROUNDS ID...: verbs at random on containers of these ids.
killed: each round kills one verb at a random moment, then `delete --force` must succeed at once.
raced: six processes run verbs on the same ids, one in ten is killed; none may hang. Prints what is wrong; the seed first."""
import os, random, subprocess, sys, time

mode, runtime, state, bundle, rounds, *ids = sys.argv[1:]
seed = int(os.environ.get("TOY_SEED", random.randrange(1 << 30)))
VERBS = [["create", "--bundle", bundle], ["run", "-d", "--bundle", bundle], ["start"], ["delete"], ["delete", "--force"], ["exec"], ["kill"],
         ["kill", "--all"], ["pause"], ["resume"], ["state"], ["ps"], ["update", "--pids-limit", "50"], ["events", "--stats"]]
AFTER = {"exec": ["true"], "kill": ["KILL"]}
PATIENCE = 30 * int(os.environ.get("TOY_PATIENCE", "1"))


def begin(verb, container):
    words = [runtime, "--root", state, *verb, container, *AFTER.get(verb[0], [])]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def end(process, verb, container):
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        print(f"hangs: {' '.join(verb)} {container}", flush=True)
        process.kill()
        return process.wait()


def delete(container):
    try:
        done = subprocess.run([runtime, "--root", state, "delete", "--force", container], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=PATIENCE)
        if done.returncode:
            print(f"delete --force {container}: {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    except subprocess.TimeoutExpired:
        print(f"hangs: delete --force {container}")


def killed():
    for _ in range(int(rounds)):
        container, verb = random.choice(ids), random.choice(VERBS[:6])
        if verb[0] not in ("create", "run"):
            end(begin(VERBS[0], container), VERBS[0], container)
        if verb[0] in ("exec", "delete"):
            end(begin(["start"], container), ["start"], container)
        process = begin(verb, container)
        time.sleep(random.random() ** 2 * 0.02)
        process.kill()
        process.wait()
        delete(container)


def raced(number):
    random.seed(seed + number)
    for _ in range(int(rounds)):
        container, verb = random.choice(ids), random.choice(VERBS)
        process = begin(verb, container)
        if random.random() < 0.1:
            time.sleep(random.random() * 0.01)
            process.kill()
        end(process, verb, container)


print("seed", seed, flush=True)
random.seed(seed)
if mode == "killed":
    killed()
else:
    children = []
    for number in range(6):
        children.append(os.fork())
        if not children[-1]:
            raced(number)
            os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    for container in ids:
        delete(container)
