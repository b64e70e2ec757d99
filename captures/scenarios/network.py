"""What the network and the place of the capture do to a session."""
import signal
import sys

from lab import BROKER, HERE, network, scenario


@scenario("lossy-link")
def lossy_link(lab):
    """The router loses about ten percent of the packets in both directions; 40 messages with QoS 1 and 10 with QoS 2 get through nevertheless,
    thanks to TCP. The capture is taken at the client, so the retransmissions show."""
    lab.capture(at="client")
    lab.mosquitto()
    lab.firewall("router", "-A", "FORWARD", "-m", "statistic", "--mode", "random", "--probability", "0.1", "-j", "DROP")
    lab.paho("client", "gateway-2", "connect", "many=plant/7/temperature,1,40,0.03", "many=plant/7/alarm,2,10,0.03", "acks", "disconnect",
             timeout=20)
    lab.sleep(2)


def mid_session(lab, version):
    lab.mosquitto()
    client = lab.start_paho("client", "sensor-17", "connect", "sub=plant/7/set,1", "acks", "wait=2", "pub=plant/7/temperature,1,21.5",
                            "pub=plant/7/temperature,0,21.6", "pub=plant/7/temperature,2,21.7", "sub=plant/7/mode,1", "acks", "wait=4",
                            "disconnect", keepalive=3, version=version).wait_for("on_subscribe")
    lab.note("the client is connected and has subscribed; only now the capture begins")
    lab.capture()
    client.wait()


@scenario("picked-up-mid-session")
def picked_up_mid_session(lab):
    """The capture begins when a 3.1.1 client is already connected and has subscribed; then it publishes, subscribes, pings and says goodbye."""
    mid_session(lab, "3.1.1")


@scenario("picked-up-mid-session-v5")
def picked_up_mid_session_v5(lab):
    """The same with MQTT 5."""
    mid_session(lab, "5")


@scenario("picked-up-no-end")
def picked_up_no_end(lab):
    """The capture begins and ends inside a session; only a publish and a ping are seen."""
    lab.mosquitto()
    client = lab.start_paho("client", "sensor-17", "connect", "wait=1.5", "pub=plant/7/temperature,1,21.5", "wait=60", keepalive=3)
    client.wait_for("on_connect")
    lab.note("the client is connected; only now the capture begins")
    lab.capture()
    lab.sleep(6)
    lab.end_capture()
    lab.note("the client is still connected now")


def connect(client_id):
    return {"send": {"cmd": "connect", "protocolId": "MQTT", "protocolVersion": 4, "clean": True, "clientId": client_id, "keepalive": 60}}


def publish(payload):
    return {"send": {"cmd": "publish", "topic": "plant/7/text", "payload": payload, "qos": 1, "messageId": 2, "dup": False, "retain": False}}


BYE = {"send": {"cmd": "disconnect"}}


@scenario("byte-at-a-time")
def byte_at_a_time(lab):
    """A client writes CONNECT and a PUBLISH of 147 bytes one byte per segment; the cut falls inside the two-byte Remaining Length too."""
    lab.capture()
    lab.mosquitto()
    lab.raw("client", {"drip": [connect("slow-modem")], "every": 8}, {"read": "connack"},
            {"drip": [publish("0123456789" * 13)], "every": 8}, {"read": "puback"}, BYE, {"close": True}, {"read": "close"})


@scenario("split-remaining-length")
def split_remaining_length(lab):
    """A client sends six PUBLISH of 200 bytes (Remaining Length c5 01) in three segments; the first two segments end between the two bytes
    of a Remaining Length, that of the third and of the fifth PUBLISH."""
    lab.capture()
    lab.mosquitto()
    report = {"cmd": "publish", "topic": "plant/7/report", "payload": "r" * 179, "qos": 1, "dup": False, "retain": False}
    publishes = [{"send": {**report, "messageId": number}} for number in range(1, 7)]
    length = 2 + 1 + 2 + len(report["topic"]) + 2 + len(report["payload"])
    lab.raw("client", connect("meter-6"), {"read": "connack"}, {"pieces": publishes, "cut": [2 * length + 2, 4 * length + 2], "every": 100},
            {"wait": 200}, BYE, {"close": True}, {"read": "close"})


