"""Somebody comes to the wrong door: another protocol where MQTT is expected, or no room behind it."""
import sys

from lab import BROKER, HERE, scenario

CONNECT = {"cmd": "connect", "protocolId": "MQTT", "protocolVersion": 4, "clean": True, "clientId": "sensor-17", "keepalive": 60}
PROXY = "PROXY TCP4 192.0.2.7 10.0.0.2 51200 1883\r\n"


@scenario("tls-to-plain-port")
def tls_to_plain_port(lab):
    """mosquitto_pub is told to use TLS, and mosquitto's port 1883 is plain."""
    lab.capture()
    lab.mosquitto()
    lab.run("client", "mosquitto_pub", "-h", BROKER, "-p", "1883", "--capath", "/etc/ssl/certs", "-i", "meter-9", "-t", "meter/9/energy", "-m", "1")


@scenario("other-openings")
def other_openings(lab):
    """mosquitto on port 1883 gets an HTTP request, a PROXY header before CONNECT, the greeting of an SSH client, and then a CONNECT."""
    lab.capture()
    lab.mosquitto()
    lab.raw("client", {"text": "GET /mqtt HTTP/1.1\r\nHost: 10.0.0.2:1883\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"}, {"read": "close"})
    lab.raw("client", {"together": [{"text": PROXY}, {"send": CONNECT}]}, {"read": "close"})
    lab.raw("client", {"text": "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"}, {"read": "close"})
    lab.raw("client", {"send": CONNECT}, {"read": "connack"}, {"send": {"cmd": "disconnect"}}, {"close": True})


@scenario("ssh-on-mqtt-port")
def ssh_on_mqtt_port(lab):
    """An SSH server listens on port 1883; it greets first, then a client sends CONNECT."""
    lab.capture()
    lab.start_program("broker", sys.executable, HERE / "chatter.py", "shell", "1883", shown="python chatter.py shell 1883").wait_for("listening")
    lab.raw("client", {"wait": 200}, {"send": CONNECT}, {"read": "close"})


@scenario("too-many-connections")
def too_many_connections(lab):
    """mosquitto's max_connections is 1. The first client stays; the second is closed as soon as its connection is open."""
    lab.capture()
    lab.mosquitto("max_connections 1")
    first = lab.start_paho("client", "sensor-17", "connect", "wait=2", "disconnect").wait_for("on_connect")
    lab.raw("client2", {"wait": 50}, {"send": {**CONNECT, "clientId": "sensor-18"}}, {"read": "close"})
    first.wait()


@scenario("connack-unknown-code")
def connack_unknown_code(lab):
    """The scripted broker answers CONNECT with return code 99, which no standard knows, and closes."""
    lab.capture()
    lab.scripted({"connect": [{"hex": "20020063"}, {"close": True}]})
    lab.raw("client", {"send": CONNECT}, {"read": "close"})
