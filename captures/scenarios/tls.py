"""MQTT inside TLS: handshakes that succeed, and every way in which they fail. Each scenario has TLS 1.2 and TLS 1.3 where both exist."""
import pathlib
import sys

from lab import BROKER, HERE, PYTHON, quiet, scenario

NAME = "broker.lan"
PORT = "8883"
SERVER = ("listener 8883", "cafile ca.crt", "certfile server.crt", "keyfile server.key")
MUTUAL = (*SERVER, "require_certificate true")


class Authority:
    """A certificate authority made by openssl, for one scenario."""

    def __init__(self, lab, name="ca", key=("ec", "ec_paramgen_curve:P-256")):
        self.lab, self.name, self.key = lab, name, key
        self.openssl("req", "-x509", "-newkey", key[0], "-pkeyopt", key[1], "-nodes", "-keyout", f"{name}.key",
                     "-out", f"{name}.crt", "-days", "3650", "-subj", f"/O=Test lab/CN=Test {name.upper()}")

    def openssl(self, *words):
        self.lab.note("openssl " + " ".join(words))
        quiet("sh", "-c", 'cd "$0" && exec openssl "$@"', self.lab.folder, *words)

    def issue(self, name, subject, names="", begins=None, ends=None, days="365"):
        """A certificate for `subject`; `begins` and `ends` like 20250101000000Z."""
        self.openssl("req", "-new", "-newkey", self.key[0], "-pkeyopt", self.key[1], "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}")
        pathlib.Path(self.lab.folder, f"{name}.ext").write_text(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
        if ends:
            for made, text in (("index.txt", ""), ("serial", "1000\n")):
                pathlib.Path(self.lab.folder, f"{self.name}.{made}").write_text(text)
            self.lab.file(f"{self.name}.cnf", self.configuration())
            self.openssl("ca", "-batch", "-notext", "-config", f"{self.name}.cnf", "-in", f"{name}.csr", "-out", f"{name}.crt", "-extfile", f"{name}.ext",
                         "-startdate", begins or "20240101000000Z", "-enddate", ends)
        else:
            self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.crt", "-CAkey", f"{self.name}.key", "-CAcreateserial", "-days", days,
                         "-extfile", f"{name}.ext", "-out", f"{name}.crt")

    def revoke(self, name):
        """Takes a certificate of `issue(…, ends=…)` back; the list of those is NAME.crl."""
        self.openssl("ca", "-config", f"{self.name}.cnf", "-revoke", f"{name}.crt")
        self.openssl("ca", "-config", f"{self.name}.cnf", "-gencrl", "-out", f"{self.name}.crl")

    def configuration(self):
        name = self.name
        return "\n".join([
            "[ca]", "default_ca = here", "[here]", f"database = {name}.index.txt", f"serial = {name}.serial", "new_certs_dir = .", f"certificate = {name}.crt",
            f"private_key = {name}.key", "default_md = sha256", "default_crl_days = 30", "policy = any", "unique_subject = no", "[any]", "commonName = supplied", ""])


def prepare(lab, names=f"DNS:{NAME}", **options):
    """An authority, and a certificate for the broker's name."""
    authority = Authority(lab)
    authority.issue("server", NAME, names, **options)
    named(lab)
    return authority


def named(lab, name=NAME):
    pathlib.Path(lab.folder, "hosts").write_text(f"127.0.0.1 localhost\n{BROKER} {name} old.lan\n")


def broker(lab, *lines, port=None):
    """mosquitto with a listener for TLS only: a listener for plain MQTT stands on a port that nobody uses."""
    return lab.mosquitto(*lines, port=port or 18830)


def start(lab, host, *words, shown=None):
    """Starts a program to which the broker's name is known."""
    shown = shown or " ".join(str(word) for word in words)
    return lab.start_program(host, "unshare", "-m", "sh", "-c", 'mount --bind hosts /etc/hosts && exec "$@"', "sh", *words, shown=shown)


def run(lab, host, *words, shown=None):
    return start(lab, host, *words, shown=shown).wait()


def publish(lab, *words, host="client", ca="ca.crt", client_id="meter-9", name=NAME):
    """mosquitto_pub over TLS, of which it takes the highest version whatever it is told."""
    trust = ["--cafile", ca] if ca else []
    return run(lab, host, "mosquitto_pub", "-h", name, "-p", PORT, *trust, "-i", client_id, "-t", "meter/9/energy", "-m", "1", *words)


def paho(lab, *steps, host="client", client_id="sensor-17", ca="ca.crt", tls="1.3", name=NAME, port=PORT, wait=True, **options):
    words = ["--id", client_id, "--host", name, "--port", port, "--ca", ca, "--tls", tls]
    for option, value in options.items():
        words += [f"--{option}"] if value is True else [f"--{option}", str(value)]
    words += steps or ["connect", "pub=plant/7/temperature,1,21.5", "acks", "disconnect"]
    program = start(lab, host, PYTHON, HERE / "paho-client.py", *words, shown=f"python paho-client.py {' '.join(words)}")
    return program.wait() if wait else program