@scenario("pipelined")
def pipelined(lab):
    """A client sends CONNECT, SUBSCRIBE and PUBLISH in one segment without waiting for the answers, and gets its own message back."""
    subscribe = {"send": {"cmd": "subscribe", "messageId": 1, "subscriptions": [{"topic": "plant/#", "qos": 0}]}}
    lab.capture()
    lab.mosquitto()
    lab.raw("client", {"together": [connect("hasty-4"), subscribe, publish("21.5")]}, {"read": "puback"}, {"wait": 300}, BYE, {"close": True},
            {"read": "close"})


@scenario("ipv6")
@network(ipv6=True)
def ipv6(lab):
    """A healthy session over IPv6."""
    lab.sleep(3)  # until the links' own addresses have been checked for duplicates
    lab.capture(only="tcp or icmp6")
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "sub=plant/7/set,1", "pub=plant/7/temperature,1,21.5", "acks", "disconnect", host="fd00::2")


@scenario("vlan")
def vlan(lab):
    """A healthy session between two switches, captured on the trunk that carries VLAN 7 (802.1Q tags, put on by a small program)."""
    lab.note("router: instead of routing, two switches joined by a trunk (trunk1 - trunk2) carry VLAN 7 between client and broker")
    lab.inside("router", "sysctl", "-qw", "net.ipv4.ip_forward=0")
    lab.ip("router", "link", "add", "trunk1", "type", "veth", "peer", "name", "trunk2")
    for device in ("client", "broker"):
        lab.ip("router", "address", "flush", "dev", device)
    for device in ("trunk1", "trunk2"):
        lab.inside("router", "ethtool", "-K", device, *"rx off tx off tso off gso off gro off".split())
        lab.ip("router", "link", "set", device, "up")
    lab.ip("client", "route", "replace", BROKER, "dev", "eth0")
    lab.ip("broker", "route", "replace", "10.0.0.11", "dev", "eth0")
    for access, trunk in (("client", "trunk1"), ("broker", "trunk2")):
        lab.start_program("router", sys.executable, HERE / "vlan-switch.py", access, trunk, "7",
                          shown=f"python vlan-switch.py {access} {trunk} 7").wait_for("switching")
    lab.capture(at="router", interface="trunk1", only="vlan and (tcp or arp)")
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "sub=plant/7/set,1", "pub=plant/7/temperature,1,21.5", "acks", "disconnect")


@scenario("any-interface")
def any_interface(lab):
    """tcpdump -i any on the broker's machine: a client on the same machine (over the loopback interface) and one from outside."""
    lab.capture(interface="any", only="tcp port 1883")
    lab.mosquitto()
    lab.paho("broker", "rules-engine", "connect", "sub=plant/#,1", "pub=plant/state,1,on", "acks", "wait=0.3", "disconnect", host="127.0.0.1")
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect")


@scenario("any-interface-on-router")
def any_interface_on_router(lab):
    """tcpdump -i any on a router: each packet is captured twice, once coming in and once going out (with a TTL lower by one)."""
    lab.capture(at="router", interface="any", only="tcp port 1883")
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "sub=plant/7/set,1", "pub=plant/7/temperature,1,21.5", "acks", "disconnect")


@scenario("port-forwarding")
def port_forwarding(lab):
    """tcpdump -i any on a router that forwards its port 1883 to the broker (DNAT), and hides the address of one of two clients from it
    (MASQUERADE): each connection is captured on both sides of the translation, under two addresses. One client says goodbye, mosquitto is
    killed under the other, and both come back in vain."""
    lab.firewall("router", *"-t nat -A PREROUTING -d 10.0.0.1 -p tcp --dport 1883 -j DNAT --to-destination 10.0.0.2:1883".split())
    lab.firewall("router", *"-t nat -A POSTROUTING -s 10.0.0.12 -d 10.0.0.2 -j MASQUERADE".split())
    lab.capture(at="router", interface="any", only="tcp port 1883")
    broker = lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect", host="10.0.0.1")
    client = lab.start_paho("client2", "gateway-2", "connect", "wait=2", host="10.0.0.1").wait_for("on_connect")
    lab.sleep(0.5)
    broker.kill()
    client.wait()
    for host, name in (("client", "sensor-17"), ("client2", "gateway-2")):
        lab.paho(host, name, "connect", host="10.0.0.1")


@scenario("short-snaplen")
def short_snaplen(lab):
    """tcpdump -s 96 keeps the first 96 bytes of each frame only: the ends of the larger packets are cut off."""
    lab.capture(snaplen=96)
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/report,1," + "all is well; " * 12, "pub=plant/7/temperature,1,21.5", "acks",
             "disconnect", user="plant", password="secret")


