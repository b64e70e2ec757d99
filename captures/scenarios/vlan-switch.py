"""A switch with two ports: ACCESS carries plain Ethernet, TRUNK the same frames with an 802.1Q tag.

    vlan-switch.py ACCESS TRUNK VLAN
"""
import select
import socket
import struct
import sys

ALL_PROTOCOLS, OUTGOING, TAG = 3, 4, 0x8100
access_name, trunk_name, vlan = sys.argv[1], sys.argv[2], int(sys.argv[3])


def port(name):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    raw.bind((name, ALL_PROTOCOLS))
    return raw


access, trunk = port(access_name), port(trunk_name)
print("switching", flush=True)
while True:
    for ready in select.select([access, trunk], [], [])[0]:
        frame, address = ready.recvfrom(65535)
        if address[2] == OUTGOING:
            continue
        if ready is access:
            trunk.send(frame[:12] + struct.pack("!HH", TAG, vlan) + frame[12:])
        else:  # Linux may have taken the tag off already
            tagged = frame[12:14] == struct.pack("!H", TAG)
            access.send(frame[:12] + frame[16:] if tagged else frame)
