#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A registry that misbehaves in the way its first argument names; prints its port, then one line per request.
#   hostile.py CASE [HOST:PORT of another]        on the address TOY_ADDRESS; https with what is in the directory TOY_AUTHORITY
# The image it serves is sound unless the case says otherwise: see `layers` and `Registry.answer`.
import gzip, hashlib, http.server, io, json, os, random, socket, ssl, sys, tarfile, threading, time

case = sys.argv[1]
OUTSIDE = sys.argv[2] if len(sys.argv) > 2 else "/tmp/outside"


SCHEME = "https" if "TOY_AUTHORITY" in os.environ else "http"
ESCAPES = "\x1b]0;title\x07\x1b[31mred\nsecond line\x9b"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def member(archive, name, kind=tarfile.REGTYPE, data=b"", link="", mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.linkname, entry.mode = kind, len(data), link, mode
    archive.addfile(entry, io.BytesIO(data) if data else None)


def layer(*members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        member(archive, "etc", tarfile.DIRTYPE, mode=0o755)
        member(archive, "etc/fine", data=b"fine\n")
        for one in members:
            member(archive, *one[:1], **one[1])
    return buffer.getvalue()


HOSTILE = {
    "tar-dotdot": [("../../../../../../.." + OUTSIDE + "/dotdot", {"data": b"x"})],
    "tar-absolute": [(OUTSIDE + "/absolute", {"data": b"x"})],
    "tar-symlink": [("way", {"kind": tarfile.SYMTYPE, "link": OUTSIDE}), ("way/through", {"data": b"x"})],
    "tar-symlink-up": [("up", {"kind": tarfile.SYMTYPE, "link": "../../../../../../../.." + OUTSIDE}), ("up/through", {"data": b"x"})],
    "tar-hardlink": [("hard", {"kind": tarfile.LNKTYPE, "link": "../../../../../../../.." + OUTSIDE + "/victim"}), ("hard", {"data": b"overwritten"})],
    "tar-hardlink-symlink": [("s", {"kind": tarfile.SYMTYPE, "link": OUTSIDE}), ("hard", {"kind": tarfile.LNKTYPE, "link": "s/victim"})],
    "tar-whiteout-up": [(".wh...", {}), ("a/.wh..", {})],
    "tar-whiteout-link": [("w", {"kind": tarfile.SYMTYPE, "link": OUTSIDE}), ("w/.wh.victim", {})],
    "fifo-passwd": [("etc/passwd", {"kind": tarfile.FIFOTYPE})],
    "host-passwd": [("etc/passwd", {"kind": tarfile.SYMTYPE, "link": "../../../../../../../../../etc/passwd"})],
    "escapes": [("dir/" + ESCAPES, {"data": b"x"}), ("dir/" + ESCAPES + "/below", {"data": b"x"})],
    "volume-link": [("way", {"kind": tarfile.SYMTYPE, "link": OUTSIDE})],
    "cwd-link": [("way", {"kind": tarfile.SYMTYPE, "link": "../../../../../../../.." + OUTSIDE})],
    "tar-opaque-link": [("o", {"kind": tarfile.SYMTYPE, "link": OUTSIDE}), ("o/.wh..wh..opq", {})],
}

tar = layer(*HOSTILE.get(case, []))
if case == "tar-cut":
    tar = tar[: 2 * 512 + 512 + 2]  # in the middle of the file's content
if case in ("stalls", "no-ranges", "flaky", "wrong-range", "other-size", "range-416"):  # big enough to be worth resuming
    size = int(os.environ.get("TOY_BIG_LAYER", "24")) << 20
    noise = random.Random(1)  # randbytes gives no gigabyte at once
    tar = layer(("big", {"data": b"".join(noise.randbytes(1 << 20) for _ in range(size >> 20))}))
blob = gzip.compress(tar, 1)
if case == "bomb":  # two gigabytes of zeros behind the end mark
    blob += gzip.compress(bytes(64 << 20), 1) * 32
if case == "bad-gzip":
    blob = blob[:60] + b"garbage" * 20
config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]},
          "rootfs": {"type": "layers", "diff_ids": [digest(tar)]}}
