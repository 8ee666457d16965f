#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A seccomp agent: for each connection one JSON line, the state it brought with what was counted, then every
# notification of its descriptor is answered with EBADE.
#   agent.py SOCKET
import array, fcntl, json, os, socket, struct, sys, threading

RECEIVE, SEND, EBADE = 0xC0502100, 0xC0182101, 52


def answer(descriptor):
    while True:
        notification = bytearray(80)
        try:
            fcntl.ioctl(descriptor, RECEIVE, notification)
            (identifier,) = struct.unpack_from("Q", notification)
            fcntl.ioctl(descriptor, SEND, bytearray(struct.pack("QqiI", identifier, 0, -EBADE, 0)))
        except OSError:
            return


def descriptors(control):
    fds = array.array("i")
    for _, _, data in control:
        fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return list(fds)


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(5)
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    connection.settimeout(5)
    text, control, _, _ = connection.recvmsg(65536, 4096)
    first, later, closed = descriptors(control), [], False
    for fd in first:
        threading.Thread(target=answer, args=(fd,), daemon=True).start()
    try:
        while True:
            more, control, _, _ = connection.recvmsg(65536, 4096)
            later += descriptors(control)
            if not more:
                closed = True
                break
            text += more
    except TimeoutError:
        pass
    report = {"received_in_first_call": len(first), "received_later": len(later), "closed": closed}
    print(json.dumps(json.loads(text) | report), flush=True)
