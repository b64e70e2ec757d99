"""MQTT inside WebSocket: sessions that go well and badly, and upgrades that are refused."""
import json
import os
import pathlib
import shlex
import subprocess

from lab import BROKER, HERE, scenario

CONNECT = {"cmd": "connect", "protocolId": "MQTT", "protocolVersion": 4, "clean": True, "clientId": "sensor-17", "keepalive": 60}
CONNECT5 = {**CONNECT, "protocolVersion": 5}
GOODBYE = {"cmd": "disconnect"}


def publish(topic, payload, message_id):
    return {"cmd": "publish", "topic": topic, "payload": payload, "qos": 1, "messageId": message_id}


def node(lab, host, program, *words, wait=True):
    started = lab.start_program(host, "node", HERE / program, *words, shown=f"node {program} {shlex.join(map(str, words))}")
    return started.wait() if wait else started


def broker(lab, **options):
    """Aedes behind ws on port 9001."""
    return node(lab, "broker", "ws-broker.js", json.dumps({"port": 9001, **options}), wait=False).wait_for("listening")


def client(lab, client_id="dashboard-1", path="/mqtt", port=9001, wait=True, host="client", **options):
    return node(lab, host, "ws-client.js", f"ws://{BROKER}:{port}{path}", client_id, json.dumps(options), wait=wait)


def raw(lab, *steps, path="/mqtt", port=9001, subprotocol="mqtt"):
    return node(lab, "client", "ws-raw-client.js", f"ws://{BROKER}:{port}{path}", subprotocol, json.dumps(steps))


