#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Both ends of a connection.  serve PORT...: TCP and UDP, IPv4 and IPv6; answers with who asks. Says "ready" first.
# ask tcp|udp HOST PORT [FROM[:PORT]]: prints the answer.  hear PORT: prints who sends the first datagram.
# advertise DEVICE: sends a router advertisement.  sweep PORT HOST...: prints how many answer over TCP.
import ipaddress, selectors, socket, struct, sys


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


def ask(kind, host, port, source=None):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    one.settimeout(3)
    if source:
        address, _, number = source.partition(":")
        one.bind((address, int(number or 0)))
    one.connect((host, int(port)))
    if kind == "udp":
        one.send(b"?")
    return one.recv(100).decode()


def hear(port):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("0.0.0.0", int(port)))
    print("ready", flush=True)
    _, address = one.recvfrom(100)
    one.sendto(b"heard", address)
    return address[0]


def advertise(device):
    """RFC 4861, 4.2: a default router of high preference, and a prefix to make addresses of."""
    prefix = ipaddress.ip_address("2001:db8:bad::").packed
    body = struct.pack("!BBH", 64, 0x08, 1800) + struct.pack("!II", 0, 0)
    body += struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + prefix
    sender, everybody = (ipaddress.ip_address(a).packed for a in ("fe80::bad:1", "ff02::1"))
    message = struct.pack("!BBH", 134, 0, 0) + body
    words = sender + everybody + struct.pack("!II", len(message), 58) + message
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    message = struct.pack("!BBH", 134, 0, ~total & 0xFFFF) + body
    packet = struct.pack("!IHBB", 6 << 28, len(message), 58, 255) + sender + everybody + message
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    one.bind((device, 0))
    one.send(bytes.fromhex("333300000001" "02740bad0001" "86dd") + packet)


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
elif verb == "hear":
    print(hear(*rest))
elif verb == "advertise":
    advertise(*rest)
else:
    print(sweep(rest[0], rest[1:]))