@scenario("short-snaplen-reason")
def short_snaplen_reason(lab):
    """tcpdump -s 96 keeps thirty bytes of each packet; the scripted broker ends an MQTT 5 session with 0x98 and a long Reason String."""
    lab.capture(snaplen=96)
    farewell = {"cmd": "disconnect", "reasonCode": 0x98, "properties": {"reasonString": "maintenance window until six o'clock"}}
    lab.scripted({"connect": [{"ordinary": True}, {"wait": 1500}, {"send": farewell}, {"close": True}]})
    lab.paho("client", "sensor-17", "connect", "ended=5", version="5")


@scenario("one-way")
def one_way(lab):
    """Only the direction from the client to the broker is captured."""
    lab.capture(only="tcp dst port 1883")
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "sub=plant/7/set,1", "pub=plant/7/temperature,1,21.5", "acks", "disconnect")


@scenario("stalled-receiver")
def stalled_receiver(lab):
    """A subscriber freezes (SIGSTOP) with a small receive buffer while large messages are sent to it: its TCP window closes. It wakes up
    again after five seconds, receives all, and says goodbye."""
    lab.inside("client", "sysctl", "-qw", "net.ipv4.tcp_rmem=4096 4096 4096")
    lab.note("client: sysctl net.ipv4.tcp_rmem='4096 4096 4096'")
    lab.capture(only="tcp and host 10.0.0.11")
    lab.mosquitto()
    display = lab.start_paho("client", "display-9", "connect", "sub=yard/camera/picture,0", "messages=4", "wait=0.3", "disconnect")
    display.wait_for("on_subscribe")
    display.signal(signal.SIGSTOP)
    lab.paho("client2", "camera-4", "connect", *["bytes=yard/camera/picture,0,4000"] * 4, "wait=0.5", "disconnect")
    lab.sleep(5)
    display.signal(signal.SIGCONT)
    display.wait()


@scenario("one-direction-lost")
def one_direction_lost(lab):
    """While a client with Keep Alive 4 is connected, a firewall on the way begins to discard what the client sends; what the broker sends still
    arrives. Captured at the client: PINGREQ is repeated in vain, then the broker closes because it hears nothing."""
    lab.capture(at="client")
    lab.mosquitto()
    client = lab.start_paho("client", "sensor-17", "connect", "sub=plant/7/set,0", "acks", "wait=15", keepalive=4).wait_for("on_subscribe")
    lab.sleep(1)
    lab.firewall("router", "-A", "FORWARD", "-s", "10.0.0.11", "-j", "DROP")
    lab.sleep(12)
    client.kill()


@scenario("unreachable-mid-session")
def unreachable_mid_session(lab):
    """While a client with Keep Alive 3 is connected, the router begins to answer its packets with ICMP host unreachable."""
    lab.capture(at="client", only="tcp or icmp")
    lab.mosquitto()
    client = lab.start_paho("client", "sensor-17", "connect", "sub=plant/7/set,0", "acks", "wait=12", keepalive=3).wait_for("on_subscribe")
    lab.sleep(0.5)
    lab.firewall("router", "-A", "FORWARD", "-s", "10.0.0.11", "-j", "REJECT", "--reject-with", "icmp-host-unreachable")
    lab.sleep(9)
    client.kill()


@scenario("one-way-server")
def one_way_server(lab):
    """Only the broker's direction is captured: mosquitto refuses a client without user name. How it began and what it asked is not seen."""
    lab.capture(only="tcp and src port 1883")
    lab.mosquitto("allow_anonymous false")
    lab.paho("client", "sensor-17", "connect", "ended=3")


@scenario("broker-host-restarted")
def broker_host_restarted(lab):
    """While the network is down, mosquitto is killed and its host forgets the connection, as at a restart. mosquitto runs again when the client
    publishes: the host answers with the reset of a connection that it does not know."""
    lab.capture(at="client")
    broker = lab.mosquitto()
    client = lab.start_paho("client", "sensor-17", "connect", "wait=4", "pub=plant/7/temperature,1,21.5", "ended=5").wait_for("on_connect")
    lab.sleep(0.5)
    lab.firewall("router", "-A", "FORWARD", "-j", "DROP")
    broker.kill()
    lab.inside("broker", "ss", "--kill", "dst", "10.0.0.11")
    lab.note("broker: ss --kill: its side of the connection is gone")
    lab.sleep(0.5)
    lab.mosquitto()
    lab.firewall("router", "-F", "FORWARD")
    client.wait()
