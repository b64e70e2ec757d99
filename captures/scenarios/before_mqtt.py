"""It goes wrong before the broker has said anything in MQTT."""
import sys

from lab import BROKER, scenario

ALL = "tcp or arp or icmp"
CONNECT = {"cmd": "connect", "protocolId": "MQTT", "protocolVersion": 4, "clean": True, "clientId": "sensor-17", "keepalive": 60}


@scenario("connection-refused")
def connection_refused(lab):
    """Nothing listens on port 1883 of the broker's host. Paho tries, then mosquitto_pub."""
    lab.capture(at="client", only=ALL)
    lab.paho("client", "sensor-17", "connect")
    lab.sleep(0.3)
    lab.run("client", "mosquitto_pub", "-h", BROKER, "-i", "meter-9", "-t", "meter/9/energy", "-m", "1")


@scenario("syn-dropped")
def syn_dropped(lab):
    """A firewall on the way discards what goes to port 1883 without a word. The client gives up after ten seconds."""
    lab.firewall("router", "-A", "FORWARD", "-p", "tcp", "--dport", "1883", "-j", "DROP")
    lab.capture(at="client")
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", timeout=10)


@scenario("rejected-by-firewall")
def rejected_by_firewall(lab):
    """First a healthy session: the broker's packets arrive with TTL 63. Then the firewall on the way answers for the broker with a reset:
    it has TTL 64, so it comes from one hop nearer. mosquitto runs all the time."""
    lab.capture(at="client", only=ALL)
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect")
    lab.sleep(0.5)
    lab.firewall("router", "-A", "FORWARD", "-p", "tcp", "--dport", "1883", "-j", "REJECT", "--reject-with", "tcp-reset")
    lab.paho("client", "sensor-17", "connect")


@scenario("icmp-reject")
def icmp_reject(lab):
    """The firewall on the way (10.0.0.1) answers with ICMP port unreachable."""
    lab.firewall("router", "-A", "FORWARD", "-p", "tcp", "--dport", "1883", "-j", "REJECT", "--reject-with", "icmp-port-unreachable")
    lab.capture(at="client", only=ALL)
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", timeout=8)


@scenario("icmp-net-unreachable")
def icmp_net_unreachable(lab):
    """The router has no way to the broker (its link there is down) and says so with ICMP network unreachable."""
    lab.capture(at="client", only=ALL)
    lab.note("router: ip link set broker down")
    lab.ip("router", "link", "set", "broker", "down")
    lab.paho("client", "sensor-17", "connect", timeout=8)


@scenario("open-no-connect")
def open_no_connect(lab):
    """The client opens a TCP connection to mosquitto, sends nothing and closes after two seconds."""
    lab.capture()
    lab.mosquitto()
    lab.raw("client", {"wait": 2000}, {"close": True}, {"read": "close"})


@scenario("open-no-connect-server-closes")
def open_no_connect_server_closes(lab):
    """The client opens a TCP connection and sends nothing; the scripted broker closes after three seconds."""
    lab.capture()
    lab.scripted({"open": [{"wait": 3000}, {"close": True}]})
    lab.raw("client", {"read": "close"}, {"close": True})


@scenario("connect-unanswered")
def connect_unanswered(lab):
    """The broker's machine accepts the connection and acknowledges CONNECT in TCP, but no program answers; the client gives up
    after seven seconds."""
    lab.capture()
    lab.scripted({"connect": [{"deaf": True}]})
    lab.raw("client", {"send": CONNECT}, {"wait": 7000}, {"close": True})


@scenario("connect-closed")
def connect_closed(lab):
    """The scripted broker closes (FIN) right after CONNECT without an answer."""
    lab.capture()
    lab.scripted({"connect": [{"close": True}]})
    lab.paho("client", "sensor-17", "connect", "ended=3")


@scenario("connect-reset")
def connect_reset(lab):
    """The scripted broker resets (RST) right after CONNECT without an answer."""
    lab.capture()
    lab.scripted({"connect": [{"reset": True}]})
    lab.paho("client", "sensor-17", "connect", "ended=3")


@scenario("connect-malformed")
def connect_malformed(lab):
    """A CONNECT whose flags announce a password but no user name, which MQTT 3.1.1 forbids, reaches mosquitto."""
    client_id, password = b"gateway-2".hex(), b"secret".hex()
    lab.capture()
    lab.mosquitto()
    lab.raw("client", {"hex": f"101d00044d5154540442003c0009{client_id}0006{password}"}, {"read": "close"}, {"close": True})


@scenario("connect-wrong-flags")
def connect_wrong_flags(lab):
    """A CONNECT whose fixed header has a reserved flag set (0x11) reaches mosquitto."""
    lab.capture()
    lab.mosquitto()
    lab.raw("client", {"hex": f"111500044d5154540402003c0009{b'gateway-2'.hex()}"}, {"read": "close"}, {"close": True})


@scenario("http-answer")
def http_answer(lab):
    """A web server (Node's http) listens on port 1883; a Paho client connects to it."""
    program = "require('http').createServer((_, answer) => answer.end()).listen(1883, '0.0.0.0', () => console.log('listening'))"
    lab.capture()
    lab.start_program("broker", "node", "-e", program).wait_for("listening")
    lab.paho("client", "sensor-17", "connect", "ended=5")


@scenario("http-answer-late")
def http_answer_late(lab):
    """Another web server (python3 -m http.server) waits for a line end that MQTT never sends. Only when the client gives up after 20 seconds
    does it answer: in HTTP 0.9, a bare HTML page that does not begin with HTTP/."""
    lab.capture()
    lab.start_program("broker", sys.executable, "-u", "-m", "http.server", "1883",
                      shown="python3 -u -m http.server 1883").wait_for("Serving HTTP")
    lab.paho("client", "sensor-17", "connect", "ended=5")


@scenario("connect-empty")
def connect_empty(lab):
    """A CONNECT without anything in it (the bytes 10 00) reaches mosquitto."""
    lab.capture()
    lab.mosquitto()
    lab.raw("client", {"hex": "1000"}, {"read": "close"}, {"close": True})


@scenario("aedes-mqtt5-refused")
def aedes_mqtt5_refused(lab):
    """The broker is Aedes, which does not speak MQTT 5: it answers as in MQTT 3.1.1."""
    lab.capture()
    lab.aedes()
    lab.paho("client", "sensor-17", "connect", "ended=3", version="5")


@scenario("syn-ack-lost")
def syn_ack_lost(lab):
    """A firewall at the client discards what comes from port 1883: the broker's machine answers every SYN, and the client never sees it. Then the rule is
    removed, and the client connects."""
    lab.firewall("client", "-A", "INPUT", "-p", "tcp", "--sport", "1883", "-j", "DROP")
    lab.capture()
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", timeout=6)
    lab.sleep(10)
    lab.firewall("client", "-D", "INPUT", "-p", "tcp", "--sport", "1883", "-j", "DROP")
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect")


@scenario("capture-too-short")
def capture_too_short(lab):
    """The broker takes three seconds to answer CONNECT, and the capture ends after half a second."""
    lab.capture()
    lab.scripted({"connect": [{"wait": 3000}, {"ordinary": True}]})
    client = lab.start_paho("client", "sensor-17", "connect", "wait=1", "disconnect")
    lab.sleep(0.5)
    lab.end_capture()
    client.wait()
