"""postern as a peer: postern-bench on the same kind of port, a process a trial."""
import json
import os
import subprocess

START_S = 120           # to fill the largest table
PORT = "net_pcap"


class Failed(RuntimeError):
    """postern-bench measured nothing."""


def parse_result(text):
    """The figures of postern-bench's JSON, and why they are doubtful."""
    result = json.loads(text)
    figures = {key: result[key] for key in (
        "cycles_per_packet", "net_cycles_per_packet", "io_cycles_per_packet", "packets_per_second")}
    figures["packets"] = result.get("packets", 0)
    reasons = []
    if result.get("disturbed"):
        reasons.append("disturbed by its own account")
    if result.get("interrupted"):
        reasons.append("interrupted")
    return figures, reasons, result.get("environment", {})


def port_kind(program):
    """"net_pcap" where postern-bench knows it, otherwise "memory"."""
    said = subprocess.run([program, "run", "--help"], capture_output=True, text=True, timeout=30,
                          check=False)
    return PORT if PORT in said.stdout else "memory"


class Postern:
    """A case of postern-bench as a contestant."""

    def __init__(self, case, ground, setting, sessions):
        self.name, self._case = "postern-" + case, case
        self._setting, self._sessions = setting, sessions
        self._path = ground.path("%s-%d.json" % (self.name, sessions))
        self.reasons, self.environment = [], {}

    def poll_threads(self):
        return 0, ""  # postern-bench looks for itself

    def measure(self, seconds):
        command = [self._setting.program("postern-bench"), "run", self._case,
                   "--sessions", str(self._sessions), "--duration", "%dms" % (seconds * 1000),
                   "--cpu", str(self._setting.worker_cpu), "--json", self._path,
                   *self._setting.postern_arguments]
        if not self._setting.huge_pages:
            command += ["--memory", "no-huge"]
        self.reasons = []
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_S + seconds,
                              check=False)
        if done.returncode:
            raise Failed("%s: %s" % (" ".join(command), done.stderr.strip()[-600:]))
        with open(self._path, encoding="utf-8") as file:
            figures, self.reasons, self.environment = parse_result(file.read())
        os.unlink(self._path)
        figures["port"] = self._setting.postern_port
        return figures
