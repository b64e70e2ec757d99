"""Messages and the sessions they belong to: sent again, delivered twice, held back, withheld; and what many sessions show together."""
import signal

from lab import network, scenario


@scenario("resent-on-next-connection")
def resent_on_next_connection(lab):
    """The scripted broker does not acknowledge a PUBLISH of QoS 1 and closes 1.5 seconds later. Paho (Clean Session 0) reconnects, the session
    goes on (Session Present 1), and it sends the message again with DUP; now it is acknowledged."""
    lab.capture()
    lab.scripted({"publish": [{"wait": 1500}, {"close": True}]},
                 {"connect": [{"send": {"cmd": "connack", "returnCode": 0, "sessionPresent": True}}]})
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "wait=4", "disconnect", resume=True, reconnect=True)


@scenario("forgotten-on-next-connection")
def forgotten_on_next_connection(lab):
    """A raw client publishes two messages of QoS 1 that the scripted broker does not acknowledge, and goes without a goodbye. It comes back,
    the broker still has its session (Session Present 1), and it sends the first of them again, with DUP, and not the second."""
    lab.capture()
    lab.scripted({"publish": []}, {"connect": [{"send": {"cmd": "connack", "returnCode": 0, "sessionPresent": True}}]})
    connect = {"cmd": "connect", "protocolId": "MQTT", "protocolVersion": 4, "clean": False, "clientId": "sensor-17", "keepalive": 60}
    first = {"cmd": "publish", "topic": "plant/7/temperature", "qos": 1, "messageId": 1, "payload": "21.5"}
    second = {**first, "messageId": 2, "payload": "22"}
    lab.raw("client", {"send": connect}, {"read": "connack"}, {"send": first}, {"send": second}, {"wait": 1000}, {"close": True})
    lab.sleep(1)
    lab.raw("client", {"send": connect}, {"read": "connack"}, {"send": {**first, "dup": True}}, {"read": "puback"}, {"wait": 6000},
            {"send": {"cmd": "disconnect"}}, {"close": True})


@scenario("overlapping-subscriptions")
def overlapping_subscriptions(lab):
    """A 3.1.1 client subscribes to plant/# and plant/+/temperature at mosquitto; another publishes two messages that both filters match:
    mosquitto delivers each of them once."""
    lab.capture()
    lab.mosquitto()
    display = lab.start_paho("client", "display-9", "connect", "sub=plant/#,1;plant/+/temperature,1", "wait=2.5", "disconnect")
    display.wait_for("on_subscribe")
    lab.paho("client2", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "wait=0.5", "pub=plant/7/temperature,1,22", "acks",
             "disconnect")
    display.wait()


@scenario("delivered-for-each-filter")
def delivered_for_each_filter(lab):
    """A client subscribes to plant/# and plant/+/temperature; the scripted broker delivers a message once for each of the two, at once."""
    lab.capture()
    message = {"cmd": "publish", "topic": "plant/7/temperature", "qos": 1, "messageId": 5, "payload": "21.5"}
    lab.scripted({"subscribe": [{"ordinary": True}, {"send": message}, {"send": {**message, "messageId": 6}}]})
    lab.paho("client", "display-9", "connect", "sub=plant/#,1;plant/+/temperature,1", "messages=2", "wait=0.3", "disconnect")


@scenario("delivered-twice")
def delivered_twice(lab):
    """The scripted broker sends a message of QoS 1, gets its PUBACK, and sends it again with DUP half a second later."""
    lab.capture()
    message = {"cmd": "publish", "topic": "plant/7/set", "qos": 1, "messageId": 5, "payload": "open"}
    lab.scripted({"subscribe": [{"ordinary": True}, {"send": message}, {"wait": 500}, {"send": {**message, "dup": True}}]})
    lab.paho("client", "valve-3", "connect", "sub=plant/7/set,1", "messages=2", "wait=0.5", "disconnect")


@scenario("retained-flood")
def retained_flood(lab):
    """150 topics have a retained message at mosquitto; a client subscribes to everything."""
    lab.capture()
    lab.mosquitto()
    messages = [{"send": {"cmd": "publish", "topic": f"plant/{number}/state", "qos": 0, "retain": True, "payload": "on"}} for number in range(150)]
    connect = {"cmd": "connect", "protocolId": "MQTT", "protocolVersion": 4, "clean": True, "clientId": "setup", "keepalive": 60}
    lab.raw("client2", {"send": connect}, {"read": "connack"}, {"together": messages}, {"wait": 300}, {"send": {"cmd": "disconnect"}},
            {"close": True})
    lab.paho("client", "display-9", "connect", "sub=#,0", "messages=150", "disconnect")


