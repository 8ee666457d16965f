# SPDX-License-Identifier: Apache-2.0
"""hostile_archives.py DIRECTORY CANARY: archives for `toyimg load`, each with a regular expression of what has to be said.

Shapes of jib#4522 (paths in manifest.json), undock#460 (write through a symlink entry), ggcr#2306 (links instead of blobs),
CVE-2023-25153 (huge documents), CVE-2024-3727 (digests as paths), CVE-2021-41190 (two readings), and plain damage.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

directory, canary = sys.argv[1:3]
os.makedirs(directory)


def layer_bytes():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("file")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"hello"))
    return buffer.getvalue()


def digest(data):
    return hashlib.sha256(data).hexdigest()


LAYER = layer_bytes()
CONFIG = json.dumps({"architecture": "amd64", "os": "linux",
                     "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(LAYER)]}}).encode()


class Archive:
    def __init__(self, name, says):
        self.base = os.path.join(directory, name)
        with open(self.base + ".says", "w") as file:
            file.write(says)
        self.tar = tarfile.open(self.base + ".tar", "w", format=tarfile.PAX_FORMAT)

    def file(self, name, data, size=None):
        info = tarfile.TarInfo(name)
        info.size = len(data) if size is None else size
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def link(self, name, target, kind=tarfile.SYMTYPE):
        info = tarfile.TarInfo(name)
        info.type = kind
        info.linkname = target
        self.tar.addfile(info)
        return self

    def manifest(self, config="config.json", layers=("layer.tar",), names=("hostile:latest",)):
        entry = {"Config": config, "RepoTags": list(names), "Layers": list(layers)}
        return self.file("manifest.json", json.dumps([entry]).encode())

    def close(self):
        self.tar.close()


def docker(name, says):
    return Archive(name, says).file("config.json", CONFIG).file("layer.tar", LAYER)


def layout(name, says, blobs=True, **changes):
    """An OCI archive whose manifest or descriptors are changed."""
    archive = Archive(name, says)
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(CONFIG), "digest": "sha256:" + digest(CONFIG)},
                "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": len(LAYER), "digest": "sha256:" + digest(LAYER)}]}
    manifest["layers"][0].update(changes.pop("layer", {}))
    manifest.update(changes.pop("manifest", {}))
    text = json.dumps(manifest).encode()
    entry = {"mediaType": manifest["mediaType"], "size": len(text), "digest": "sha256:" + digest(text),
             "annotations": {"org.opencontainers.image.ref.name": "hostile:latest"}}
    entry.update(changes.pop("entry", {}))
    archive.file("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    archive.file("index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode())
    archive.file("blobs/sha256/" + digest(text), text)
    if blobs:
        archive.file("blobs/sha256/" + digest(CONFIG), CONFIG).file("blobs/sha256/" + digest(LAYER), LAYER)
    return archive


docker("layer-outside", "leads above|has no").manifest(layers=("../../" + canary,)).close()
docker("config-outside", "leads above|has no").manifest(config="../../../../../.." + canary).close()
docker("config-absolute", "has no").manifest(config=canary).close()
docker("name-traversal", "is called").manifest(names=("../../etc/passwd",)).close()
docker("name-escapes", r"is called|invalid").manifest(names=("a\x1b[2Jb:latest",)).close()
docker("many-names", "more than").manifest(names=["n%d:latest" % number for number in range(100000)]).close()
docker("layers-missing", "has no gone.tar").manifest(layers=("gone.tar",)).close()
docker("too-few-layers", "lists 0 layers").manifest(layers=()).close()
docker("wrong-layer", "diff|digest").file("other.tar", LAYER + bytes(512)).manifest(layers=("other.tar",)).close()
docker("twice", "twice").file("layer.tar", LAYER + bytes(1024)).manifest().close()
docker("entry-outside", "above the root").file("../escaped", b"x").manifest().close()
Archive("symlinked-layer", "not a regular file|has no").file("config.json", CONFIG).link("layer.tar", canary).manifest().close()
Archive("symlinked-up", "not a regular file|has no").file("config.json", CONFIG).link("layer.tar", "../../../../../.." + canary).manifest().close()
Archive("write-through", "not a regular file|has no|regular").file("config.json", CONFIG).link("a", os.path.dirname(canary)).file("a/canary", b"changed").manifest(layers=("a",)).close()
Archive("link-cycle", "lead nowhere").file("config.json", CONFIG).link("layer.tar", "other").link("other", "layer.tar").manifest().close()
Archive("hard-linked", "has no|lead nowhere").file("config.json", CONFIG).link("layer.tar", canary, tarfile.LNKTYPE).manifest().close()
Archive("device", "not a regular file").file("config.json", CONFIG).link("layer.tar", "", tarfile.CHRTYPE).manifest().close()
Archive("nothing-in-it", "no image archive").file("readme", b"hello").close()
Archive("no-json", "manifest.json").file("manifest.json", b"{[").close()
Archive("not-an-array", "manifest.json").file("manifest.json", b'"x"').close()
Archive("huge-manifest", "larger than").file("manifest.json", b"[" + b" " * (5 << 20) + b"]").close()
Archive("huge-config", "larger than").file("config.json", b"{" + b" " * (5 << 20) + b"}").file("layer.tar", LAYER).manifest().close()
layout("digest-path", "digest", layer={"digest": "sha256:../../../../etc/passwd"}).close()
layout("digest-upper", "digest", layer={"digest": "sha256:" + digest(LAYER).upper()}).close()
layout("size-negative", "size", layer={"size": -1}).close()
layout("size-one-off", "bytes|longer", layer={"size": len(LAYER) - 1}).close()
layout("manifest-is-config", "unknown type", entry={"digest": "sha256:" + digest(CONFIG)}).close()
layout("manifest-forged", "damaged", entry={"digest": "sha256:" + digest(b"x")}).file("blobs/sha256/" + digest(b"x"), CONFIG).close()
layout("both-readings", "ambiguous", manifest={"manifests": []}).close()
layout("blob-missing", "has no", blobs=False).close()
archive = layout("blob-symlink", "not a regular file|has no", blobs=False)
archive.file("blobs/sha256/" + digest(CONFIG), CONFIG).link("blobs/sha256/" + digest(LAYER), canary).close()
archive = layout("blob-tampered", "not what was asked for", blobs=False)
archive.file("blobs/sha256/" + digest(CONFIG), CONFIG).file("blobs/sha256/" + digest(LAYER), b"x" * len(LAYER)).close()

docker("cut-off", "cut off").manifest().close()
with open(os.path.join(directory, "cut-off.tar"), "r+b") as file:
    file.truncate(2000)
Archive("bomb", "times its size|larger than").close()
with gzip.open(os.path.join(directory, "bomb.tar"), "wb", compresslevel=9) as file:
    info = tarfile.TarInfo("zeros")
    info.size = 3 << 30
    file.write(info.tobuf())
    for _ in range(1100 // 4):
        file.write(bytes(4 << 20))
Archive("gzip-damaged", "damaged|checksum|cut off").close()
with open(os.path.join(directory, "gzip-damaged.tar"), "wb") as file:
    packed = bytearray(gzip.compress(LAYER * 100))
    packed[len(packed) // 2] ^= 0xff
    file.write(packed)