if case == "wrong-diffid":
    config["rootfs"]["diff_ids"] = [digest(b"another")]
if case == "many-broken":
    config["rootfs"]["diff_ids"] = [digest(b"%d" % at) for at in range(8)]
if case == "few-diffids":
    config["rootfs"]["diff_ids"] = []
if case in ("fifo-passwd", "host-passwd"):
    config["config"]["User"] = "daemon"
if case == "escapes-user":
    config["config"]["User"] = ESCAPES
if case == "escapes-labels":
    config["config"] |= {"User": "nosuch", "Labels": {"run.oci." + ESCAPES: "x"}, "Env": [ESCAPES], "Volumes": {ESCAPES: {}}}
if case.startswith("volume-"):
    config["config"]["Volumes"] = {{"volume-up": "/x/../../../.." + OUTSIDE, "volume-link": "/way", "volume-proc": "/proc", "volume-empty": ""}[case]: {}}
if case.startswith("cwd-"):
    config["config"]["WorkingDir"] = {"cwd-link": "/way/new", "cwd-proc": "/proc/self/fd/7"}[case]
if case == "escapes-platform":
    config |= {"architecture": ESCAPES, "config": {"User": "nosuch"}}
if case == "nul-command":
    config["config"]["Cmd"] = ["sh\0-c"]
config = json.dumps(config).encode()
if case == "config-garbage":
    config = b"no json"
TYPE = "application/vnd.oci.image."
manifest = {"schemaVersion": 2, "mediaType": TYPE + "manifest.v1+json",
            "config": {"mediaType": TYPE + "config.v1+json", "digest": digest(config), "size": len(config)},
            "layers": [{"mediaType": TYPE + "layer.v1.tar+gzip", "digest": digest(blob), "size": len(blob)}]}
if case == "many-broken":  # each with a sound header and damage further on
    broken = [gzip.compress(random.Random(at).randbytes(3 << 20), 1) for at in range(8)]
    broken = [one[:1000] + bytes(1000) + one[2000:] for one in broken]
    manifest["layers"] = [{"mediaType": TYPE + "layer.v1.tar+gzip", "digest": digest(one), "size": len(one)} for one in broken]
if case == "foreign":
    manifest["layers"][0]["urls"] = [f"{SCHEME}://{OUTSIDE}/layer"]
if case == "size-small":
    manifest["layers"][0]["size"] = len(blob) - 10
if case == "size-large":
    manifest["layers"][0]["size"] = len(blob) + 10
if case == "layer-type":
    manifest["layers"][0]["mediaType"] = "application/x-nosuch"
if case == "config-type":
    manifest["config"]["mediaType"] = "application/x-nosuch"
if case == "digest-form":
    manifest["layers"][0]["digest"] = "sha256:../../../etc/passwd"
if case == "negative-size":
    manifest["layers"][0]["size"] = -5
manifest = json.dumps(manifest).encode()
if case == "manifest-garbage":
    manifest = b"{]"
if case == "manifest-huge":
    manifest = b'{"schemaVersion": 2, "x": "' + b"a" * (40 << 20) + b'"}'
manifest_type = "text/html" if case == "manifest-type" else TYPE + "manifest.v1+json"
if case == "index-size":
    entry = {"mediaType": manifest_type, "digest": digest(manifest), "size": len(manifest) + 1, "platform": {"os": "linux", "architecture": "amd64"}}
    inner, manifest_type = manifest, TYPE + "index.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": manifest_type, "manifests": [entry]}).encode()
if case in ("nested", "nested-deep"):
    kept = {}
    for _ in range(3 if case == "nested" else 6):
        kept[digest(manifest)] = (manifest, manifest_type)
        entry = {"mediaType": manifest_type, "digest": digest(manifest), "size": len(manifest)}
        manifest_type = TYPE + "index.v1+json"
        manifest = json.dumps({"schemaVersion": 2, "mediaType": manifest_type, "manifests": [entry]}).encode()