@scenario("receive-maximum-full")
def receive_maximum_full(lab):
    """The scripted broker announces Receive Maximum 2 and acknowledges messages of QoS 1 three seconds late; a raw MQTT 5 client has two on
    the way, waits for an acknowledgment, and only then sends the third."""
    lab.capture()
    connack = {"cmd": "connack", "reasonCode": 0, "returnCode": 0, "sessionPresent": False, "properties": {"receiveMaximum": 2}}
    lab.scripted({"connect": [{"send": connack}], "publish": [{"wait": 3000}, {"ordinary": True}]})
    publish = [{"send": {"cmd": "publish", "topic": "plant/7/temperature", "qos": 1, "messageId": number, "payload": "21.5"}} for number in (1, 2, 3)]
    connect = {"cmd": "connect", "protocolId": "MQTT", "protocolVersion": 5, "clean": True, "clientId": "sensor-17", "keepalive": 60}
    lab.raw("client", {"send": connect}, {"read": "connack"}, publish[0], publish[1], {"read": "puback"}, publish[2], {"read": "puback"},
            {"read": "puback"}, {"send": {"cmd": "disconnect", "reasonCode": 0}}, {"close": True})


@scenario("read-withheld")
def read_withheld(lab):
    """mosquitto's acl_file lets everybody write to office/# and nobody read it. A client subscribes to plant/# and office/#, which mosquitto
    grants; another publishes to both with QoS 1. Only the message below plant/ is passed on."""
    lab.capture()
    lab.file("acl", "topic readwrite plant/#\ntopic write office/#\n")
    lab.mosquitto("acl_file acl")
    display = lab.start_paho("client", "display-9", "connect", "sub=plant/#,1;office/#,1", "wait=9", "disconnect").wait_for("on_subscribe")
    lab.sleep(0.5)
    lab.paho("client2", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "pub=office/light,1,on", "acks", "disconnect")
    display.wait()


@scenario("everyone-refused")
def everyone_refused(lab):
    """After an update mosquitto no longer allows anonymous clients: three clients, which send no user name, are refused, one of them twice."""
    lab.capture()
    lab.mosquitto("allow_anonymous false")
    for host, client in (("client", "sensor-17"), ("client2", "sensor-18"), ("client3", "display-9"), ("client", "sensor-17")):
        lab.paho(host, client, "connect", "wait=0.2")


@scenario("broker-away-for-all")
def broker_away_for_all(lab):
    """Twelve subscribers (mosquitto_sub on three machines) are connected when mosquitto is killed (SIGKILL); it comes back some seconds later,
    and all of them come back at the same moment."""
    lab.capture()
    broker = lab.mosquitto()
    clients = []
    for number in range(12):
        host = ("client", "client2", "client3")[number % 3]
        clients.append(lab.start_program(host, "mosquitto_sub", "-h", "10.0.0.2", "-i", f"display-{number}", "-t", "plant/#", "-q", "1"))
    lab.sleep(1.5)
    broker.signal(signal.SIGKILL)
    lab.sleep(2.6)
    lab.mosquitto()
    lab.sleep(3)
    for client in clients:
        client.signal(signal.SIGINT)
    lab.sleep(0.5)


@scenario("nobody-reaches-broker")
def nobody_reaches_broker(lab):
    """No broker runs: three machines try to connect to its port and are refused by its host, one after another; then mosquitto is started
    and the first of them gets through."""
    lab.capture()
    for host, client in (("client", "sensor-17"), ("client2", "sensor-18"), ("client3", "display-9")):
        lab.paho(host, client, "connect")
    lab.mosquitto()
    lab.paho("client", "sensor-17", "connect", "wait=0.2", "disconnect")


@scenario("client-moves")
def client_moves(lab):
    """A client with one client id connects from one machine, then from another, then from the first again, each time with a goodbye."""
    lab.capture()
    lab.mosquitto()
    for host in ("client", "client2", "client"):
        lab.paho(host, "tracker-4", "connect", "pub=fleet/4/position,1,here", "acks", "disconnect")


@scenario("idle-forgotten")
@network()
def idle_forgotten(lab):
    """A client with Keep Alive 600 is silent for 65 seconds; then the router no longer knows the connection and answers the client's next
    message with a reset in the broker's name."""
    lab.capture(at="client")
    lab.mosquitto()
    client = lab.start_paho("client", "sensor-17", "connect", "wait=66", "pub=plant/7/temperature,1,21.5", "ended=5", keepalive=600)
    client.wait_for("on_connect")
    lab.sleep(63)
    lab.firewall("router", "-I", "FORWARD", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
    client.wait()
