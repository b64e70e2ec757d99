"""A small network of namespaces, the programs in it, and the record of what they did.

    client 10.0.0.11 ─┐
   client2 10.0.0.12 ─┤ router 10.0.0.1 ── broker 10.0.0.2
   client3 10.0.0.13 ─┘
(and fd00::11, … in the scenario that wants IPv6)
"""
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = HERE.parent / ".venv" / "bin" / "python"
PREFIX = "mqttcap-"
HOSTS = {"broker": 2, "client": 11, "client2": 12, "client3": 13}
BROKER = "10.0.0.2"
SCENARIOS = {}


def scenario(name):
    """Registers a scenario; the docstring is its story."""
    def register(function):
        SCENARIOS[name] = function
        return function
    return register


def quiet(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


class Program:
    """A running program whose output is kept line by line with its time."""

    def __init__(self, lab, host, words, shown=None):
        self.lab, self.host = lab, host
        self.shown = shown or shlex.join(map(str, words))
        self.lines, self.began = [], lab.now()
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", lab.namespace(host), *map(str, words)], cwd=lab.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append((self.lab.now(), line.rstrip()))

    def wait_for(self, text, seconds=15):
        """Waits until a line of the output holds the text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if any(text in line for _, line in list(self.lines)):
                return self
            time.sleep(0.02)
        raise TimeoutError(f"{self.shown}: no {text!r} in {[line for _, line in self.lines]}")

    def wait(self, seconds=40):
        self.process.wait(seconds)
        self.reader.join(2)
        return self

    def signal(self, number):
        self.lab.note(f"{signal.Signals(number).name} to {self.shown.split()[0]} ({self.host})")
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self):
        """Ends it without a note: the scenario is over."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(2)

    def record(self):
        text = [f"[{self.host}, started at {self.began:.2f} s] $ {self.shown}"]
        text += [f"{when:8.2f}  {line}" for when, line in self.lines]
        status = self.process.returncode
        text.append(f"          (exit status {status})" if status >= 0 else f"          (ended by {signal.Signals(-status).name})")
        return "\n".join(text)


class Lab:
    def __init__(self, name, number, story, offloads=False, ipv6=False):
        self.name, self.story = name, story
        self.prefix = f"{PREFIX}{os.getpid()}-{number}-"
        self.offloads, self.ipv6 = offloads, ipv6
        self.folder = tempfile.mkdtemp(prefix=self.prefix)
        self.start = time.monotonic()
        self.programs, self.notes, self.files, self.captures = [], [], [], []

    # the network

    def namespace(self, host):
        return self.prefix + host

    def ip(self, host, *words):
        quiet("ip", "-n", self.namespace(host), *words)

    def set_up(self):
        for host in ("router", *HOSTS):
            quiet("ip", "netns", "add", self.namespace(host))
            self.ip(host, "link", "set", "lo", "up")
            disabled = "0" if self.ipv6 else "1"
            self.inside(host, "sysctl", "-qw", f"net.ipv6.conf.all.disable_ipv6={disabled}",
                        f"net.ipv6.conf.default.disable_ipv6={disabled}")
        self.inside("router", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        for host, last in HOSTS.items():
            near, far = self.namespace(host), self.namespace("router")
            mac = f"02:00:0a:00:00:{last:02x}"
            quiet("ip", "-n", near, "link", "add", "eth0", "address", mac, "type", "veth",
                  "peer", "name", host, "address", f"02:00:0a:00:01:{last:02x}", "netns", far)
            for namespace, device in ((near, "eth0"), (far, host)):
                if not self.offloads:
                    quiet("ip", "netns", "exec", namespace, "ethtool", "-K", device, *"rx off tx off tso off gso off gro off".split())
                quiet("ip", "-n", namespace, "link", "set", device, "up")
            self.ip("router", "address", "add", "10.0.0.1/32", "dev", host)
            self.ip("router", "route", "add", f"10.0.0.{last}", "dev", host)
            self.ip(host, "address", "add", f"10.0.0.{last}/32", "dev", "eth0")
            self.ip(host, "route", "add", "default", "via", "10.0.0.1", "dev", "eth0", "onlink")
            if self.ipv6:
                self.ip("router", "address", "add", "fd00::1/128", "dev", host, "nodad")
                self.ip("router", "route", "add", f"fd00::{last}", "dev", host)
                self.ip(host, "address", "add", f"fd00::{last}/128", "dev", "eth0", "nodad")
                self.ip(host, "route", "add", "default", "via", "fd00::1", "dev", "eth0", "onlink")

    def inside(self, host, *words):
        quiet("ip", "netns", "exec", self.namespace(host), *words)

    def firewall(self, host, *words):
        """An iptables rule, noted in the record."""
        self.note(f"{host}: iptables {' '.join(words)}")
        self.inside(host, "iptables", "-w", *words)

    def resolver(self, host, *lines):
        """What /etc/resolv.conf says on a host, kept in the record."""
        folder = pathlib.Path("/etc/netns", self.namespace(host))
        folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join(lines) + "\n"
        (folder / "resolv.conf").write_text(text)
        (folder / "nsswitch.conf").write_text("hosts: dns\n")
        self.files.append((f"resolv.conf ({host})", text))

    def tear_down(self):
        for program in [*self.captures, *self.programs]:
            program.stop()
        for host in ("router", *HOSTS):
            subprocess.run(["ip", "netns", "del", self.namespace(host)], capture_output=True)
            shutil.rmtree(pathlib.Path("/etc/netns", self.namespace(host)), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    # time and record

    def now(self):
        return time.monotonic() - self.start

    def sleep(self, seconds):
        time.sleep(seconds)

    def note(self, text):
        self.notes.append((self.now(), text))

    def file(self, name, text):
        """A configuration file in the scenario's folder, kept in the record."""
        pathlib.Path(self.folder, name).write_text(text)
        if all(known != name for known, _ in self.files):
            self.files.append((name, text))
        return name

    def record(self):
        parts = [f"{self.name}\n{'=' * len(self.name)}\n{self.story}", versions()]
        parts += [f"--- {name}\n{text.rstrip()}" for name, text in self.files]
        if self.notes:
            parts.append("--- what the script did\n" + "\n".join(f"{when:8.2f}  {text}" for when, text in self.notes))
        parts += [program.record() for program in self.programs]
        return "\n\n".join(parts) + "\n"

    # the capture

    def capture(self, at="broker", interface="eth0", only="tcp", snaplen=0):
        words = ["tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-s", snaplen, "-Z", "root", "-w", "capture.pcap", *only.split()]
        program = Program(self, at, words)
        self.captures.append(program)
        program.wait_for("listening on")
        self.note(f"{at}: {program.shown}")
        time.sleep(0.2)

    def end_capture(self):
        time.sleep(0.5)
        for program in self.captures:
            if program.process.poll() is None:
                program.process.send_signal(signal.SIGINT)
                program.wait(5)
                self.note("capture ends")

    # programs

    def start_program(self, host, *words, shown=None):
        program = Program(self, host, words, shown)
        self.programs.append(program)
        return program

    def run(self, host, *words):
        return self.start_program(host, *words).wait()

    def mosquitto(self, *lines, port=1883, host="broker", address=None):
        """Starts a mosquitto that accepts everybody, unless the lines say otherwise."""
        listener = f"listener {port} {address}" if address else f"listener {port}"
        head = [listener, "user root", "log_dest stderr", "log_type all"]
        if not any(line.startswith(("allow_anonymous", "plugin")) for line in lines):
            head.append("allow_anonymous true")
        name = "mosquitto.conf" if port == 1883 else f"mosquitto-{port}.conf"
        self.file(name, "\n".join([*head, *lines]) + "\n")
        return self.start_program(host, "mosquitto", "-c", name).wait_for("running")

    def dns(self, names, host="router", address="10.0.0.1"):
        """Starts the scripted DNS server: what it answers by name; names that it does not know do not exist."""
        script = json.dumps(names)
        return self.start_program(host, sys.executable, HERE / "dns-server.py", address, script,
                                  shown=f"python dns-server.py {address} {shlex.quote(script)}").wait_for("listening")

    def aedes(self):
        """Starts Aedes, the broker of npm."""
        return self.start_program("broker", "node", HERE / "aedes-broker.js", shown="node aedes-broker.js").wait_for("listening")

    def scripted(self, *connections, port=1883):
        """Starts the scripted broker: one set of rules per connection, the last one for all that follow."""
        script = json.dumps({"port": port, "connections": list(connections) or [{}]})
        return self.start_program("broker", "node", HERE / "scripted-broker.js", script,
                                  shown=f"node scripted-broker.js {shlex.quote(script)}").wait_for("listening")

    def start_paho(self, host, client_id, /, *steps, **options):
        words = ["--id", client_id]
        for name, value in options.items():
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        words += steps
        return self.start_program(host, PYTHON, HERE / "paho-client.py", *words, shown=f"python paho-client.py {shlex.join(words)}")

    def paho(self, host, client_id, /, *steps, **options):
        return self.start_paho(host, client_id, *steps, **options).wait()

    def start_fighter(self, host, client_id, connections):
        """Starts a client that comes back 25 ms after each time it was thrown out."""
        words = [BROKER, client_id, str(connections), "0.025"]
        return self.start_program(host, sys.executable, HERE / "fighter.py", *words, shown=f"python fighter.py {shlex.join(words)}")

    def start_raw(self, host, *steps, port=1883):
        script = json.dumps(steps)
        return self.start_program(host, "node", HERE / "raw-client.js", BROKER, port, script,
                                  shown=f"node raw-client.js {BROKER} {port} {shlex.quote(script)}")

    def raw(self, host, *steps, port=1883):
        return self.start_raw(host, *steps, port=port).wait()

    def mqttjs(self, host, client_id, expected):
        return self.start_program(host, "node", HERE / "mqttjs-client.js", BROKER, 1883, client_id, expected,
                                  shown=f"node mqttjs-client.js {BROKER} 1883 {client_id} {expected}").wait()


def remove_remains():
    """Ends what an earlier run left behind when it was killed: namespaces and folders of ours whose maker is gone, and the programs in them."""
    def is_remains(name):
        maker = name.removeprefix(PREFIX).partition("-")[0]
        return name.startswith(PREFIX) and maker.isdigit() and not pathlib.Path("/proc", maker).exists()

    for line in subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout.splitlines():
        name = line.split()[0]
        if is_remains(name):
            for program in subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split():
                os.kill(int(program), signal.SIGKILL)
            quiet("ip", "netns", "del", name)
    for folder in pathlib.Path(tempfile.gettempdir()).iterdir():
        if is_remains(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


_versions = ""


def versions():
    """One line with the version of everything that speaks in the captures."""
    global _versions
    if not _versions:
        def first(*words):
            done = subprocess.run(words, capture_output=True, text=True)
            return (done.stdout or done.stderr).strip().splitlines()[0]
        package = json.loads((HERE / "package.json").read_text())["dependencies"]
        _versions = ", ".join([
            first("mosquitto", "-h"), first("tcpdump", "--version"), (HERE / "requirements.txt").read_text().strip(),
            *(f"{name} {version} (npm)" for name, version in package.items()),
            "Node " + first("node", "--version"), "Python " + sys.version.split()[0], "Linux " + os.uname().release.partition("-")[0]])
    return "Versions: " + _versions


def make(name, number, destination):
    """Runs one scenario and writes NAME.pcapng and NAME.txt."""
    function = SCENARIOS[name]
    story = " ".join(function.__doc__.split())
    lab = Lab(name, number, story, **getattr(function, "network", {}))
    try:
        lab.set_up()
        lab.start = time.monotonic()
        function(lab)
        lab.end_capture()
        target = pathlib.Path(destination, name + ".pcapng")
        quiet("editcap", "-F", "pcapng", pathlib.Path(lab.folder, "capture.pcap"), target)
        for program in lab.programs:
            program.stop()
        pathlib.Path(destination, name + ".txt").write_text(lab.record())
    finally:
        lab.tear_down()


def network(**options):
    """Options of the Lab for one scenario."""
    def mark(function):
        function.network = options
        return function
    return mark