if case == "no-platform":
    manifest_type = TYPE + "index.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": manifest_type, "manifests": [
        {"mediaType": TYPE + "manifest.v1+json", "digest": digest(b"x"), "size": 1, "platform": {"os": "plan9", "architecture": "vax"}}]}).encode()


attempts = 0


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, status, body=b"", kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", headers.pop("length", str(len(body))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        certificate = "certificate" if SCHEME == "https" and self.connection.getpeercert() else ""
        print(self.command, self.path, self.headers.get("Range", ""), "login " + self.headers["Authorization"] if "Authorization" in self.headers else "", certificate, flush=True)
        if self.fault():
            return None
        error = lambda code: json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()
        if case == "401":
            return self.send(401, error("UNAUTHORIZED"), WWW_Authenticate='Basic realm="closed"')
        if case == "403":
            return self.send(403, error("DENIED"))
        if case == "404" and "/manifests/" in self.path:
            return self.send(404, error("MANIFEST_UNKNOWN"))
        if case == "429":
            return self.send(429, error("TOOMANYREQUESTS"), Retry_After="1")
        if case == "500":
            return self.send(500, b"<html>oops</html>", "text/html")
        if case == "loop":
            return self.send(307, Location=self.path)
        if self.path == "/v2/":
            return self.send(200, b"{}")
        if "/manifests/" in self.path:
            shown = digest(b"other") if case == "manifest-digest" else digest(manifest)
            body, kind = manifest, manifest_type
            if case == "index-size" and "sha256" in self.path:
                body, kind = inner, TYPE + "manifest.v1+json"
            if case.startswith("nested") and "sha256" in self.path:
                body, kind = kept[self.path.rsplit("/", 1)[1]]
            return self.send(200, body, kind, Docker_Content_Digest=shown if body is manifest else digest(body))
        body = config if digest(config) in self.path else blob
        if body is config and case == "config-digest":
            body = body.replace(b"sh", b"hs")
        if case == "many-broken":
            body = next((one for one in broken if digest(one) in self.path), body)
        if digest(blob) in self.path:
            if case == "drip":  # one byte a second: what a user interrupts
                self.send(200, body[:1], "application/octet-stream", length=str(len(body)))
                for at in range(1, len(body)):
                    time.sleep(1)
                    self.wfile.write(body[at : at + 1])
                return
            if case in ("stalls", "no-ranges", "flaky", "wrong-range", "other-size", "range-416"):
                return self.send_part(body)
            if case == "blob-404":
                return self.send(404, error("BLOB_UNKNOWN"))
            if case == "wrong-digest":
                body = body[:-1] + bytes([body[-1] ^ 1])
            if case == "truncated":
                self.send(200, body[: len(body) // 2], "application/octet-stream", length=str(len(body)))
                self.close_connection = True
                return
            if case == "short":
                body = body[: len(body) // 2]
            if case == "oversized":
                body = body + bytes(100 << 20)
        self.send(200, body, "application/octet-stream")

    def send_part(self, body):
        """From where the Range says; the first answer ends or stops after nine tenths, in "flaky" each one after a tenth more."""
        global attempts
        attempts += 1
        begin, end = 0, len(body)
        wanted = self.headers.get("Range", "")
        headers = {}
        if wanted and case != "no-ranges":
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            shown, size = begin + (case == "wrong-range"), end + (case == "other-size")
            headers["Content_Range"] = f"bytes {shown}-{end - 1}/{size}"
        if wanted and case == "range-416":
            return self.send(416, b"")
        if attempts == 1:
            end = len(body) * 9 // 10
        elif case == "flaky" and attempts < 5:
            end = min(end, begin + len(body) // 50)
        self.send(206 if headers else 200, body[begin:end], "application/octet-stream", length=str(len(body) - begin), **headers)
        self.wfile.flush()
        print("sent", end - begin, flush=True)
        if end < len(body) and case != "flaky" and attempts == 1:
            threading.Event().wait()  # nothing comes any more
        self.close_connection = end < len(body)

    def fault(self):
        """Answers as a registry that is after something would; OUTSIDE is another host, which must hear nothing it could use."""
        here = SCHEME + "://" + self.headers.get("Host", "")
        challenge = lambda realm: self.send(401, b"", WWW_Authenticate=f'Bearer realm="{realm}",service="s",scope="repository:image:pull"')
        logged_in = self.headers.get("Authorization") == "Bearer t"
        is_blob, length = digest(blob) in self.path, int(self.headers.get("Content-Length", 0))
        if self.command in ("PUT", "POST", "PATCH"):
            self.rfile.read(length)
        if self.path.startswith("/token") and case != "canary":
            self.send(200, b'{"token":"' + (b"a" * (10 << 20) if case == "token-huge" else b"t") + b'"}')
        elif case == "canary":
            self.send(401, b"", WWW_Authenticate='Basic realm="x", Bearer realm="' + here + '/token"')
        elif case.startswith("realm-"):
            challenge({"realm-metadata": "http://169.254.169.254/token", "realm-canary": f"{SCHEME}://{OUTSIDE}/token", "realm-file": "file:///etc/passwd"}[case])
        elif case in ("bearer", "token-huge", "redirect-canary", "downgrade", "foreign", "push-canary", "link-canary") and not logged_in:
            challenge(here + "/token")
        elif case == "redirect-canary" and is_blob:
            self.send(307, Location=f"{SCHEME}://{OUTSIDE}/signed?secret=1")
        elif case == "downgrade" and (is_blob or self.path.endswith("/manifests/latest")):
            self.send(307, Location=f"http://{OUTSIDE}/plain")
        elif case == "foreign" and is_blob:
            self.send(404)
        elif case == "push-canary" and self.command == "POST":
            self.send(202, Location=f"{SCHEME}://{OUTSIDE}/upload")
        elif case == "push-canary" and self.command == "HEAD":
            self.send(404)
        elif case == "link-canary" and "/tags/" in self.path:
            self.send(200, b'{"tags":["a"]}', Link=f'<{SCHEME}://{OUTSIDE}/v2/more>; rel="next"')
        elif case == "error-escapes":
            self.send(403, json.dumps({"errors": [{"code": "DENIED", "message": ESCAPES}]}).encode())
        elif case == "error-huge":
            self.send(403, b"<html>" + b"x" * (300 << 20))
        elif case == "retry-absurd":
            self.send(429, b"", Retry_After="86400")
        elif case == "warning" and "/manifests/" in self.path:
            self.send(200, manifest, manifest_type, Warning='299 - "this registry closes ' + "\x1b[31m" + 'soon"')
        elif case == "schema1" and "/manifests/" in self.path:
            self.send(200, b'{"schemaVersion":1,"fsLayers":[]}', "application/vnd.docker.distribution.manifest.v1+prettyjws")
        elif case == "both-kinds" and "/manifests/" in self.path:
            self.send(200, json.dumps(json.loads(manifest) | {"manifests": []}).encode(), manifest_type)
        elif case == "encoded" and is_blob:
            self.send(200, gzip.compress(blob), "application/octet-stream", Content_Encoding="gzip")
        else:
            return False
        return True

    do_HEAD = do_POST = do_PUT = do_PATCH = do_GET

    def log_message(self, *_):
        pass


address = os.environ.get("TOY_ADDRESS", "127.0.0.1")
http.server.ThreadingHTTPServer.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
server = http.server.ThreadingHTTPServer((address, 0), Registry)
if SCHEME == "https":
    here = os.environ["TOY_AUTHORITY"]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=here + "/ca.crt")
    context.load_cert_chain(here + "/server.cert", here + "/server.key")
    context.verify_mode = ssl.CERT_OPTIONAL
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("port", server.server_address[1], flush=True)
server.serve_forever()
