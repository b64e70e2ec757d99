"""It goes wrong before there is a TCP connection: names that are not found, hosts that are not there; and what only looks like it."""
from lab import BROKER, network, scenario

ALL = "udp port 53 or tcp or arp or icmp"
RESOLVER = ("nameserver 10.0.0.1", "options timeout:1 attempts:2")


def publish(lab, host):
    lab.run("client", "mosquitto_pub", "-h", host, "-i", "meter-9", "-t", "meter/9/energy", "-m", "1")


@scenario("name-not-found")
def name_not_found(lab):
    """mosquitto_pub is given a broker's name with a typing error, three times; then Paho. The DNS server says that it does not exist."""
    lab.resolver("client", *RESOLVER)
    lab.dns({"mqtt.plant.example": BROKER})
    lab.capture(at="client", only=ALL)
    lab.mosquitto()
    for _ in range(3):
        publish(lab, "mqtt.plnt.example")
        lab.sleep(1)
    lab.paho("client", "sensor-17", "connect", host="mqtt.plnt.example")


@scenario("name-server-fails")
def name_server_fails(lab):
    """The DNS server answers SERVFAIL for the broker's name."""
    lab.resolver("client", *RESOLVER)
    lab.dns({"broker.plant.example": "servfail"})
    lab.capture(at="client", only=ALL)
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", host="broker.plant.example")


@scenario("name-server-silent")
def name_server_silent(lab):
    """A firewall discards the questions to the DNS server; the broker's name does not say that it is one. Nothing else is captured."""
    lab.resolver("client", *RESOLVER)
    lab.firewall("router", "-A", "INPUT", "-p", "udp", "--dport", "53", "-j", "DROP")
    lab.capture(at="client", only="udp port 53 or tcp")
    publish(lab, "plant7.example")
    publish(lab, "plant7.example")


@scenario("name-without-address")
def name_without_address(lab):
    """The broker's name exists, but has no address."""
    lab.resolver("client", *RESOLVER)
    lab.dns({"mqtt.plant.example": "empty"})
    lab.capture(at="client", only=ALL)
    lab.paho("client", "sensor-17", "connect", host="mqtt.plant.example")
    publish(lab, "mqtt.plant.example")


@scenario("name-wrong-address")
def name_wrong_address(lab):
    """The DNS server still has the broker's old address, 10.0.0.99; a firewall on the way there discards everything."""
    lab.resolver("client", *RESOLVER)
    lab.dns({"mqtt.plant.example": "10.0.0.99"})
    lab.ip("router", "route", "add", "10.0.0.99", "dev", "broker")
    lab.firewall("router", "-A", "FORWARD", "-d", "10.0.0.99", "-j", "DROP")
    lab.capture(at="client", only=ALL)
    lab.paho("client", "sensor-17", "connect", host="mqtt.plant.example", timeout=8)


@scenario("name-in-search-domain")
def name_in_search_domain(lab):
    """The name is first asked for with the search domain behind it, which does not exist, then as it is: found, and all is well."""
    lab.resolver("client", "search plant.example", *RESOLVER)
    lab.dns({"broker": BROKER})
    lab.capture(at="client", only=ALL)
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect", host="broker")


@scenario("name-unrelated")
def name_unrelated(lab):
    """A machine with a healthy session looks up names that do not exist, before, during and after it: none of them has to do with MQTT."""
    lab.resolver("client", *RESOLVER)
    lab.dns({"mqtt.plant.example": BROKER, "printer.plant.example": "servfail"})
    lab.capture(at="client", only=ALL)
    lab.mosquitto()
    client = lab.start_paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "wait=4", "disconnect",
                            host="mqtt.plant.example").wait_for("on_connect")
    for name in ("nas.plant.example", "wpad.plant.example", "printer.plant.example", "nas.plant.example"):
        lab.run("client", "getent", "ahosts", name)
        lab.sleep(0.5)
    client.wait()
    lab.run("client", "getent", "ahosts", "updates.plant.example")


@scenario("host-not-there")
def host_not_there(lab):
    """The broker's address is given wrong; it lies in the client's own network, where nobody has it. mosquitto_pub, then Paho, twice."""
    lab.ip("client", "route", "add", "10.0.0.50", "dev", "eth0")
    lab.capture(at="client", only=ALL)
    publish(lab, "10.0.0.50")
    for _ in range(2):
        lab.sleep(1)
        lab.paho("client", "sensor-17", "connect", host="10.0.0.50", timeout=8)


@scenario("host-not-there-ipv6")
@network(ipv6=True)
def host_not_there_ipv6(lab):
    """The same over IPv6: Neighbour Solicitation without an answer."""
    lab.sleep(3)
    lab.ip("client", "route", "add", "fd00::50", "dev", "eth0")
    lab.capture(at="client", only="icmp6 or tcp")
    publish(lab, "fd00::50")


@scenario("broker-host-gone")
def broker_host_gone(lab):
    """A healthy session with a broker in the client's own network; then its host is switched off, and the client finds it no more."""
    lab.ip("client", "route", "add", "10.0.0.60", "dev", "eth0")
    lab.ip("router", "address", "add", "10.0.0.60/32", "dev", "client")
    lab.capture(at="client", only=ALL)
    lab.mosquitto(host="router")
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect", host="10.0.0.60")
    lab.sleep(0.5)
    lab.ip("router", "address", "del", "10.0.0.60/32", "dev", "client")
    lab.ip("client", "neighbour", "flush", "all")
    lab.note("10.0.0.60 is off")
    lab.paho("client", "sensor-17", "connect", host="10.0.0.60", timeout=8)
    lab.paho("client", "sensor-17", "connect", host="10.0.0.60", timeout=8)


@scenario("host-there-later")
def host_there_later(lab):
    """The broker's host is not there at first; a few seconds later it is, and the client gets through."""
    lab.ip("client", "route", "add", "10.0.0.60", "dev", "eth0")
    lab.capture(at="client", only=ALL)
    lab.mosquitto(host="router")
    lab.paho("client", "sensor-17", "connect", host="10.0.0.60", timeout=8)
    lab.ip("router", "address", "add", "10.0.0.60/32", "dev", "client")
    lab.note("10.0.0.60 is there")
    lab.ip("client", "neighbour", "flush", "all")
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect", host="10.0.0.60")


@scenario("name-server-absent")
def name_server_absent(lab):
    """No DNS server runs at the address that the client has for one; its host says so with ICMP port unreachable."""
    lab.resolver("client", *RESOLVER)
    lab.capture(at="client", only=ALL)
    publish(lab, "mqtt.plant.example")


@scenario("router-finds-no-host")
def router_finds_no_host(lab):
    """The broker's address is given wrong and lies behind the router, which asks in vain who has it. Captured on the router, TCP and ARP only."""
    lab.ip("router", "route", "add", "10.0.0.99", "dev", "broker")
    lab.capture(at="router", interface="any", only="tcp or arp")
    lab.paho("client", "sensor-17", "connect", host="10.0.0.99", timeout=8)
