"""A wire between two ports that flips one bit in the payload of every Nth TCP segment that carries some, and leaves the checksum as it was.

    noisy-wire.py PORT PORT N
"""
import select
import socket
import sys

ALL_PROTOCOLS, OUTGOING = 3, 4
every = int(sys.argv[3])


def port(name):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    raw.bind((name, ALL_PROTOCOLS))
    return raw


one, other = port(sys.argv[1]), port(sys.argv[2])
print("wired", flush=True)
count = 0
while True:
    for ready in select.select([one, other], [], [])[0]:
        frame, address = ready.recvfrom(65535)
        if address[2] == OUTGOING:
            continue
        frame = bytearray(frame)
        if frame[12:14] == b"\x08\x00" and frame[23] == 6:
            payload = 34 + (frame[46] >> 4) * 4
            end = 14 + int.from_bytes(frame[16:18], "big")
            if end > payload:
                count += 1
                if count % every == 0:
                    frame[payload + count % (end - payload)] ^= 1 << (count % 8)
                    print("flipped a bit in segment", count, flush=True)
        (other if ready is one else one).send(frame)
