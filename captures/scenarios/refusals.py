"""CONNECT is answered, but not with yes."""
from lab import scenario


def password_broker(lab):
    lab.file("passwords", "sensor-17:right\n")
    lab.note("broker: mosquitto_passwd -U passwords (which hashes them)")
    lab.inside("broker", "mosquitto_passwd", "-U", f"{lab.folder}/passwords")
    lab.mosquitto("password_file passwords", "allow_anonymous false")


@scenario("bad-password-v311")
def bad_password_v311(lab):
    """mosquitto with a password file; the client sends a wrong password with MQTT 3.1.1. mosquitto answers 5, not 4."""
    lab.capture()
    password_broker(lab)
    lab.paho("client", "sensor-17", "connect", "ended=3", user="sensor-17", password="wrong")


@scenario("bad-password-v5")
def bad_password_v5(lab):
    """mosquitto with a password file; the client sends a wrong password with MQTT 5. mosquitto answers 0x87, not 0x86."""
    lab.capture()
    password_broker(lab)
    lab.paho("client", "sensor-17", "connect", "ended=3", user="sensor-17", password="wrong", version="5")


@scenario("anonymous-refused")
def anonymous_refused(lab):
    """mosquitto allows no anonymous clients; one comes without user name and password, with MQTT 3.1.1 and then with MQTT 5."""
    lab.capture()
    password_broker(lab)
    lab.paho("client", "ESP8266Client", "connect", "ended=3")
    lab.paho("client", "ESP8266Client", "connect", "ended=3", version="5")


@scenario("refusals-v311")
def refusals_v311(lab):
    """The scripted broker refuses four MQTT 3.1.1 clients one after another with the return codes 1, 2, 3 and 4, and a fifth with 5,
    and closes each time."""
    codes = (1, 2, 3, 4, 5)
    lab.capture()
    lab.scripted(*({"connect": [{"send": {"cmd": "connack", "returnCode": code, "sessionPresent": False}}, {"close": True}]} for code in codes))
    for code in codes:
        lab.paho("client", f"sensor-{code}", "connect", "ended=3", user="plant", password="secret")


CODES_V5 = (0x80, 0x84, 0x85, 0x86, (0x87, {"reasonString": "token expired"}), 0x88, 0x89, 0x8A, 0x90, 0x95, 0x97, 0x9B, 0x9F,
            (0x9C, {"serverReference": "broker2.example.com:1883"}))


@scenario("refusals-v5")
def refusals_v5(lab):
    """The scripted broker refuses MQTT 5 clients one after another with the codes 80, 84, 85, 86, 87 (and a Reason String), 88, 89, 8A, 90, 95,
    97, 9B, 9F and 9C (and a Server Reference), and closes each time."""
    codes = [code if isinstance(code, tuple) else (code, {}) for code in CODES_V5]
    lab.capture()
    lab.scripted(*({"connect": [
        {"send": {"cmd": "connack", "reasonCode": code, "sessionPresent": False, **({"properties": properties} if properties else {})}},
        {"close": True}]} for code, properties in codes))
    for code, _ in codes:
        lab.paho("client", f"sensor-{code:x}", "connect", "ended=3", user="plant", password="secret", version="5")


@scenario("refused-empty-client-id")
def refused_empty_client_id(lab):
    """A 3.1.1 client connects to mosquitto with an empty client id and Clean Session 1, which is allowed; then with Clean Session 0,
    which is not."""
    lab.capture()
    lab.mosquitto()
    lab.raw("client", {"send": {"cmd": "connect", "protocolId": "MQTT", "protocolVersion": 4, "clean": True, "clientId": "", "keepalive": 60}},
            {"read": "connack"}, {"send": {"cmd": "disconnect"}}, {"close": True})
    lab.note("now with Clean Session 0; mqtt-packet refuses to write that, hence bytes")
    lab.raw("client", {"hex": "100c00044d5154540400003c0000"}, {"read": "close"}, {"close": True})


@scenario("refused-version")
def refused_version(lab):
    """A CONNECT with protocol level 6, which does not exist, reaches mosquitto."""
    lab.capture()
    lab.mosquitto()
    lab.raw("client", {"hex": "101500044d5154540602003c0009" + b"sensor-17".hex()}, {"read": "close"}, {"close": True})
