"""What a receiver ignores though it passed the place of capture, and what passed but was not captured."""
import sys

from lab import BROKER, HERE, scenario


@scenario("forged-segments")
def forged_segments(lab):
    """A program on the client's machine forges segments in the client's name (intruder.py): three PUBLISH that never count (TTL of 1, wrong
    checksum, old timestamp), two resets and a FIN with wrong sequence numbers, and other bytes in place of a PUBLISH that has arrived. The broker
    ignores them all; captured at the client."""
    lab.capture(at="client")
    lab.mosquitto()
    lab.start_program("client", sys.executable, HERE / "intruder.py", "eth0", shown="python intruder.py eth0").wait_for("watching")
    lab.paho("client", "sensor-17", "connect", "wait=2", "pub=plant/7/temperature,1,21.5", "acks", "wait=0.5", "disconnect")


@scenario("noisy-wire")
def noisy_wire(lab):
    """On the way between client and broker a bit is flipped in every fourth TCP segment with payload (noisy-wire.py); the receiver drops it for
    its checksum, and TCP sends it again. Captured at the client: it shows what the broker sent as it arrived, damaged or not."""
    lab.inside("router", "sysctl", "-qw", "net.ipv4.ip_forward=0")
    for device in ("client", "broker"):
        lab.ip("router", "address", "flush", "dev", device)
    lab.ip("client", "route", "replace", BROKER, "dev", "eth0")
    lab.ip("broker", "route", "replace", "10.0.0.11", "dev", "eth0")
    lab.start_program("router", sys.executable, HERE / "noisy-wire.py", "client", "broker", "4",
                      shown="python noisy-wire.py client broker 4").wait_for("wired")
    lab.capture(at="client")
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "sub=plant/7/#,1", "pub=plant/7/a,1,1", "acks", "pub=plant/7/b,1,2", "acks",
             "pub=plant/7/c,1,3", "acks", "pub=plant/7/d,1,4", "acks", "wait=1", "disconnect")


@scenario("only-syn-and-fin")
def only_syn_and_fin(lab):
    """tcpdump captures SYN, FIN and RST segments only, as some do to count connections: a client connects, publishes and says goodbye; another
    connects to the port and closes again without a word."""
    lab.capture(only="tcp[tcpflags]&(tcp-syn|tcp-fin|tcp-rst)!=0")
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect")
    lab.raw("client2", {"wait": 300}, {"close": True}, {"read": "close"})
