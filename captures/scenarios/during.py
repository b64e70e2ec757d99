"""The session was accepted; then something ends or disturbs it."""
import json
import pathlib
import signal

from lab import BROKER, scenario

WILL = "plant/7/state,1,sensor 7 is gone"


def connect(client_id="sensor-17", version=4, **more):
    return {"cmd": "connect", "protocolId": "MQTT", "protocolVersion": version, "clean": True, "clientId": client_id, "keepalive": 60, **more}


# Permission


def role_broker(lab):
    """mosquitto with its dynamic security plugin: anonymous clients may do everything below plant/ and subscribe to nothing else."""
    allow = [{"acltype": kind, "topic": "plant/#", "allow": True} for kind in ("subscribePattern", "publishClientSend", "publishClientReceive")]
    lab.file("dynamic-security.json", json.dumps({
        "defaultACLAccess": {"publishClientSend": False, "publishClientReceive": True, "subscribe": False, "unsubscribe": True},
        "clients": [], "groups": [{"groupname": "guests", "roles": [{"rolename": "plant"}], "clients": []}],
        "roles": [{"rolename": "plant", "acls": allow}], "anonymousGroup": "guests"}, indent=1))
    plugin = next(pathlib.Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"))
    lab.mosquitto(f"plugin {plugin}", "plugin_opt_config_file dynamic-security.json",
                  "allow_anonymous true")


@scenario("subscription-denied-v311")
def subscription_denied_v311(lab):
    """A 3.1.1 client subscribes to two filters in one SUBSCRIBE; mosquitto grants the first and denies the second (0x80)."""
    lab.capture()
    role_broker(lab)
    lab.paho("client", "dashboard-1", "connect", "sub=plant/+/temperature,1;office/#,1", "acks", "wait=0.5", "disconnect")


@scenario("subscription-denied-v5")
def subscription_denied_v5(lab):
    """An MQTT 5 client subscribes to two filters in one SUBSCRIBE; mosquitto grants the first and denies the second (0x87)."""
    lab.capture()
    role_broker(lab)
    lab.paho("client", "dashboard-1", "connect", "sub=plant/+/temperature,1;office/#,1", "acks", "wait=0.5", "disconnect", version="5")


def acl_broker(lab):
    lab.file("acl", "topic readwrite plant/#\n")
    lab.mosquitto("acl_file acl")


@scenario("publish-denied-v5")
def publish_denied_v5(lab):
    """mosquitto's acl_file allows plant/# only; an MQTT 5 client publishes to office/light with QoS 1 and 2 and is denied (PUBACK and PUBREC
    0x87), then to plant/7/temperature, where nobody listens (PUBACK 0x10). All goes on; the client says goodbye."""
    lab.capture()
    acl_broker(lab)
    lab.paho("client", "switch-2", "connect", "pub=office/light,1,on", "pub=office/light,2,on", "pub=plant/7/temperature,1,21.5", "acks",
             "disconnect", version="5")


@scenario("publish-denied-v311")
def publish_denied_v311(lab):
    """The same with MQTT 3.1.1: mosquitto acknowledges the forbidden publish as if all were well and drops it. Nothing on the wire tells."""
    lab.capture()
    acl_broker(lab)
    lab.paho("client", "switch-2", "connect", "pub=office/light,1,on", "acks", "disconnect")


# The same client id twice


def takeover(lab, version):
    lab.capture()
    lab.mosquitto()
    first = lab.start_paho("client", "sensor-17", "connect", "sub=plant/7/set,1", "ended=20", version=version).wait_for("on_subscribe")
    lab.sleep(1)
    lab.paho("client2", "sensor-17", "connect", "wait=1.5", "disconnect", version=version)
    first.wait()


@scenario("takeover-v311")
def takeover_v311(lab):
    """Two machines use the same client id with MQTT 3.1.1: the second pushes the first one out. It just sees the connection close."""
    takeover(lab, "3.1.1")


@scenario("takeover-v5")
def takeover_v5(lab):
    """Two machines use the same client id with MQTT 5. mosquitto 2.0.11 closes the first connection without a DISCONNECT."""
    takeover(lab, "5")


@scenario("takeover-fight")
def takeover_fight(lab):
    """Two machines use the same client id and both reconnect by themselves: they push each other out again and again. The capture is
    stopped while the fight goes on."""
    lab.capture()
    lab.mosquitto()
    lab.start_paho("client", "ESP8266Client", "connect", "wait=60", reconnect=True).wait_for("on_connect")
    lab.sleep(0.6)
    lab.start_paho("client2", "ESP8266Client", "connect", "wait=60", reconnect=True).wait_for("on_connect")
    lab.sleep(6)
    lab.end_capture()


@scenario("takeover-fight-fast")
def takeover_fight_fast(lab):
    """Two machines use the same client id and come back 25 ms after they were thrown out: about 40 connections in a second."""
    lab.capture()
    lab.mosquitto()
    lab.start_fighter("client", "ESP8266Client", 13).wait_for("connection 1: 20")
    lab.sleep(0.025)
    lab.start_fighter("client2", "ESP8266Client", 13).wait_for("connection 13: 20")
    lab.sleep(3)
    lab.end_capture()


@scenario("takeover-reason")
def takeover_reason(lab):
    """Two MQTT 5 clients with the same id; the scripted broker tells the first one why (DISCONNECT 0x8E), as newer brokers do."""
    lab.capture()
    lab.scripted({"connect": [{"ordinary": True}, {"wait": 1500}, {"send": {"cmd": "disconnect", "reasonCode": 0x8E}}, {"close": True}]}, {})
    first = lab.start_paho("client", "sensor-17", "connect", "ended=20", version="5").wait_for("on_connect")
    lab.sleep(1.2)
    lab.paho("client2", "sensor-17", "connect", "wait=1.5", "disconnect", version="5")
    first.wait()


# Keep Alive


@scenario("keepalive-timeout")
def keepalive_timeout(lab):
    """A client with Keep Alive 2 freezes (SIGSTOP); mosquitto closes some seconds later. After that the client wakes up again."""
    lab.capture()
    broker = lab.mosquitto()
    client = lab.start_paho("client", "sensor-17", "connect", "wait=2.5", "ended=30", keepalive=2).wait_for("on_connect")
    lab.sleep(2.5)
    client.signal(signal.SIGSTOP)
    broker.wait_for("has exceeded timeout", 20)
    lab.sleep(1)
    client.signal(signal.SIGCONT)
    client.wait()


@scenario("keepalive-timeout-reason")
def keepalive_timeout_reason(lab):
    """A client with Keep Alive 2 freezes (SIGSTOP) right after the connect; the scripted broker waits 3.2 seconds and says DISCONNECT 0x8D."""
    lab.capture()
    lab.scripted({"connect": [{"ordinary": True}, {"wait": 3200}, {"send": {"cmd": "disconnect", "reasonCode": 0x8D}}, {"close": True}]})
    client = lab.start_paho("client", "sensor-17", "connect", "ended=30", keepalive=2, version="5").wait_for("on_connect")
    client.signal(signal.SIGSTOP)
    lab.sleep(4)
    client.signal(signal.SIGCONT)
    client.wait()


@scenario("ping-unanswered")
def ping_unanswered(lab):
    """The scripted broker never answers PINGREQ; Paho (Keep Alive 3) closes the connection itself."""
    lab.capture()
    lab.scripted({"pingreq": []})
    lab.paho("client", "sensor-17", "connect", "ended=20", keepalive=3)


# The broker goes


def clients_lose_broker(lab, end, count):
    names = {"client": "sensor-17", "client2": "dashboard-1", "client3": "gateway-2"}
    lab.capture()
    broker = lab.mosquitto()
    clients = [lab.start_paho(host, client_id, "connect", f"sub={client_id}/set,1", "ended=20").wait_for("on_subscribe")
               for host, client_id in list(names.items())[:count]]
    lab.sleep(1.5)
    end(broker)
    for client in clients:
        client.wait()


@scenario("broker-killed")
def broker_killed(lab):
    """mosquitto is killed (SIGKILL) while one client idles."""
    clients_lose_broker(lab, lambda broker: broker.kill(), 1)


@scenario("broker-killed-many")
def broker_killed_many(lab):
    """mosquitto is killed (SIGKILL) while three clients idle."""
    clients_lose_broker(lab, lambda broker: broker.kill(), 3)


@scenario("broker-stopped")
def broker_stopped(lab):
    """mosquitto is stopped properly (SIGTERM) while three clients idle."""
    clients_lose_broker(lab, lambda broker: broker.signal(signal.SIGTERM), 3)


@scenario("broker-away")
def broker_away(lab):
    """mosquitto is killed and comes back after eight seconds; the client (Paho) tries to reconnect by itself until it succeeds, then says
    goodbye."""
    lab.capture()
    broker = lab.mosquitto()
    client = lab.start_paho("client", "sensor-17", "connect", "wait=18", "disconnect", reconnect=True).wait_for("on_connect")
    lab.sleep(1)
    broker.kill()
    lab.sleep(8)
    lab.mosquitto()
    client.wait()


@scenario("server-shutdown-reason")
def server_shutdown_reason(lab):
    """The scripted broker tells two MQTT 5 clients that it is shutting down (DISCONNECT 0x8B) and closes."""
    rules = [{"ordinary": True}, {"wait": 2000}, {"send": {"cmd": "disconnect", "reasonCode": 0x8B}}, {"close": True}]
    lab.capture()
    lab.scripted({"connect": rules})
    clients = [lab.start_paho(host, client_id, "connect", "ended=20", version="5").wait_for("on_connect")
               for host, client_id in (("client", "sensor-17"), ("client2", "dashboard-1"))]
    for client in clients:
        client.wait()


# The client goes


def watched_client(lab, *steps, version="3.1.1", keepalive=60):
    """A subscriber that waits for the will, and the client that has one."""
    watcher = lab.start_paho("client2", "dashboard-1", "connect", "sub=plant/+/state,1", "messages=1", "wait=0.3", "disconnect")
    watcher.wait_for("on_subscribe")
    client = lab.start_paho("client", "sensor-7", "connect", *steps, will=WILL, version=version, keepalive=keepalive).wait_for("on_connect")
    return watcher, client


@scenario("client-killed")
def client_killed(lab):
    """A client with a will is killed (SIGKILL): its system closes the connection without a DISCONNECT. mosquitto publishes the will; a
    subscriber receives it and says goodbye."""
    lab.capture()
    lab.mosquitto()
    watcher, client = watched_client(lab, "wait=60")
    lab.sleep(1)
    client.kill()
    watcher.wait()


@scenario("client-reset")
def client_reset(lab):
    """A client with a will drops its connection with a reset (SO_LINGER 0). mosquitto publishes the will."""
    lab.capture()
    lab.mosquitto()
    watcher, client = watched_client(lab, "wait=1", "reset")
    client.wait()
    watcher.wait()


@scenario("client-vanished")
def client_vanished(lab):
    """The subscriber's link goes dead in both directions (Keep Alive 5); nobody is told. The broker keeps sending a message to it, then closes
    when the Keep Alive has run out. The publisher says goodbye."""
    lab.capture()
    broker = lab.mosquitto()
    lab.start_paho("client", "display-9", "connect", "sub=plant/+/temperature,1", "wait=60", keepalive=5).wait_for("on_subscribe")
    publisher = lab.start_paho("client2", "sensor-17", "connect", "wait=0.5", "pub=plant/7/temperature,1,21.5", "wait=2",
                               "pub=plant/7/temperature,1,21.6", "acks", "wait=1", "disconnect")
    publisher.wait_for("publish: mid=1")
    lab.sleep(1)
    lab.firewall("router", "-A", "FORWARD", "-s", "10.0.0.11", "-j", "DROP")
    lab.firewall("router", "-A", "FORWARD", "-d", "10.0.0.11", "-j", "DROP")
    publisher.wait()
    broker.wait_for("has exceeded timeout", 30)
    lab.sleep(3)
    lab.end_capture()


@scenario("disconnect-with-will")
def disconnect_with_will(lab):
    """An MQTT 5 client leaves with DISCONNECT 0x04: the broker publishes its will on request; a 3.1.1 subscriber receives it."""
    lab.capture()
    lab.mosquitto()
    watcher, client = watched_client(lab, "wait=0.5", "disconnect=0x04", version="5")
    client.wait()
    watcher.wait()


@scenario("client-disconnects-with-error")
def client_disconnects_with_error(lab):
    """An MQTT 5 client leaves with DISCONNECT 0x83 (implementation specific error)."""
    lab.capture()
    lab.mosquitto()
    lab.paho("client", "gateway-2", "connect", "wait=0.5", "disconnect=0x83", version="5")


# Sessions that outlive a connection


@scenario("session-resumed")
def session_resumed(lab):
    """A 3.1.1 subscriber with Clean Session 0 leaves; two QoS 1 messages are published meanwhile; it comes back, the broker still knows it
    (Session Present 1) and delivers both."""
    lab.capture()
    lab.mosquitto()
    lab.paho("client", "display-9", "connect", "sub=plant/+/temperature,1", "acks", "disconnect", resume=True)
    lab.paho("client2", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "pub=plant/7/temperature,1,21.6", "acks", "disconnect")
    lab.paho("client", "display-9", "connect", "messages=2", "wait=0.3", "disconnect", resume=True)


@scenario("session-resumed-v5")
def session_resumed_v5(lab):
    """The same with MQTT 5: Clean Start 0 and a Session Expiry Interval of 300 seconds; QoS 2."""
    lab.capture()
    lab.mosquitto()
    options = {"resume": True, "expiry": 300, "version": "5"}
    lab.paho("client", "display-9", "connect", "sub=plant/+/temperature,2", "acks", "disconnect", **options)
    lab.paho("client2", "sensor-17", "connect", "pub=plant/7/temperature,2,21.5", "pub=plant/7/temperature,2,21.6", "acks", "disconnect",
             version="5")
    lab.paho("client", "display-9", "connect", "messages=2", "wait=0.3", "disconnect", **options)


@scenario("session-lost")
def session_lost(lab):
    """A subscriber with Clean Session 0 leaves properly; mosquitto, which keeps nothing on disk, is restarted; the subscriber comes back and
    is unknown (Session Present 0): its subscription is gone, and a message published afterwards does not reach it."""
    lab.capture()
    broker = lab.mosquitto()
    lab.paho("client", "display-9", "connect", "sub=plant/+/temperature,1", "acks", "disconnect", resume=True)
    lab.note("mosquitto is restarted")
    broker.stop()
    lab.mosquitto()
    back = lab.start_paho("client", "display-9", "connect", "wait=1.5", "disconnect", resume=True).wait_for("on_connect")
    lab.paho("client2", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect")
    back.wait()


# The broker says why


@scenario("server-disconnect-reason")
def server_disconnect_reason(lab):
    """An operator ends the session: the scripted broker sends DISCONNECT 0x98 with the Reason String "maintenance window"."""
    goodbye = {"cmd": "disconnect", "reasonCode": 0x98, "properties": {"reasonString": "maintenance window"}}
    lab.capture()
    lab.scripted({"connect": [{"ordinary": True}, {"wait": 1500}, {"send": goodbye}, {"close": True}]})
    lab.paho("client", "sensor-17", "connect", "ended=20", version="5")


@scenario("server-disconnects-v5")
def server_disconnects_v5(lab):
    """Eleven MQTT 5 sessions one after another; each publishes one message and the scripted broker answers it with a DISCONNECT: 81, 82, 87, 93,
    94, 95, 96, 97, 98, A0, 9A; a twelfth with 9C and a Server Reference."""
    codes = [(code, {}) for code in (0x81, 0x82, 0x87, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0xA0, 0x9A)]
    codes.append((0x9C, {"serverReference": "broker2.example.com"}))
    lab.capture()
    lab.scripted(*({"publish": [
        {"send": {"cmd": "disconnect", "reasonCode": code, **({"properties": properties} if properties else {})}}, {"close": True}]}
        for code, properties in codes))
    for code, _ in codes:
        lab.paho("client", f"sensor-{code:x}", "connect", "pub=plant/7/temperature,1,21.5", "ended=3", version="5")


@scenario("auth-exchange")
def auth_exchange(lab):
    """MQTT 5 with enhanced authentication (method PLANT-CHALLENGE). The first client answers the scripted broker's challenge and is let in, later
    authenticates again, and says goodbye; the second fails (CONNACK 0x8C)."""
    def auth(code, data):
        return {"cmd": "auth", "reasonCode": code,
                "properties": {"authenticationMethod": "PLANT-CHALLENGE", "authenticationData": {"type": "Buffer", "data": list(data)}}}

    def client(*steps):
        lab.raw("client", {"send": connect("gateway-2", 5, properties=auth(0, b"hello")["properties"])}, {"read": "auth"},
                {"send": auth(0x18, b"4711")}, {"read": "connack"}, *steps)

    challenge = {"connect": [{"send": auth(0x18, b"challenge")}]}
    welcome = {"cmd": "connack", "reasonCode": 0, "sessionPresent": False, "properties": {"authenticationMethod": "PLANT-CHALLENGE"}}
    lab.capture()
    lab.scripted({**challenge, "auth": [{"once": {"send": welcome}, "then": {"send": auth(0, b"")}}]},
                 {**challenge, "auth": [{"send": {"cmd": "connack", "reasonCode": 0x8C, "sessionPresent": False}}, {"close": True}]})
    client({"wait": 500}, {"send": auth(0x19, b"0815")}, {"read": "auth"}, {"send": {"cmd": "disconnect", "reasonCode": 0}}, {"close": True})
    client({"read": "close"}, {"close": True})


# Rules and limits


@scenario("packet-too-large")
def packet_too_large(lab):
    """mosquitto accepts packets of at most 1000 bytes; a publish of 5000 bytes arrives, first with MQTT 5 (whose CONNACK had announced
    the limit), then with 3.1.1 (which cannot announce it)."""
    lab.capture()
    lab.mosquitto("max_packet_size 1000")
    for version in ("5", "3.1.1"):
        lab.paho("client", "camera-4", "connect", "bytes=yard/camera/picture,1,5000", "ended=3", version=version)


@scenario("message-size-limit")
def message_size_limit(lab):
    """mosquitto's message_size_limit is 1000; a publish of 5000 bytes arrives with MQTT 5 and with 3.1.1, QoS 1. The connections live on."""
    lab.capture()
    lab.mosquitto("message_size_limit 1000")
    for version in ("5", "3.1.1"):
        lab.paho("client", "camera-4", "connect", "bytes=yard/camera/picture,1,5000", "acks", "wait=0.5", "disconnect", version=version)


@scenario("protocol-error-second-connect")
def protocol_error_second_connect(lab):
    """The client sends a second CONNECT on the same connection, which is forbidden: first with MQTT 3.1.1, then with MQTT 5. mosquitto closes."""
    lab.capture()
    lab.mosquitto()
    for version in (4, 5):
        lab.raw("client", {"send": connect(version=version)}, {"read": "connack"}, {"wait": 300}, {"send": connect(version=version)},
                {"read": "close"}, {"close": True})


@scenario("invalid-topic-wildcard")
def invalid_topic_wildcard(lab):
    """The client publishes to a topic with a wildcard, which is forbidden: with MQTT 5, then with 3.1.1 (mosquitto)."""
    topic = "300a0007" + b"plant/#".hex()
    lab.capture()
    lab.mosquitto()
    for version, publish in ((5, topic + "00"), (4, topic + "78")):
        lab.raw("client", {"send": connect(version=version)}, {"read": "connack"}, {"wait": 300}, {"hex": publish}, {"read": "close"},
                {"close": True})


@scenario("subscribe-wrong-flags")
def subscribe_wrong_flags(lab):
    """The client sends SUBSCRIBE with the reserved flag bits 0000 instead of 0010: with MQTT 5, then with 3.1.1 (mosquitto)."""
    name = "0007" + b"plant/#".hex() + "00"
    lab.capture()
    lab.mosquitto()
    for version, subscribe in ((5, "800d000100" + name), (4, "800c0001" + name)):
        lab.raw("client", {"send": connect(version=version)}, {"read": "connack"}, {"wait": 300}, {"hex": subscribe}, {"read": "close"},
                {"close": True})


@scenario("publish-before-connect")
def publish_before_connect(lab):
    """The client's first packet is a PUBLISH instead of a CONNECT; mosquitto closes without a word."""
    lab.capture()
    lab.mosquitto()
    lab.raw("client", {"send": {"cmd": "publish", "topic": "plant/7/temperature", "payload": "21.5", "qos": 0, "dup": False, "retain": False}},
            {"read": "close"}, {"close": True})


@scenario("server-closes-after-publish")
def server_closes_after_publish(lab):
    """The scripted broker closes 50 ms after a QoS 1 publish without acknowledging it, as cloud brokers do when a publish is not allowed."""
    lab.capture()
    lab.scripted({"publish": [{"wait": 50}, {"close": True}]})
    lab.paho("client", "sensor-17", "connect", "wait=1", "pub=factory/secret,1,21.5", "ended=5")


@scenario("server-closes-after-new-topic")
def server_closes_after_new_topic(lab):
    """The scripted broker acknowledges the first publish, and closes on a later one to another topic without acknowledging it."""
    lab.capture()
    lab.scripted({"publish": [{"once": {"ordinary": True}, "then": {"close": True}}]})
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "sub=plant/7/set,1", "sub=plant/7/mode,1", "acks", "unsub=plant/7/mode",
             "acks", "wait=0.5", "pub=factory/secret,1,21.5", "ended=5")


@scenario("server-closed-idle")
def server_closed_idle(lab):
    """The scripted broker closes after three idle seconds without a reason."""
    lab.capture()
    lab.scripted({"connect": [{"ordinary": True}, {"wait": 3000}, {"close": True}]})
    lab.paho("client", "sensor-17", "connect", "ended=10")


@scenario("timed-out-for-all")
def timed_out_for_all(lab):
    """The scripted broker closes each connection three seconds after its CONNECT, as a proxy does on which nothing is said; three clients
    connect within a second."""
    lab.capture()
    lab.scripted({"connect": [{"ordinary": True}, {"wait": 3000}, {"close": True}]})
    clients = []
    for host, client_id in (("client", "sensor-17"), ("client2", "sensor-18"), ("client3", "sensor-19")):
        clients.append(lab.start_paho(host, client_id, "connect", "ended=10"))
        lab.sleep(0.35)
    for client in clients:
        client.wait()


@scenario("aedes-subscribe-fails")
def aedes_subscribe_fails(lab):
    """The broker is Aedes, whose program fails a subscription: it closes without a SUBACK."""
    lab.capture()
    lab.aedes()
    lab.paho("client", "dashboard-1", "connect", "sub=private/door,1", "ended=3")


@scenario("disconnect-wrong-flags")
def disconnect_wrong_flags(lab):
    """A client with a will says goodbye by a DISCONNECT whose reserved flag bits are 0011 instead of 0000 (mosquitto, MQTT 3.1.1)."""
    will = {"topic": "plant/7/state", "payload": "sensor 7 is gone", "qos": 0, "retain": False}
    lab.capture()
    lab.mosquitto()
    watcher = lab.start_paho("client2", "display-9", "connect", "sub=plant/7/state,0", "wait=2", "disconnect").wait_for("on_subscribe")
    lab.raw("client", {"send": connect(will=will)}, {"read": "connack"}, {"wait": 300}, {"hex": "e300"}, {"read": "close"}, {"close": True})
    watcher.wait()


@scenario("server-breaks-rules")
def server_breaks_rules(lab):
    """The scripted broker delivers a PUBLISH of QoS 3 (36) to mosquitto_sub, which cannot read it and leaves. To Paho it delivers a PUBLISH of QoS 0 with DUP,
    which is not allowed either; Paho does not mind, and is killed four seconds later."""
    broken = {"connect": [{"ordinary": True}, {"wait": 700}, {"hex": "361b000b706c616e742f372f73657400016f6e6f6e6f6e6f6e6f6e6f6e"}]}
    harmless = {"connect": [{"ordinary": True}, {"wait": 700}, {"hex": "380f000b706c616e742f372f7365746f6e"}]}
    lab.capture()
    lab.scripted(broken, harmless)
    reader = lab.start_program("client", "mosquitto_sub", "-h", BROKER, "-i", "display-9", "-t", "plant/7/set", "-W", "4")
    lab.sleep(1.2)
    reader.stop()
    client = lab.start_paho("client2", "sensor-17", "connect", "wait=30").wait_for("on_message")
    lab.sleep(4)
    client.kill()
