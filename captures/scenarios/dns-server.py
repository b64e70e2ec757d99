"""A DNS server that answers as it is told: dns-server.py ADDRESS '{"name": ANSWER, ...}'

ANSWER is an IPv4 address, or one of: nxdomain, servfail, refused, empty, silence. Other names do not exist.
"""
import json
import socket
import struct
import sys

CODES = {"nxdomain": 3, "servfail": 2, "refused": 5, "empty": 0}
TYPES = {1: "A", 28: "AAAA"}

address, names = sys.argv[1], json.loads(sys.argv[2])
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((address, 53))
print("listening", flush=True)
while True:
    query, client = server.recvfrom(4096)
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("ascii"))
        at += 1 + query[at]
    question, kind = query[12:at + 5], struct.unpack("!H", query[at + 1:at + 3])[0]
    name = ".".join(labels)
    answer = names.get(name.lower(), "nxdomain")
    print(f"{TYPES.get(kind, kind)} {name}: {answer}", flush=True)
    if answer == "silence":
        continue
    code = CODES.get(answer, 0)
    record = b""
    if answer not in CODES and kind == 1:
        record = struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(answer)
    flags = 0x8180 | code  # a response, recursion desired and available
    server.sendto(query[:2] + struct.pack("!HHHHH", flags, 1, 1 if record else 0, 0, 0) + question + record, client)
