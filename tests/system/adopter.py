#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Runs a command, becomes the parent of what it leaves behind, and never waits for that.
#   adopter.py COMMAND...
import ctypes, subprocess, sys, time

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
subprocess.run(sys.argv[1:], check=True)
print("adopted", flush=True)
time.sleep(1000)
