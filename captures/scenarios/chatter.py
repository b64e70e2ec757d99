"""Servers and clients that do not speak MQTT: HTTP, SMTP and the greeting of SSH.

    chatter.py serve            listens on 8080 (HTTP), 2525 (SMTP) and 2222 (SSH)
    chatter.py talk HOST        talks to each of them
    chatter.py shell PORT       listens on this port (SSH) only
"""
import http.server
import smtplib
import socket
import socketserver
import sys
import threading
import urllib.request


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"temperature": 21.5}\n'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Mail(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        self.say("220 mail.example.com ESMTP")
        for line in self.rfile:
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                self.say("354 end with a dot")
                while self.rfile.readline() != b".\r\n":
                    pass
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            self.say("250 ok")


class Shell(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
        self.rfile.readline()


def serve():
    for port, handler, server in ((8080, Page, http.server.ThreadingHTTPServer), (2525, Mail, socketserver.ThreadingTCPServer),
                                  (2222, Shell, socketserver.ThreadingTCPServer)):
        threading.Thread(target=server(("", port), handler).serve_forever).start()
    print("listening", flush=True)


def talk(host):
    print(urllib.request.urlopen(f"http://{host}:8080/state").read())
    with smtplib.SMTP(host, 2525, local_hostname="sensor.example.com") as mail:
        mail.sendmail("sensor@example.com", ["owner@example.com"], "Subject: alarm\r\n\r\nThe door is open.\r\n")
        print("mail sent")
    with socket.create_connection((host, 2222)) as shell:
        print(shell.recv(100))
        shell.sendall(b"SSH-2.0-Probe_1.0\r\n")
        shell.recv(100)


def shell(port):
    server = socketserver.ThreadingTCPServer(("", port), Shell)
    print("listening", flush=True)
    server.serve_forever()


{"serve": serve, "talk": lambda: talk(sys.argv[2]), "shell": lambda: shell(int(sys.argv[2]))}[sys.argv[1]]()
