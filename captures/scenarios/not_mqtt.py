"""No MQTT at all."""
import sys

from lab import BROKER, HERE, scenario


@scenario("not-mqtt")
def not_mqtt(lab):
    """HTTP on port 8080, SMTP on 2525, the greeting of SSH on 2222: no MQTT anywhere, although some first bytes could pass for it."""
    lab.capture()
    lab.start_program("broker", sys.executable, HERE / "chatter.py", "serve", shown="python chatter.py serve").wait_for("listening")
    lab.start_program("client", sys.executable, HERE / "chatter.py", "talk", BROKER, shown=f"python chatter.py talk {BROKER}").wait()
