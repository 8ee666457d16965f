#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A console socket's other end, as conmon is: takes the pty master, types LINES into it, prints what comes out.
#   console.py SOCKET [LINE...]
import array, os, socket, sys

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
print("ready", flush=True)
connection, _ = listener.accept()
message, control, _, _ = connection.recvmsg(4096, 4096)
fds = array.array("i")
for level, kind, data in control:
    if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
        fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
print("received", len(fds), "descriptor named", message.decode(errors="replace").strip("\0"), flush=True)
master = fds[0]
for line in sys.argv[2:]:
    os.write(master, line.encode() + b"\n")
while True:
    try:
        output = os.read(master, 4096)
    except OSError:  # EIO: the last slave was closed
        break
    if not output:
        break
    sys.stdout.buffer.write(output)
    sys.stdout.flush()
print("end", flush=True)
