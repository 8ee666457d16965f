#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# What a kubelet does, on the command line: calls of the Container Runtime Interface, encoded by hand so that no
# generated code is needed (field numbers: k8s.io/cri-api, runtime/v1/api.proto).
#   cri.py SOCKET pod NAME HANDLER            prints the pod's id
#   cri.py SOCKET container POD NAME MEMORY WORD...
#   cri.py SOCKET start|remove|state CONTAINER       state: NUMBER EXIT-CODE
#   cri.py SOCKET stop CONTAINER SECONDS
#   cri.py SOCKET exec CONTAINER WORD...      prints the output, exits with the status
#   cri.py SOCKET update CONTAINER MEMORY
#   cri.py SOCKET end POD                     stops and removes it
import os, sys
import grpc

IMAGE = "docker.io/library/busybox:latest"
LOGS = os.environ["POD_LOGS"]
CGROUP = os.environ["CGROUP_PARENT"]


def varint(number):
    out = bytearray()
    while True:
        out.append(number & 127 | (128 if number > 127 else 0))
        number >>= 7
        if not number:
            return bytes(out)


def message(*fields):
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def parsed(data):
    """field number -> last value: an integer or bytes"""
    fields, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            fields[tag >> 3] = number()
        else:
            length = number()
            fields[tag >> 3] = data[at : at + length]
            at += length
    return fields


def call(method, *fields):
    channel = grpc.insecure_channel("unix://" + sys.argv[1])
    try:
        return parsed(channel.unary_unary("/runtime.v1.RuntimeService/" + method)(message(*fields), timeout=60))
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")


def pod_config(name):
    return message((1, message((1, name), (2, name + "-uid"), (3, "default"))), (2, name), (3, LOGS), (8, message((1, CGROUP))))


def container_config(name, memory, words):
    resources = message((1, 100000), (2, 50000), (4, memory))
    return message((1, message((1, name))), (2, message((1, IMAGE))), *((3, word) for word in words), (11, name + ".log"), (15, message((1, resources))))


verb, arguments = sys.argv[2], sys.argv[3:]
if verb == "pod":
    print(call("RunPodSandbox", (1, pod_config(arguments[0])), (2, arguments[1]))[1].decode())
elif verb == "container":
    pod, name, memory, words = arguments[0], arguments[1], int(arguments[2]), arguments[3:]
    # the pod's own configuration comes again, as the kubelet sends it
    pod_name = os.environ["POD_NAME"]
    print(call("CreateContainer", (1, pod), (2, container_config(name, memory, words)), (3, pod_config(pod_name)))[1].decode())
elif verb == "start":
    call("StartContainer", (1, arguments[0]))
elif verb == "stop":
    call("StopContainer", (1, arguments[0]), (2, int(arguments[1])))
elif verb == "remove":
    call("RemoveContainer", (1, arguments[0]))
elif verb == "state":
    status = parsed(call("ContainerStatus", (1, arguments[0]))[1])
    print(status.get(3, 0), status.get(7, 0))
elif verb == "update":
    call("UpdateContainerResources", (1, arguments[0]), (2, message((4, int(arguments[1])))))
elif verb == "exec":
    answer = call("ExecSync", (1, arguments[0]), *((2, word) for word in arguments[1:]), (3, 20))
    sys.stdout.buffer.write(answer.get(1, b"") + answer.get(2, b""))
    sys.exit(answer.get(3, 0))
elif verb == "end":
    call("StopPodSandbox", (1, arguments[0]))
    call("RemovePodSandbox", (1, arguments[0]))
else:
    sys.exit("cri.py: no verb " + verb)
