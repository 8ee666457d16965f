#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A token server for docker-registry (distribution-spec, token authentication): signs JWTs with a key of its own, whose certificate
# it leaves in DIRECTORY/cert.pem for the registry's rootcertbundle. Prints "port N", then one line per request with what was granted.
#   token_server.py DIRECTORY USER PASSWORD [no-post] [no-get] [life=SECONDS]
# USER may do all, with the password or the refresh token "refresh-USER"; anybody may pull what lies below public/.
import base64, http.server, json, subprocess, sys, time, urllib.parse

directory, user, password = sys.argv[1:4]
flags = dict(word.partition("=")[::2] for word in sys.argv[4:])
key, cert = directory + "/key.pem", directory + "/cert.pem"
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=tokens"],
               check=True, capture_output=True)
der = subprocess.run(["openssl", "x509", "-in", cert, "-outform", "DER"], check=True, capture_output=True).stdout


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(access, life):
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    now = int(time.time())
    claims = {"iss": "tokens", "sub": "", "aud": "registry", "exp": now + life, "nbf": now - 10, "iat": now, "jti": str(time.time_ns()), "access": access}
    text = unpadded(json.dumps(header).encode()) + b"." + unpadded(json.dumps(claims).encode())
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text, check=True, capture_output=True).stdout
    return (text + b"." + unpadded(signature)).decode()


def granted(scopes, who):
    access = []
    for scope in " ".join(scopes).split():
        kind, rest = scope.split(":", 1)
        name, actions = rest.rsplit(":", 1)
        allowed = [one for one in actions.split(",") if who or (one == "pull" and name.startswith("public/"))]
        if allowed:
            access.append({"type": kind, "name": name, "actions": allowed})
    return access


class Tokens(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, how, scopes, who, refresh):
        access = granted(scopes, who)
        print(how, who or "anonymous", "asks", " ".join(scopes) or "nothing", "gets",
              " ".join(f"{one['name']}:{','.join(one['actions'])}" for one in access) or "nothing", flush=True)
        life = int(flags.get("life", "300"))
        document = {"token": token(access, life), "expires_in": life}
        if refresh:
            document["refresh_token"] = "refresh-" + user
        self.send(200, document)

    def do_GET(self):
        if "no-get" in flags:
            print("GET not served", flush=True)
            return self.send(405, {})
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        login, who = self.headers.get("Authorization"), None
        if login is not None:
            if login != "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode():
                print("GET refused", flush=True)
                return self.send(401, {"errors": [{"code": "UNAUTHORIZED"}]})
            who = user
        self.answer("GET", query.get("scope", []), who, "offline_token" in query)

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if "no-post" in flags:
            print("POST not served", flush=True)
            return self.send(404, {})
        first = lambda name: form.get(name, [""])[0]
        good = (first("grant_type") == "refresh_token" and first("refresh_token") == "refresh-" + user) or \
            (first("grant_type") == "password" and (first("username"), first("password")) == (user, password))
        if not good or not first("client_id"):
            print("POST refused", flush=True)
            return self.send(401, {"errors": [{"code": "UNAUTHORIZED"}]})
        self.answer("POST " + first("grant_type"), form.get("scope", []), user, first("access_type") == "offline")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
print("port", server.server_address[1], flush=True)
server.serve_forever()
