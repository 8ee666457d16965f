#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The other end of --pidfd-socket: takes one descriptor and prints which process it stands for.
#   pidfd.py SOCKET
import array, os, socket, sys

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
connection, _ = listener.accept()
_, control, _, _ = connection.recvmsg(4096, 4096)
fds = array.array("i")
for level, kind, data in control:
    if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
        fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
for line in open(f"/proc/self/fdinfo/{fds[0]}"):
    if line.startswith("Pid:"):
        print(line.split()[1], flush=True)
os.close(fds[0])