def mqttjs(lab, host="client2", ca="ca.crt", tls="TLSv1.3", name=NAME, cert="-", ciphers="-"):
    words = [name, PORT, ca, tls, cert, ciphers]
    return run(lab, host, "node", HERE / "mqttjs-tls-client.js", *words, shown=f"node mqttjs-tls-client.js {' '.join(words)}")


def everybody(lab, **options):
    """Paho and MQTT.js, each with TLS 1.2 and TLS 1.3, and mosquitto_pub; from three hosts."""
    for tls in ("1.2", "1.3"):
        paho(lab, tls=tls, **options)
        mqttjs(lab, tls=f"TLSv{tls}", **options)
    publish(lab, host="client3", **options)


def s_client(lab, *words, host="client", port=PORT, name=NAME, seconds=1):
    """openssl s_client, which is ended after some seconds."""
    words = ["openssl", "s_client", "-connect", f"{name}:{port}", *words]
    return run(lab, host, "timeout", "-s", "INT", str(seconds), *words, shown="sleep 9 | " + " ".join(words))


@scenario("tls-goodbye")
def tls_goodbye(lab):
    """mosquitto_pub, Paho and MQTT.js publish over TLS 1.2, then over TLS 1.3, and say goodbye."""
    prepare(lab)
    lab.capture()
    broker(lab, *SERVER)
    everybody(lab)


@scenario("tls-still-connected")
def tls_still_connected(lab):
    """Two clients with Keep Alive 2 are connected over TLS 1.2 and 1.3 when the capture ends."""
    prepare(lab)
    lab.capture()
    broker(lab, *SERVER)
    clients = [paho(lab, "connect", "wait=30", host=host, tls=tls, client_id=f"sensor-{tls}", keepalive=2, wait=False).wait_for("on_connect")
               for host, tls in (("client", "1.2"), ("client2", "1.3"))]
    lab.sleep(5)
    lab.end_capture()
    for client in clients:
        client.stop()


@scenario("tls-picked-up")
def tls_picked_up(lab):
    """The capture begins inside two sessions over TLS; the first ends by a goodbye, the second goes on after the capture."""
    prepare(lab)
    broker(lab, *SERVER)
    first = paho(lab, "connect", "wait=4", "pub=plant/7/temperature,1,21.5", "acks", "disconnect", keepalive=2, wait=False).wait_for("on_connect")
    second = paho(lab, "connect", "wait=30", host="client2", client_id="sensor-18", keepalive=2, tls="1.2", wait=False).wait_for("on_connect")
    lab.capture()
    first.wait()
    lab.sleep(3)
    lab.end_capture()
    second.stop()


@scenario("tls-wrong-password")
def tls_wrong_password(lab):
    """mosquitto refuses a wrong password, inside TLS 1.2 and TLS 1.3; nobody outside can read that."""
    prepare(lab)
    pathlib.Path(lab.folder, "passwords").touch()
    quiet("mosquitto_passwd", "-b", f"{lab.folder}/passwords", "dev", "secret")
    lab.capture()
    broker(lab, *SERVER, "allow_anonymous false", "password_file passwords")
    for tls in ("1.2", "1.3"):
        paho(lab, "connect", "ended=3", tls=tls, user="dev", password="wrong")


@scenario("tls-unknown-ca")
def tls_unknown_ca(lab):
    """The clients trust another authority than the one that issued the broker's certificate."""
    prepare(lab)
    Authority(lab, "other")
    lab.capture()
    broker(lab, *SERVER)
    everybody(lab, ca="other.crt")


@scenario("tls-self-signed")
def tls_self_signed(lab):
    """The broker has a self-signed certificate of RSA; the clients trust another authority."""
    Authority(lab, "other")
    named(lab)
    Authority(lab).openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.crt", "-days", "365", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}")
    lab.capture()
    broker(lab, *SERVER)
    everybody(lab, ca="other.crt")


@scenario("tls-server-expired")
def tls_server_expired(lab):
    """The broker's certificate has expired. The last client does not look at certificates, and is served."""
    prepare(lab, ends="20250301120000Z")
    lab.capture()
    broker(lab, *SERVER)
    everybody(lab)
    paho(lab, tls="1.2", insecure=True)


@scenario("tls-server-not-yet-valid")
def tls_server_not_yet_valid(lab):
    """The broker's certificate is valid from 2040 on: to the clients it is what every certificate is to a device whose clock stands at 1970."""
    prepare(lab, begins="20400101000000Z", ends="20410101000000Z")
    lab.capture()
    broker(lab, *SERVER)
    everybody(lab)


