#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# One line per file of a tree with all an image must keep: type, mode, owner, mtime, xattrs, links, size, sha256, target.
#   tree.py ROOT
import hashlib, os, stat, sys

root = sys.argv[1]
first_of = {}


def content(path, status):
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    if stat.S_ISLNK(status.st_mode):
        return os.fsencode(os.readlink(path)).hex()
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return "-"


def describe(path):
    status = os.lstat(path)
    name = os.path.relpath(path, root)
    attributes = {key: os.getxattr(path, key, follow_symlinks=False).hex() for key in os.listxattr(path, follow_symlinks=False)}
    twin = name
    if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
        twin = first_of.setdefault(status.st_ino, name)
    kind = stat.filemode(status.st_mode)
    time = int(status.st_mtime)
    print(ascii(name), kind, f"{status.st_uid}:{status.st_gid}", time, sorted(attributes.items()), ascii(twin), content(path, status))


for directory, names, files in sorted(os.walk(root), key=lambda entry: entry[0]):
    names.sort()
    describe(directory)
    for name in sorted(files + [n for n in names if os.path.islink(os.path.join(directory, n))]):
        describe(os.path.join(directory, name))
