#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# An HTTP proxy on loopback that connects to 127.0.0.1 whatever the host's name is. Prints "port N", then one line per request.
#   proxy.py [HOST:PORT]
# With a HOST:PORT it is a mirror of that instead, and prints the X-Mirror headers of each request as well.
import http.client, http.server, select, socket, sys, urllib.parse

origin = sys.argv[1] if len(sys.argv) > 1 else None


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self):
        print("CONNECT", self.path, self.headers.get("Proxy-Authorization", ""), flush=True)
        with socket.create_connection(("127.0.0.1", int(self.path.rsplit(":", 1)[1]))) as far:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: far, far: self.connection}
            while True:
                for one in select.select(list(ends), [], [])[0]:
                    data = one.recv(1 << 16)
                    if not data:
                        return
                    ends[one].sendall(data)

    def do_GET(self):
        print(self.command, self.path, self.headers.get("Proxy-Authorization", ""), flush=True)
        if self.headers.get_all("X-Mirror"):
            print("x-mirror:", ", ".join(self.headers.get_all("X-Mirror")), flush=True)
        there = urllib.parse.urlparse(self.path if origin is None else "http://" + origin + self.path)
        connection = http.client.HTTPConnection("127.0.0.1", there.port)
        connection.request(self.command, there.path, headers=dict(self.headers))
        answer = connection.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
print("port", server.server_address[1], flush=True)
server.serve_forever()