@scenario("tls-device-clock")
def tls_device_clock(lab):
    """All is well with the broker's certificate, but the clock of the client's program stands at 1970 (an attime of X.509)."""
    prepare(lab)
    lab.capture()
    broker(lab, *SERVER)
    for tls in ("-tls1_2", "-tls1_3"):
        s_client(lab, "-CAfile", "ca.crt", "-servername", NAME, "-verify_return_error", "-attime", "12", tls)


@scenario("tls-wrong-name")
def tls_wrong_name(lab):
    """The broker's certificate is for another name than the one that the clients connect to."""
    prepare(lab, names="DNS:mqtt.example.com,DNS:*.factory.example")
    lab.capture()
    broker(lab, *SERVER)
    everybody(lab)


@scenario("tls-by-address")
def tls_by_address(lab):
    """The clients connect to the broker by its address, which its certificate does not name."""
    prepare(lab)
    lab.capture()
    broker(lab, *SERVER)
    everybody(lab, name=BROKER)


@scenario("tls-client-cert-missing")
def tls_client_cert_missing(lab):
    """The broker requires a certificate of the client; the clients have none."""
    prepare(lab)
    lab.capture()
    broker(lab, *MUTUAL)
    everybody(lab)


@scenario("tls-client-cert-other-ca")
def tls_client_cert_other_ca(lab):
    """The clients show a certificate of an authority that the broker does not know."""
    prepare(lab)
    other = Authority(lab, "other")
    other.issue("client", "sensor-17")
    lab.capture()
    broker(lab, *MUTUAL)
    with_certificate(lab)


@scenario("tls-client-cert-expired")
def tls_client_cert_expired(lab):
    """The clients show a certificate that has expired."""
    authority = prepare(lab)
    authority.issue("client", "sensor-17", ends="20250301120000Z")
    lab.capture()
    broker(lab, *MUTUAL)
    with_certificate(lab)


@scenario("tls-client-cert-revoked")
def tls_client_cert_revoked(lab):
    """The clients show a certificate that the broker's list of revoked certificates names."""
    authority = prepare(lab)
    authority.issue("client", "sensor-17", ends="20400101000000Z")
    authority.revoke("client")
    lab.capture()
    broker(lab, *MUTUAL, "crlfile ca.crl")
    with_certificate(lab)


@scenario("tls-client-cert-accepted")
def tls_client_cert_accepted(lab):
    """The broker requires a certificate of the client, and the clients show a good one."""
    authority = prepare(lab)
    authority.issue("client", "sensor-17")
    lab.capture()
    broker(lab, *MUTUAL)
    with_certificate(lab)


def with_certificate(lab):
    for tls in ("1.2", "1.3"):
        paho(lab, tls=tls, cert="client")
        mqttjs(lab, tls=f"TLSv{tls}", cert="client")
    publish(lab, "--cert", "client.crt", "--key", "client.key", host="client3")


@scenario("tls-version-refused")
def tls_version_refused(lab):
    """The broker speaks TLS 1.3 only, the clients TLS 1.2 only."""
    prepare(lab)
    lab.capture()
    broker(lab, *SERVER, "tls_version tlsv1.3")
    paho(lab, tls="1.2")
    mqttjs(lab, tls="TLSv1.2")


@scenario("tls-old-client")
def tls_old_client(lab):
    """Old clients speak TLS 1.0 and 1.1 only, to a mosquitto of TLS 1.2; then one of TLS 1.1 is served by a listener that still speaks it, on port 8884."""
    prepare(lab)
    lab.capture()
    broker(lab, *SERVER, "listener 8884", *SERVER[1:], "tls_version tlsv1.1", "ciphers DEFAULT:@SECLEVEL=0")
    for tls in ("-tls1", "-tls1_1"):
        s_client(lab, "-CAfile", "ca.crt", "-servername", NAME, "-cipher", "DEFAULT:@SECLEVEL=0", tls)
    paho(lab, tls="1.1", ciphers="DEFAULT:@SECLEVEL=0", port="8884")


