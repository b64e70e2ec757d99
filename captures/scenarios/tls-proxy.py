"""Stands on port 8883 before a broker of TLS on port 8884, and spoils handshakes, one after the other, in the ways given:

    silent       takes the client's hello and says nothing     close        closes once it has it
    half-silent  passes a half of the broker's answer only     half-close   passes a half of it, then closes
"""
import socket
import sys
import time

listener = socket.create_server(("0.0.0.0", 8883))
print("listening", flush=True)
for way in sys.argv[1:]:
    client, _ = listener.accept()
    hello = client.recv(4096)
    print(f"{way}: {len(hello)} bytes from the client", flush=True)
    if way.startswith("half"):
        broker = socket.create_connection(("127.0.0.1", 8884))
        broker.sendall(hello)
        time.sleep(0.3)
        answer = broker.recv(16384)
        client.sendall(answer[:len(answer) // 2])
        broker.close()
    if way.endswith("silent"):
        client.settimeout(20)
        try:
            while client.recv(4096):
                pass
        except OSError as error:
            print(error, flush=True)
    if way == "half-close":
        time.sleep(0.5)
    client.close()
