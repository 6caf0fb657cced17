"""The process under test: `postern -c FILE` in the gateway's namespace, and its control socket."""
import os
import re
import shutil
import signal
import time

from . import control, settings

START_PATIENCE_S = 20.0
STOP_LIMIT_S = 2.0
LOG_TAIL_LINES = 25
REPORTS = re.compile(r"(Sanitizer|runtime error:|terminate called|Assertion|Segmentation fault)")
# For a build with sanitizers; print_suppressions would look like a report in the log.
SANITIZERS = {"LSAN_OPTIONS": "print_suppressions=0:suppressions=" + os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "leaks_of_others.supp")}
OUTCOMES = ("packets.forwarded", "packets.answered", "packets.dropped", "packets.held")


class Gateway:
    """One postern process after another over one configuration file."""

    def __init__(self, ground, namespace, folder):
        self._ground, self._namespace, self._folder = ground, namespace, folder
        self.socket_path = ground.path("control.sock")
        self.config_path = ground.path("postern.cfg")
        self.log_path = ground.path("postern.log")
        self._process = self._client = None

    def program(self, name):
        return os.path.join(self._folder, name)

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    def write(self, model):
        """Writes the configuration; a reader sees the old text or the new one."""
        with open(self.config_path + ".new", "w", encoding="utf-8") as file:
            file.write(settings.text(model))
        os.rename(self.config_path + ".new", self.config_path)

    def launch(self, *by):
        """Starts the process and does not wait for it; `by` is a command that executes it."""
        with open(self.log_path, "ab") as log:
            self._process = self._namespace.popen(
                *by, self.program("postern"), "-c", self.config_path, stdout=log, stderr=log,
                env=dict(os.environ, **SANITIZERS))

    def wait_ready(self):
        self._client = control.connect(self.socket_path, START_PATIENCE_S, lambda: self.running)
        if self._client is None:
            raise RuntimeError("the gateway did not come up (exit %s):\n%s" % (
                self._process.poll(), self.log_tail()))

    def wait_exit(self, limit_s):
        """The exit status of a process whose end the case asked for."""
        process, self._process = self._process, None
        return process.wait(limit_s)

    def signal(self, sign):
        self._process.send_signal(sign)

    def kill(self):
        """SIGKILL, as in a crash. What DPDK keeps of a process in /run goes with it."""
        self.disconnect()
        pid = self.pid
        self._ground.stop(self._process, signal.SIGKILL)
        self._process = None
        shutil.rmtree("/run/dpdk/postern-%d" % pid, ignore_errors=True)

    def stop(self):
        """SIGTERM: (exit status, seconds)."""
        self.disconnect()
        return self._ground.stop(self._process, signal.SIGTERM, patience_s=8.0)

    def disconnect(self):
        if self._client:
            self._client.close()
            self._client = None

    def call(self, method, **params):
        if self._client is None:
            self._client = control.Client(self.socket_path)
        return self._client.call(method, **params)

    def client(self):
        """A connection of its own, for another thread."""
        return self._ground.add(control.Client(self.socket_path))

    def counters(self):
        return self.call("counters.get")

    def drops(self):
        """Counts of the drop reasons that are not zero."""
        return {name[len("drop."):]: count for name, count in self.counters().items()
                if name.startswith("drop.") and count}

    def apply(self, model):
        self.write(model)
        return self.call("config.apply", path=self.config_path)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def log_tail(self):
        return "\n".join(self.log().splitlines()[-LOG_TAIL_LINES:])

    # ---- what must hold at the end of every case

    def imbalance(self):
        """How the counters fail to close; None when they do."""
        count = self.counters()

        def over_ports(kind):
            return sum(n for name, n in count.items()
                       if name.startswith("port.") and name.endswith("." + kind))

        sums = (
            ("received + made", count["packets.received"] + count["packets.made"],
             "forwarded + answered + dropped + held", sum(count[name] for name in OUTCOMES)),
            ("all reasons", sum(n for name, n in count.items() if name.startswith("drop.")),
             "packets.dropped", count["packets.dropped"]),
            ("received by all ports", over_ports("received"),
             "packets.received", count["packets.received"]),
            ("forwarded by all ports", over_ports("forwarded"),
             "packets.forwarded", count["packets.forwarded"]),
            ("sessions created - expired - deleted", count["session.created"] -
             count["session.expired"] - count["session.deleted"],
             "session.active", count["session.active"]))
        for left, left_sum, right, right_sum in sums:
            if left_sum != right_sum:
                return "%s = %d, %s = %d" % (left, left_sum, right, right_sum)
        return None

    def quiet_imbalance(self, patience_s=3.0):
        """The same once the traffic has ended: stray ARP may fall into one reading."""
        end = time.monotonic() + patience_s
        while True:
            found = self.imbalance()
            if found is None or time.monotonic() > end:
                return found
            time.sleep(0.1)

    def end_complaints(self):
        """Stops it the ordinary way and says what was not as promised."""
        if self._process is None:
            return
        if not self.running:
            if self._process.returncode:
                yield "the gateway ended by itself: exit %d" % self._process.returncode
        else:
            try:
                unbalanced = self.quiet_imbalance()
                if unbalanced:
                    yield "counters: " + unbalanced
            except (OSError, control.RpcError, KeyError) as error:
                yield "counters: %r" % error
            status, seconds = self.stop()
            if status:
                yield "exit %d on SIGTERM" % status
            if seconds > STOP_LIMIT_S:
                yield "SIGTERM took %.1f s" % seconds
            if os.path.lexists(self.socket_path):
                yield "the socket file is left behind"
        report = REPORTS.search(self.log())
        if report:
            yield "the log holds a report: " + self.log()[report.start():][:600]

    def describe(self):
        """What a failed case needs to be understood: counters, drops, the end of the log."""
        lines = []
        if self.running:
            try:
                count = self.counters()
                lines.append("counters: " + ", ".join(
                    "%s %d" % (name, n) for name, n in sorted(count.items()) if n))
                for row in self.call("drops.list")["rows"]:
                    if row["count"]:
                        lines.append("dropped: %s" % row)
            except (OSError, control.RpcError, KeyError) as error:
                lines.append("no counters: %r" % error)
        if os.path.exists(self.log_path):
            lines.append("log:\n" + self.log_tail())
        return "\n".join(lines)
