"""A client built on Eclipse Paho that does the given steps and prints every callback. Steps:

    connect                            sub=FILTER,QOS;FILTER,QOS          unsub=FILTER
    pub=TOPIC,QOS,PAYLOAD              bytes=TOPIC,QOS,SIZE               many=TOPIC,QOS,COUNT,PAUSE
    wait=SECONDS                       messages=COUNT  wait for them      acks  wait for all acknowledgements
    ended=SECONDS  wait for the end    disconnect                         disconnect=CODE  (MQTT 5)
    reset  RST, without a goodbye
"""
import argparse
import os
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import warnings

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

VERSIONS = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="10.0.0.2")
parser.add_argument("--port", type=int, default=1883)
parser.add_argument("--id", required=True)
parser.add_argument("--version", choices=VERSIONS, default="3.1.1")
parser.add_argument("--keepalive", type=int, default=60)
parser.add_argument("--user")
parser.add_argument("--password")
parser.add_argument("--will", help="TOPIC,QOS,PAYLOAD")
parser.add_argument("--resume", action="store_true", help="Clean Session/Clean Start 0")
parser.add_argument("--expiry", type=int, help="Session Expiry Interval (MQTT 5)")
parser.add_argument("--transport", default="tcp", help="tcp or websockets")
parser.add_argument("--path", default="/mqtt", help="of the WebSocket")
parser.add_argument("--reconnect", action="store_true", help="reconnect as Paho does by itself")
parser.add_argument("--timeout", type=float, default=5, help="to open the TCP connection")
parser.add_argument("--tls", choices=("1.1", "1.2", "1.3"), help="this version of TLS and no other")
parser.add_argument("--ca", help="certificates to trust, with --tls")
parser.add_argument("--cert", help="NAME.crt and NAME.key to show, with --tls")
parser.add_argument("--ciphers", help="suites to offer, with --tls")
parser.add_argument("--insecure", action="store_true", help="look at no certificate, with --tls")
parser.add_argument("steps", nargs="+")
args = parser.parse_args()


def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")  # in one piece: Paho's thread prints too
    sys.stdout.flush()


v5 = args.version == "5"
client = mqtt.Client(
    mqtt.CallbackAPIVersion.VERSION2, args.id, protocol=VERSIONS[args.version],
    clean_session=None if v5 else not args.resume, reconnect_on_failure=args.reconnect, transport=args.transport)
if args.transport == "websockets":
    client.ws_set_options(path=args.path)
client.connect_timeout = args.timeout
messages, acks, pending, ended = [], set(), set(), []


def properties(props):
    return f" {props}" if props is not None and not props.isEmpty() else ""


def code(reason):
    return f"{reason} ({reason.value:#04x})"


def on_connect(_client, _data, flags, reason, props):
    say(f"on_connect: {code(reason)}, session_present={flags.session_present}{properties(props)}")


def on_disconnect(_client, _data, flags, reason, props):
    say(f"on_disconnect: {code(reason)}, from_server={flags.is_disconnect_packet_from_server}{properties(props)}")
    ended.append(reason)


def on_subscribe(_client, _data, mid, reasons, props):
    say(f"on_subscribe: mid={mid} {', '.join(map(code, reasons))}{properties(props)}")
    acks.add(mid)


def on_unsubscribe(_client, _data, mid, reasons, props):
    say(f"on_unsubscribe: mid={mid} {', '.join(map(code, reasons))}{properties(props)}")
    acks.add(mid)


def on_publish(_client, _data, mid, reason, props):
    say(f"on_publish: mid={mid} {code(reason)}{properties(props)}")
    acks.add(mid)


def on_message(_client, _data, message):
    text = message.payload if len(message.payload) < 80 else f"{len(message.payload)} bytes"
    say(f"on_message: {message.topic} qos={message.qos} retain={message.retain} dup={message.dup} {text}")
    messages.append(message)


def thread_died(failure):
    say(f"exception in Paho's thread: {failure.exc_type.__name__}: {failure.exc_value}")
    ended.append(failure)


threading.excepthook = thread_died
client.on_connect, client.on_disconnect, client.on_subscribe = on_connect, on_disconnect, on_subscribe
client.on_unsubscribe, client.on_publish, client.on_message = on_unsubscribe, on_publish, on_message
client.on_connect_fail = lambda *_: say("on_connect_fail")
if args.user:
    client.username_pw_set(args.user, args.password)
if args.will:
    topic, qos, payload = args.will.split(",", 2)
    client.will_set(topic, payload, int(qos))

if args.tls:
    warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.1
    context = ssl.create_default_context(cafile=args.ca)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[f"TLSv{args.tls.replace('.', '_')}"]
    if args.ciphers:
        context.set_ciphers(args.ciphers)
    if args.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if args.cert:
        context.load_cert_chain(f"{args.cert}.crt", f"{args.cert}.key")
    client.tls_set_context(context)


def wait_until(condition, seconds=15.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def connect():
    extra = {}
    if v5:
        extra["clean_start"] = not args.resume
        if args.expiry is not None:
            extra["properties"] = Properties(PacketTypes.CONNECT)
            extra["properties"].SessionExpiryInterval = args.expiry
    client.connect(args.host, args.port, args.keepalive, **extra)
    client.loop_start()
    wait_until(lambda: client.is_connected() or ended or not client._thread or not client._thread.is_alive(), 15)


def take(step):
    verb, _, rest = step.partition("=")
    if verb == "connect":
        connect()
    elif verb == "sub":
        pairs = [pair.split(",") for pair in rest.split(";")]
        pending.add(client.subscribe([(topic, int(qos)) for topic, qos in pairs])[1])
    elif verb == "unsub":
        pending.add(client.unsubscribe(rest)[1])
    elif verb in ("pub", "bytes"):
        topic, qos, what = rest.split(",", 2)
        payload = (b"0123456789abcdef" * (int(what) // 16 + 1))[:int(what)] if verb == "bytes" else what
        info = client.publish(topic, payload, int(qos))
        say(f"publish: mid={info.mid} rc={info.rc}")
        pending.add(info.mid)
    elif verb == "many":
        topic, qos, count, pause = rest.split(",")
        for number in range(int(count)):
            pending.add(client.publish(topic, f"value {number}", int(qos)).mid)
            time.sleep(float(pause))
        say(f"published {count}")
    elif verb == "acks":
        wait_until(lambda: pending <= acks or ended, 30)
    elif verb == "wait":
        time.sleep(float(rest))
    elif verb == "messages":
        wait_until(lambda: len(messages) >= int(rest) or ended)
    elif verb == "ended":
        wait_until(lambda: ended, float(rest)) or say("still not ended")
    elif verb == "disconnect":
        reason = ReasonCode(PacketTypes.DISCONNECT, identifier=int(rest, 0)) if rest else None
        client.disconnect(reason)
        client.loop_stop()
    elif verb == "reset":
        client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os._exit(0)
    else:
        sys.exit(f"unknown step {step}")


signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
try:
    for step in args.steps:
        take(step)
except Exception as error:
    say(f"exception: {type(error).__name__}: {error}")
    sys.exit(1)
