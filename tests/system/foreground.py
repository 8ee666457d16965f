#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A user at a terminal: runs COMMAND on a pty of ROWS x COLUMNS, types what `--type` says when `--after` was seen, and
# changes the window's size when `--resize ROWSxCOLUMNS` is given, after that too. Exits with COMMAND's status.
import argparse, fcntl, os, pty, select, struct, sys, termios, time

parser = argparse.ArgumentParser()
parser.add_argument("--size", default="24x80")
parser.add_argument("--after", default="")
parser.add_argument("--type", default="")
parser.add_argument("--resize", default="")
parser.add_argument("command", nargs=argparse.REMAINDER)
options = parser.parse_args()


def set_size(fd, text):
    rows, columns = text.split("x")
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))


pid, master = pty.fork()
if pid == 0:
    set_size(0, options.size)
    os.execvp(options.command[0], options.command)
seen, acted, end = b"", False, time.time() + 30
while time.time() < end:
    ready, _, _ = select.select([master], [], [], 0.2)
    if ready:
        try:
            output = os.read(master, 4096)
        except OSError:
            break
        if not output:
            break
        seen += output
        sys.stdout.buffer.write(output)
        sys.stdout.flush()
    if not acted and options.after.encode() in seen:
        acted = True
        if options.resize:
            set_size(master, options.resize)
        if options.type:
            os.write(master, options.type.encode().decode("unicode_escape").encode())
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
