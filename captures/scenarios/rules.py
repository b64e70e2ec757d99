"""Rules of the specification that only earlier packets of the connection show broken."""
from lab import scenario

from during import connect


def publish(topic, **more):
    return {"cmd": "publish", "topic": topic, "payload": "21.5", "qos": 0, "dup": False, "retain": False, **more}


def subscribe(identifier, *filters):
    return {"cmd": "subscribe", "messageId": identifier, "subscriptions": [{"topic": name, "qos": 0} for name in filters]}


@scenario("rules-broken-v5")
def rules_broken_v5(lab):
    """MQTT 5. The scripted broker's CONNACK says: Receive Maximum 2, Topic Alias Maximum 10, no retained messages, no wildcard subscriptions. The
    first client publishes with alias 12 and with RETAIN, and subscribes to plant/# and two more filters; the broker answers with one code, delivers with
    an alias though the client takes none, and sends an acknowledgement and a PINGRESP that belong to nothing. The client says goodbye, and then sends a
    PINGREQ. The second client has three QoS 1 messages unacknowledged, and the broker closes without a word. The third keeps to all that, with two."""
    limits = {"receiveMaximum": 2, "topicAliasMaximum": 10, "retainAvailable": False, "wildcardSubscriptionAvailable": False}
    accept = {"connect": [{"send": {"cmd": "connack", "reasonCode": 0, "sessionPresent": False, "properties": limits}}]}
    suback = [{"send": {"cmd": "suback", "messageId": "same", "granted": [0]}}, {"wait": 100}, {"hex": "4002004d"}, {"wait": 100}, {"hex": "d000"},
              {"wait": 100}, {"send": publish("plant/7/set", properties={"topicAlias": 1})}]
    goodbye = [{"send": {"cmd": "disconnect", "reasonCode": 0}}, {"wait": 100}, {"close": True}]
    lab.capture()
    lab.scripted({**accept, "publish": [], "subscribe": suback}, {**accept, "publish": [{"once": {"wait": 100}, "then": {"close": True}}]}, accept)
    lab.raw("client", {"send": connect(version=5)}, {"read": "connack"}, {"wait": 300},
            {"send": publish("plant/7/temperature", properties={"topicAlias": 12})}, {"wait": 100}, {"send": publish("plant/7/state", retain=True)},
            {"wait": 100}, {"send": subscribe(1, "plant/#", "office", "yard")}, {"wait": 800}, {"send": {"cmd": "disconnect", "reasonCode": 0}},
            {"wait": 50}, {"hex": "c000"}, {"wait": 100}, {"close": True})
    lab.raw("client", {"send": connect("sensor-18", 5)}, {"read": "connack"}, {"wait": 300},
            {"together": [{"send": publish("plant/8/temperature", qos=1, messageId=number)} for number in (1, 2, 3)]}, {"read": "close"}, {"close": True})
    lab.raw("client", {"send": connect("sensor-19", 5)}, {"read": "connack"}, {"wait": 300},
            {"together": [{"send": publish("plant/9/temperature", qos=1, messageId=number)} for number in (1, 2)]}, {"read": "puback"}, {"wait": 200},
            {"send": publish("plant/9/temperature", properties={"topicAlias": 10})}, {"wait": 100},
            {"send": publish("", properties={"topicAlias": 10})}, {"wait": 100}, *goodbye)


@scenario("rules-broken-v311")
def rules_broken_v311(lab):
    """MQTT 3.1.1, scripted broker. The first client uses a packet id for a second message before the first is acknowledged, and sends PUBREL before the
    PUBREC; the broker says Session Present 1 after Clean Session 1, grants more than was asked for, and
    answers a message of QoS 2 with PUBACK. The second client does the same things in the right order."""
    first = {"connect": [{"hex": "20020100"}], "publish": [{"wait": 150}, {"once": {"hex": "50020001"}, "then": {"wait": 1}}], "pubrel": [{"wait": 400}, {"hex": "40020001"}],
             "subscribe": [{"send": {"cmd": "suback", "messageId": "same", "granted": [2, 0]}}]}
    release = {"cmd": "pubrel", "messageId": 1}
    goodbye = [{"send": {"cmd": "disconnect"}}, {"wait": 100}, {"close": True}]
    lab.capture()
    lab.scripted(first, {})
    lab.raw("client", {"send": connect()}, {"read": "connack"}, {"wait": 300}, {"send": publish("plant/7/temperature", qos=2, messageId=1)},
            {"wait": 30}, {"send": release}, {"wait": 300}, {"send": publish("plant/7/humidity", qos=2, messageId=1)}, {"wait": 30},
            {"send": subscribe(2, "plant/7/set", "plant/7/mode")}, {"wait": 1500}, *goodbye)
    lab.raw("client", {"send": connect("sensor-18")}, {"read": "connack"}, {"wait": 300},
            {"send": publish("plant/8/temperature", qos=2, messageId=1)}, {"read": "pubrec"}, {"send": release}, {"read": "pubcomp"},
            {"send": publish("plant/8/humidity", qos=2, messageId=1)}, {"read": "pubrec"}, {"send": release}, {"read": "pubcomp"},
            {"send": subscribe(1, "plant/8/set", "plant/8/mode")}, {"read": "suback"}, *goodbye)
