#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Both ends of a connection.  serve PORT...: TCP and UDP, IPv4 and IPv6; answers with who asks. Says "ready" first.
# ask tcp|udp HOST PORT: prints the answer.  sweep PORT HOST...: prints how many answer over TCP.
import selectors, socket, sys


def serve(ports):
    selector = selectors.DefaultSelector()
    for port in ports:
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                one = socket.socket(family, kind)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind((address, int(port)))
                if kind == socket.SOCK_STREAM:
                    one.listen(128)
                selector.register(one, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            one = key.fileobj
            if one.type == socket.SOCK_STREAM:
                peer, address = one.accept()
                peer.sendall(f"tcp {one.getsockname()[1]} from {address[0]}".encode())
                peer.close()
            else:
                _, address = one.recvfrom(100)
                one.sendto(f"udp {one.getsockname()[1]} from {address[0]}".encode(), address)


def ask(kind, host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    one.settimeout(3)
    one.connect((host, int(port)))
    if kind == "udp":
        one.send(b"?")
    return one.recv(100).decode()


def sweep(port, hosts):
    answered = 0
    for host in hosts:
        try:
            answered += ask("tcp", host, port).startswith("tcp")
        except OSError as error:
            print(host, error, file=sys.stderr)
    return answered


verb, rest = sys.argv[1], sys.argv[2:]
if verb == "serve":
    serve(rest)
elif verb == "ask":
    try:
        print(ask(*rest))
    except OSError as error:
        sys.exit(f"no answer: {error}")
else:
    print(sweep(rest[0], rest[1:]))
