"""Sessions that go well."""
from lab import BROKER, network, scenario


def pair(lab, version, qos, port=1883):
    """A subscriber and a publisher that both say goodbye."""
    lab.capture()
    lab.mosquitto(port=port)
    subscriber = lab.start_paho("client2", "dashboard-1", "connect", f"sub=plant/+/temperature,{qos}", "messages=3", "wait=0.3", "disconnect",
                                version=version, port=port).wait_for("on_subscribe")
    lab.paho("client", "sensor-17", "connect", f"pub=plant/7/temperature,{qos},21.5", f"pub=plant/7/temperature,{qos},21.6",
             f"pub=plant/7/temperature,{qos},21.7", "acks", "wait=0.2", "disconnect", version=version, port=port)
    subscriber.wait()


def register(version, qos, name):
    def run(lab):
        pair(lab, version, qos)
    run.__doc__ = f"""A dashboard subscribes and a sensor publishes three temperatures with QoS {qos}, both with MQTT {version} (Paho, mosquitto).
                      Both disconnect properly."""
    scenario(name)(run)


for qos in (0, 1, 2):
    register("3.1.1", qos, f"healthy-v311-qos{qos}")
    register("5", qos, f"healthy-v5-qos{qos}")


@scenario("healthy-v31")
def healthy_v31(lab):
    """mosquitto_pub speaks the old MQTT 3.1 (protocol name MQIsdp, level 3) and publishes one message."""
    lab.capture()
    lab.mosquitto()
    lab.run("client", "mosquitto_pub", "-V", "mqttv31", "-h", BROKER, "-i", "old-meter", "-q", "1", "-t", "meter/4711/energy", "-m", "1042.7")


@scenario("healthy-mosquitto-clients")
def healthy_mosquitto_clients(lab):
    """mosquitto_pub leaves a retained message; mosquitto_sub subscribes to everything (#), receives it and leaves."""
    lab.capture()
    lab.mosquitto()
    lab.run("client", "mosquitto_pub", "-h", BROKER, "-i", "meter-9", "-r", "-q", "1", "-t", "meter/9/energy", "-m", "1042.7")
    lab.run("client2", "mosquitto_sub", "-h", BROKER, "-i", "logger-1", "-q", "1", "-t", "#", "-C", "1", "-v")


@scenario("unsubscribe")
def unsubscribe(lab):
    """A client subscribes to two filters and unsubscribes from one of them and from one it never had; first with MQTT 3.1.1, then with MQTT 5,
    where the broker says that there was no such subscription (0x11)."""
    lab.capture()
    lab.mosquitto()
    for version in ("3.1.1", "5"):
        lab.paho("client", "dashboard-1", "connect", "sub=plant/+/temperature,1;plant/+/state,0", "acks", "unsub=plant/+/state", "acks",
                 "unsub=office/light", "acks", "wait=0.3", "disconnect", version=version)


@scenario("healthy-mqttjs-v5")
def healthy_mqttjs_v5(lab):
    """MQTT.js publishes to itself over MQTT 5 with many properties: user properties, content type, response topic, correlation data,
    message expiry, a subscription identifier, a will with a delay; the client replaces the topic by an alias."""
    lab.capture()
    lab.mosquitto("max_topic_alias 10")
    lab.mqttjs("client", "gateway-2", 3)


@scenario("topic-alias-both-ways")
def topic_alias_both_ways(lab):
    """Topic aliases in both directions. MQTT.js replaces the topic of its publishes by an alias; the scripted broker defines alias 3 in its
    first message and sends the next two with an empty topic, and changes the alias to another topic in the fourth."""
    message = {"cmd": "publish", "qos": 0, "dup": False, "retain": False}
    lab.capture()
    lab.scripted({
        "connect": [{"send": {"cmd": "connack", "reasonCode": 0, "sessionPresent": False, "properties": {"topicAliasMaximum": 5}}}],
        "subscribe": [
            {"ordinary": True}, {"wait": 300},
            {"send": {**message, "topic": "plant/1/temperature", "payload": "19.5", "properties": {"topicAlias": 3, "subscriptionIdentifier": 7}}},
            {"send": {**message, "topic": "", "payload": "19.6", "properties": {"topicAlias": 3, "subscriptionIdentifier": 7}}},
            {"send": {**message, "topic": "", "payload": "19.7", "properties": {"topicAlias": 3, "subscriptionIdentifier": 7}}},
            {"send": {**message, "topic": "plant/2/temperature", "payload": "23.1", "properties": {"topicAlias": 3, "subscriptionIdentifier": 7}}},
            {"send": {**message, "topic": "", "payload": "23.2", "properties": {"topicAlias": 3, "subscriptionIdentifier": 7}}},
        ]})
    lab.mqttjs("client", "gateway-2", 5)


@scenario("ping-idle")
def ping_idle(lab):
    """A client with Keep Alive 2 has nothing to say for nine seconds and pings, then disconnects."""
    lab.capture()
    lab.mosquitto()
    lab.paho("client", "door-contact-3", "connect", "wait=9", "disconnect", keepalive=2)


@scenario("still-connected")
def still_connected(lab):
    """The capture is stopped while the client is connected and pings (Keep Alive 2)."""
    lab.capture()
    lab.mosquitto()
    client = lab.start_paho("client", "sensor-17", "connect", "sub=plant/7/set,1", "pub=plant/7/state,1,on", "wait=30", keepalive=2)
    client.wait_for("on_publish")
    lab.sleep(6)
    lab.end_capture()
    lab.note("the client is still connected now")


@scenario("other-port")
def other_port(lab):
    """A healthy pair of sessions on port 11983 instead of 1883."""
    pair(lab, "3.1.1", 1, port=11983)


@scenario("other-port-refused")
def other_port_refused(lab):
    """On port 11983: a healthy session, then the broker is stopped, then the same client is refused by TCP."""
    lab.capture()
    broker = lab.mosquitto(port=11983)
    lab.paho("client", "sensor-17", "connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect", port=11983)
    lab.sleep(0.5)
    lab.note("mosquitto is stopped; nobody is connected")
    broker.stop()
    lab.paho("client", "sensor-17", "connect", port=11983)


@scenario("big-publish")
def big_publish(lab):
    """A publish of 40,000 bytes, QoS 1, over many segments."""
    lab.capture()
    lab.mosquitto()
    lab.paho("client", "camera-4", "connect", "bytes=yard/camera/picture,1,40000", "acks", "disconnect")


@scenario("offloads-on")
@network(offloads=True)
def offloads_on(lab):
    """The same 40,000 bytes with the offloads of the network card left on: frames larger than the link's MTU, and TCP checksums that
    are not filled in yet."""
    lab.capture()
    lab.mosquitto()
    lab.paho("client", "camera-4", "connect", "bytes=yard/camera/picture,1,40000", "acks", "disconnect")
