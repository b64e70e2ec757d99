"""A client that connects again a moment after it was thrown out, without a pause that grows.

    fighter.py HOST CLIENT_ID CONNECTIONS PAUSE
"""
import socket
import sys
import time

host, client_id, connections, pause = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3]), float(sys.argv[4])
body = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(client_id).to_bytes(2, "big") + client_id
for number in range(1, connections + 1):
    with socket.create_connection((host, 1883)) as connection:
        connection.sendall(bytes([0x10, len(body)]) + body)
        print(f"connection {number}: {connection.recv(4).hex(' ')}", flush=True)
        if connection.recv(1) == b"":
            print(f"connection {number}: closed by the broker", flush=True)
    time.sleep(pause)