def rabbitmq(lab):
    """RabbitMQ with its web_mqtt plug-in on port 15675 (path /ws), in the scenario's own folder."""
    lab.file("rabbitmq.conf", "loopback_users = none\nmqtt.allow_anonymous = false\nlisteners.tcp.default = 5672\nweb_mqtt.tcp.port = 15675\n")
    lab.file("enabled_plugins", "[rabbitmq_web_mqtt].\n")
    folder = pathlib.Path(lab.folder)
    settings = {
        "HOME": folder, "RABBITMQ_NODENAME": "ws@localhost", "RABBITMQ_MNESIA_BASE": folder / "mnesia", "RABBITMQ_LOG_BASE": folder / "log",
        "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf", "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "enabled_plugins", "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": folder / "pid"}
    server = next(pathlib.Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    words = ["env", *(f"{name}={value}" for name, value in settings.items()), str(server)]
    program = lab.start_program("broker", *words, shown="rabbitmq-server")
    return program.wait_for("Server startup complete", 120)


def end_rabbitmq(lab):
    """Ends what RabbitMQ left in the broker's namespace (epmd)."""
    left = subprocess.run(["ip", "netns", "pids", lab.namespace("broker")], capture_output=True, text=True).stdout.split()
    for number in left:
        if pathlib.Path("/proc", number, "comm").read_text().strip() in ("epmd", "beam.smp", "erl_child_setup", "inet_gethost"):
            os.kill(int(number), 9)


@scenario("ws-healthy")
def healthy(lab):
    """MQTT.js and Paho inside WebSocket, MQTT 3.1.1, to Aedes behind ws."""
    lab.capture()
    broker(lab, path="/mqtt")
    client(lab)
    lab.paho("client2", "sensor-17", "connect", "sub=plant/#,1", "pub=plant/7/temperature,1,21.5", "messages=1", "acks", "disconnect",
             port=9001, transport="websockets", path="/mqtt")


@scenario("ws-rabbitmq")
def with_rabbitmq(lab):
    """RabbitMQ's web_mqtt: a healthy session, a wrong password, a wrong path, a publish to a forbidden topic; MQTT.js and Paho."""
    lab.capture()
    rabbitmq(lab)
    try:
        client(lab, path="/ws", port=15675, username="guest", password="guest")
        client(lab, path="/ws", port=15675, username="guest", password="wrong")
        client(lab, path="/mqtt", port=15675, username="guest", password="guest")
        lab.paho("client2", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect",
                 port=15675, transport="websockets", path="/ws", user="guest", password="guest")
        lab.paho("client2", "sensor-18", "connect", "ended=5", port=15675, transport="websockets", path="/ws", user="guest", password="guest", version="5")
    finally:
        lab.end_capture()
        end_rabbitmq(lab)


@scenario("ws-frames")
def frames(lab):
    """One packet over many frames, many packets in one frame, a message of several frames with a Ping between; a broker that sends three bytes a frame."""
    lab.capture()
    broker(lab, pieces=3)
    raw(lab, {"frames": [CONNECT], "size": 1}, {"read": "connack"},
        {"frame": [{"cmd": "subscribe", "messageId": 1, "subscriptions": [{"topic": "plant/#", "qos": 0}]},
                   publish("plant/1/level", "one", 2), publish("plant/2/level", "two", 3)]},
        {"wait": 200}, {"fragments": [publish("plant/3/level", "three and thirty", 4)], "size": 7}, {"wait": 200}, {"ping": True},
        {"frame": [GOODBYE]}, {"read": "close"})


@scenario("ws-big")
def big(lab):
    """Messages of 20,000 bytes: a frame over many segments, both ways."""
    lab.capture()
    broker(lab)
    client(lab, messages=1, size=20000)


@scenario("ws-compressed")
def compressed(lab):
    """permessage-deflate at both ends: every message is compressed."""
    lab.capture()
    broker(lab, deflate=True)
    client(lab, messages=3, size=500, wsOptions={"perMessageDeflate": {"threshold": 0}})


@scenario("ws-bad-password")
def bad_password(lab):
    """Aedes refuses a password, inside WebSocket: MQTT.js, then Paho."""
    lab.capture()
    broker(lab, password="secret")
    client(lab, username="dev", password="wrong")
    lab.paho("client2", "sensor-17", "connect", "ended=5", port=9001, transport="websockets", user="dev", password="wrong")


@scenario("ws-wrong-path")
def wrong_path(lab):
    """The broker's path is /mqtt; the clients ask for others: MQTT.js, then Paho."""
    lab.capture()
    broker(lab, path="/mqtt")
    client(lab, path="/")
    lab.paho("client2", "sensor-17", "connect", port=9001, transport="websockets", path="/ws")


@scenario("ws-refused")
def refused(lab):
    """A web server answers upgrades with 301, 400, 401, 403, 426, 500 and 503."""
    lab.capture()
    for number, status in enumerate((301, 400, 401, 403, 426, 500, 503)):
        headers = {"Location": "https://broker.example.com/mqtt?session=1"} if status == 301 else {}
        server = broker(lab, port=9001 + number, status=status, headers=headers)
        client(lab, port=9001 + number)
        server.stop()


@scenario("ws-no-subprotocol")
def no_subprotocol(lab):
    """Servers that open the WebSocket without choosing mqtt: MQTT.js minds and leaves; a client that offers nothing is closed by a server
    that does not speak MQTT."""
    lab.capture()
    broker(lab, protocol=None)
    client(lab)
    broker(lab, port=9002, protocol=None, silent=True, close=[1002, "no protocol"], after=300)
    raw(lab, {"frame": [CONNECT]}, {"read": "close"}, port=9002, subprotocol="-")


@scenario("ws-tolerant")
def tolerant(lab):
    """A client that offers no subprotocol, and a broker that does not mind."""
    lab.capture()
    broker(lab, protocol=None)
    raw(lab, {"frame": [CONNECT]}, {"read": "connack"}, {"frame": [GOODBYE]}, {"read": "close"}, path="/", subprotocol="-")


@scenario("ws-bad-gateway")
def bad_gateway(lab):
    """A proxy; first the broker behind it runs, then it is killed: the running session ends, and the next one gets 502."""
    lab.capture()
    behind = broker(lab, port=9100)
    node(lab, "broker", "ws-proxy.js", 8080, 9100, wait=False).wait_for("listening")
    first = client(lab, port=8080, stay=True, wait=False).wait_for("message plant/2")
    lab.sleep(0.5)
    behind.kill()
    first.wait()
    client(lab, port=8080)


@scenario("ws-broker-killed")
def broker_killed(lab):
    """The broker's process is killed in a running session; then nothing listens any more."""
    lab.capture()
    server = broker(lab)
    first = client(lab, stay=True, wait=False).wait_for("message plant/2")
    lab.sleep(0.5)
    server.kill()
    first.wait()
    client(lab)


@scenario("ws-closed-by-server")
def closed_by_server(lab):
    """The server closes a running session with a Close frame: 1008 with a reason, 1001, and 1009 on a message of 20,000 bytes where it takes
    10,000."""
    lab.capture()
    for number, close in enumerate(([1008, "token expired"], [1001, ""])):
        broker(lab, port=9001 + number, close=close, after=1500)
        client(lab, port=9001 + number, stay=True)
    broker(lab, port=9003, most=10000)
    client(lab, port=9003, messages=1, size=20000, stay=True)


@scenario("ws-closed-at-connect")
def closed_at_connect(lab):
    """The server agrees to MQTT and closes with 1008 instead of a CONNACK."""
    lab.capture()
    broker(lab, silent=True, close=[1008, "not allowed"], after=300)
    client(lab)


@scenario("ws-closed-by-client")
def closed_by_client(lab):
    """A client leaves as a browser's page does: a Close frame 1001 without DISCONNECT. Another one is killed. A third never sends CONNECT."""
    lab.capture()
    broker(lab)
    raw(lab, {"frame": [CONNECT]}, {"read": "connack"}, {"wait": 500}, {"close": [1001, ""]}, {"read": "close"})
    client(lab, "sensor-18", stay=True, kill=700)
    raw(lab, {"wait": 800}, {"close": [1000, ""]}, {"read": "close"})


@scenario("ws-text")
def text(lab):
    """A client that sends MQTT in text messages; Aedes behind ws does not mind."""
    lab.capture()
    broker(lab)
    raw(lab, {"text": [CONNECT]}, {"read": "connack"}, {"text": [GOODBYE]}, {"read": "close"})


@scenario("ws-keepalive")
def keepalive(lab):
    """A client with Keep Alive 2 falls silent but answers WebSocket Pings; Aedes closes."""
    lab.capture()
    broker(lab, ping=700)
    raw(lab, {"frame": [{**CONNECT, "keepalive": 2}]}, {"read": "connack"}, {"read": "close"})


@scenario("ws-taken-over")
def taken_over(lab):
    """Two machines with one client id inside WebSocket."""
    lab.capture()
    broker(lab)
    first = client(lab, "sensor-17", stay=True, wait=False).wait_for("message plant/2")
    client(lab, "sensor-17", host="client2")
    first.wait()


@scenario("ws-picked-up")
def picked_up(lab):
    """The capture begins in running sessions inside WebSocket: one pings and publishes, then says goodbye."""
    broker(lab)
    raw_steps = [{"frame": [CONNECT]}, {"read": "connack"}, {"wait": 1500}, {"frame": [publish("plant/1/level", "one", 1)]}, {"read": "puback"},
                 {"frame": [{"cmd": "pingreq"}]}, {"read": "pingresp"}, {"frame": [publish("plant/2/level", "two", 2)]}, {"read": "puback"},
                 {"frame": [GOODBYE]}, {"read": "close"}]
    running = node(lab, "client", "ws-raw-client.js", f"ws://{BROKER}:9001/mqtt", "mqtt", json.dumps(raw_steps), wait=False)
    running.wait_for("connack")
    lab.sleep(0.4)
    lab.capture()
    running.wait()


@scenario("ws-wrong-door")
def wrong_door(lab):
    """A WebSocket client at mosquitto's plain port 1883; a plain client at the port of a WebSocket broker that others use rightly."""
    lab.capture()
    lab.mosquitto()
    client(lab, port=1883)
    lab.paho("client2", "sensor-18", "connect", port=1883, transport="websockets")
    broker(lab)
    client(lab)
    lab.paho("client2", "sensor-17", "connect", "ended=5", port=9001)


@scenario("ws-unanswered")
def unanswered(lab):
    """A server that takes the request for a WebSocket and never answers."""
    lab.capture()
    lab.start_program("broker", "python3", "-c", "import socket,time; s=socket.create_server(('0.0.0.0', 9001)); print('listening', flush=True); c=s.accept(); time.sleep(60)",
                      shown="a server that accepts and stays silent").wait_for("listening")
    client(lab, connectTimeout=6000)


@scenario("ws-chat")
def chat(lab):
    """A WebSocket that has nothing to do with MQTT: a chat, and one whose subprotocol is graphql."""
    lab.capture()
    broker(lab, protocol="chat")
    raw(lab, {"say": "hello"}, {"wait": 200}, {"say": "0123456789"}, {"wait": 200}, {"close": [1000, "bye"]}, {"read": "close"},
        path="/room/7", subprotocol="chat")
    broker(lab, port=9002, status=404)
    raw(lab, path="/graphql", port=9002, subprotocol="graphql-ws")


@scenario("captive-portal")
def captive_portal(lab):
    """A Wi-Fi login page answers in place of the broker: every connection gets a redirect. A plain client, then one inside WebSocket."""
    lab.capture()
    portal = "const net=require('net');net.createServer(s=>{s.once('data',()=>s.end('HTTP/1.1 302 Found\\r\\nLocation: http://login.hotel.example/welcome?mac=02&url=x\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'));s.on('error',()=>{})}).listen(1883,()=>console.log('listening'))"
    lab.start_program("broker", "node", "-e", portal, shown="node: a portal that redirects").wait_for("listening")
    lab.paho("client", "sensor-17", "connect", "ended=5")
    client(lab, port=1883)


EJABBERD = """hosts: [localhost]
loglevel: warning
auth_method: internal
listen:
  -
    port: 5280
    ip: "0.0.0.0"
    module: ejabberd_http
    request_handlers:
      /mqtt: mod_mqtt_ws
modules:
  mod_mqtt:
    access_publish: {"plant/#": [{allow: all}], "#": [{deny: all}]}
"""


def ejabberd(lab):
    """ejabberd with mod_mqtt_ws on port 5280 (path /mqtt), in the scenario's own folder, with the user dev."""
    lab.file("ejabberd.yml", EJABBERD)
    folder = pathlib.Path(lab.folder)
    code = next(pathlib.Path("/usr/lib").glob("*/ejabberd-*/ebin"))
    add = 'timer:sleep(1500), ejabberd_auth:try_register(<<"dev">>, <<"localhost">>, <<"secret">>), io:format("started~n").'
    words = ["env", f"HOME={folder}", "erl", "-noinput", "-pa", str(code), "-mnesia", "dir", f'"{folder}/mnesia"', "-ejabberd", "config",
             f'"{folder}/ejabberd.yml"', "log_path", f'"{folder}/ejabberd.log"', "-s", "ejabberd", "-eval", add]
    return lab.start_program("broker", *words, shown="ejabberd").wait_for("started", 60)


@scenario("ws-ejabberd")
def with_ejabberd(lab):
    """ejabberd's mod_mqtt_ws, MQTT 5: a healthy session, a wrong password, a takeover; MQTT.js and Paho."""
    lab.capture()
    ejabberd(lab)
    options = {"port": 5280, "protocolVersion": 5, "username": "dev@localhost", "password": "secret"}
    client(lab, **options)
    client(lab, **{**options, "password": "wrong"})
    first = client(lab, "sensor-17", wait=False, stay=True, **options).wait_for("message plant/2")
    lab.paho("client2", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect",
             port=5280, transport="websockets", path="/mqtt", user="dev@localhost", password="secret", version="5")
    first.wait()