@scenario("tls-no-shared-cipher")
def tls_no_shared_cipher(lab):
    """The broker takes one cipher suite of TLS 1.2; one client does not offer it, another offers suites for keys of RSA only."""
    prepare(lab)
    lab.capture()
    broker(lab, *SERVER, "ciphers ECDHE-ECDSA-CHACHA20-POLY1305")
    paho(lab, tls="1.2", ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    mqttjs(lab, tls="TLSv1.2", ciphers="ECDHE-RSA-AES256-GCM-SHA384")


@scenario("tls-alpn")
def tls_alpn(lab):
    """A server of TLS on port 443 knows the ALPN names mqtt and x-amzn-mqtt-ca: a client asks for a name that it does not know on port 8883, two for these, one is a browser."""
    prepare(lab)
    lab.capture()
    for port in ("8883", "443"):
        lab.start_program("broker", "sh", "-c", f"sleep 12 | openssl s_server -accept {port} -cert server.crt -key server.key -alpn mqtt,x-amzn-mqtt-ca,http/1.1 -quiet")
    lab.sleep(0.5)
    s_client(lab, "-CAfile", "ca.crt", "-servername", NAME, "-alpn", "mqtt/5", "-tls1_3")
    s_client(lab, "-CAfile", "ca.crt", "-servername", NAME, "-alpn", "mqtt/5", "-tls1_2")
    s_client(lab, "-CAfile", "ca.crt", "-servername", NAME, "-alpn", "x-amzn-mqtt-ca", "-tls1_2", port=443)
    s_client(lab, "-CAfile", "ca.crt", "-servername", NAME, "-alpn", "mqtt", "-verify_return_error", "-verify_hostname", "other.lan", port=443)
    s_client(lab, "-CAfile", "ca.crt", "-servername", NAME, "-alpn", "h2,http/1.1", port=443)


@scenario("tls-psk")
def tls_psk(lab):
    """A broker that knows its clients by pre-shared keys: a client with the right key, one whose identity is unknown, one with a wrong key."""
    named(lab)
    lab.file("keys", "sensor-17:aabbccddeeff00112233445566778899\n")
    lab.capture()
    broker(lab, "listener 8883", "psk_file keys", "psk_hint plant", "allow_anonymous true")
    for identity, key in (("sensor-17", "aabbccddeeff00112233445566778899"), ("sensor-18", "aabbccddeeff00112233445566778899"), ("sensor-17", "00112233445566778899aabbccddeeff")):
        publish(lab, "--psk", key, "--psk-identity", identity, ca=None)


@scenario("tls-stalled")
def tls_stalled(lab):
    """A proxy in front of the broker: it takes the client's hello and is silent, closes at once, passes half of the server's answer and is silent, then half of it and closes. MQTT.js loses patience after four seconds."""
    prepare(lab)
    lab.capture()
    broker(lab, "listener 8884", *SERVER[1:])
    proxy = lab.start_program("broker", sys.executable, HERE / "tls-proxy.py", "silent", "close", "half-silent", "half-close", shown="python tls-proxy.py silent close half-silent half-close")
    proxy.wait_for("listening")
    mqttjs(lab)
    paho(lab, "connect", tls="1.2")
    mqttjs(lab, tls="TLSv1.2")
    paho(lab, "connect", tls="1.2")
    proxy.stop()


@scenario("tls-plain-inside")
def tls_plain_inside(lab):
    """A client speaks plain MQTT to the broker's port for TLS, and another TLS to its port for plain MQTT."""
    prepare(lab)
    lab.capture()
    broker(lab, *SERVER, port=1883)
    lab.paho("client", "sensor-17", "connect", "ended=3", port=PORT)
    run(lab, "client2", "mosquitto_pub", "-h", NAME, "-p", "1883", "--cafile", "ca.crt", "-i", "meter-9", "-t", "meter/9/energy", "-m", "1")


@scenario("tls-plain-on-8883")
def tls_plain_on_8883(lab):
    """The broker speaks plain MQTT on port 8883, because its listener lacks the certificate; a client comes with TLS."""
    prepare(lab)
    lab.capture()
    lab.mosquitto(port=8883)
    publish(lab)
    paho(lab, "connect", tls="1.2")


@scenario("tls-killed")
def tls_killed(lab):
    """A session over TLS 1.3; the broker is killed. Then a client over TLS 1.2 is killed."""
    prepare(lab)
    lab.capture()
    first = broker(lab, *SERVER)
    client = paho(lab, "connect", "pub=plant/7/temperature,1,21.5", "acks", "ended=5", wait=False).wait_for("on_publish")
    lab.sleep(1)
    first.kill()
    client.wait()
    broker(lab, *SERVER)
    client = paho(lab, "connect", "pub=plant/7/temperature,1,21.5", "acks", "ended=9", tls="1.2", wait=False).wait_for("on_publish")
    lab.sleep(1)
    client.kill()
    lab.sleep(0.5)


@scenario("tls-checked-and-left")
def tls_checked_and_left(lab):
    """A monitoring program makes a TLS connection to the broker, sends nothing and says goodbye in TLS: over TLS 1.2 and TLS 1.3."""
    prepare(lab)
    lab.capture()
    broker(lab, *SERVER)
    for tls in ("-tls1_2", "-tls1_3"):
        run(lab, "client", "sh", "-c", f"openssl s_client -connect {NAME}:{PORT} -servername {NAME} -CAfile ca.crt {tls} < /dev/null > /dev/null", shown=f"openssl s_client -connect {NAME}:{PORT} -servername {NAME} -CAfile ca.crt {tls} < /dev/null")
