"""Forges segments in the name of the machine it runs on, into a connection to port 1883 that it watches.

    intruder.py INTERFACE

Once the client has acknowledged the CONNACK, it sends what the server must ignore: a PUBLISH with a TTL of 1, one with a wrong checksum, one with
an old timestamp, resets inside and far outside the window, a FIN ahead of its turn. When the client has then sent data itself, it sends other bytes
with the same sequence number.
"""
import socket
import struct
import sys
import time

FIN, RST, PSH, ACK = 1, 4, 8, 16
watch = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
watch.bind((sys.argv[1], 0))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def publish(payload):
    body = struct.pack("!H", 19) + b"plant/7/temperature" + payload
    return bytes([0x30, len(body)]) + body


class Segment:
    """One that the client sent, or is made to send."""

    def __init__(self, packet):
        header = (packet[0] & 15) * 4
        self.source, self.target = packet[12:16], packet[16:20]
        tcp = packet[header:struct.unpack("!H", packet[2:4])[0]]
        self.ports, self.flags = tcp[:4], tcp[13]
        self.sequence, self.acknowledgment = struct.unpack("!II", tcp[4:12])
        self.payload = tcp[(tcp[12] >> 4) * 4:]
        self.clock = struct.unpack("!II", tcp[24:32]) if tcp[20:24] == b"\1\1\x08\x0a" else (0, 0)

    def forge(self, what, ahead=0, flags=PSH | ACK, payload=b"", ttl=64, clock=1, damage=0):
        time.sleep(0.05)
        options = b"\1\1\x08\x0a" + struct.pack("!II", (self.clock[0] + clock) % 2**32, self.clock[1])
        tcp = self.ports + struct.pack("!IIBBHHH", (self.sequence + ahead) % 2**32, self.acknowledgment, 0x80, flags, 501, 0, 0)
        tcp += options + payload
        pseudo = self.source + self.target + struct.pack("!BBH", 0, 6, len(tcp))
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp) ^ damage) + tcp[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 7, 0, ttl, 6, 0) + self.source + self.target
        raw.sendto(ip + tcp, (socket.inet_ntoa(self.target), 0))
        print("sent", what, flush=True)


def sent():
    """The segments that the client sends to port 1883."""
    while True:
        frame, address = watch.recvfrom(65535)
        outgoing = address[2] == socket.PACKET_OUTGOING
        if outgoing and frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[36:38] == struct.pack("!H", 1883):
            yield Segment(frame[14:])


print("watching", flush=True)
segments = sent()
connected = False
for last in segments:
    connected |= last.payload[:1] == b"\x10"
    if connected and not last.payload:
        break
time.sleep(0.3)
last.forge("a PUBLISH with a TTL of 1", payload=publish(b"99.1"), ttl=1)
last.forge("a PUBLISH with a wrong checksum", payload=publish(b"99.2"), damage=0x5555)
last.forge("a PUBLISH with an old timestamp", payload=publish(b"99.3"), clock=-600_000)
last.forge("a RST 1,000 bytes ahead", ahead=1000, flags=RST)
last.forge("a RST far outside the window", ahead=2**30, flags=RST)
last.forge("a FIN 3,000 bytes ahead", ahead=3000, flags=FIN | ACK)
for real in segments:
    if real.payload[:1] == b"\x32" and real.sequence == last.sequence:
        break
real.forge("other bytes in place of the client's PUBLISH", payload=b"\x32" * len(real.payload))
