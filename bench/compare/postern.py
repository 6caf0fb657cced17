"""postern as a peer: postern-bench on the same kind of port, a process a trial."""
import json
import os
import re
import subprocess

START_S = 120           # to fill the largest table
PORT = "net_pcap"
LONGER = 4              # trials of cases without a peer


class Failed(RuntimeError):
    """postern-bench measured nothing."""


def parse_result(text):
    """The figures of postern-bench's JSON, and why they are doubtful."""
    result = json.loads(text)
    figures = {key: value for key, value in result.items()
               if isinstance(value, (int, float)) and not isinstance(value, bool)}
    table_bytes = result.get("environment", {}).get("session_table_bytes")
    if table_bytes and result.get("sessions"):
        figures["bytes_per_session"] = table_bytes / result["sessions"]
    reasons = []
    if result.get("disturbed"):
        reasons.append("disturbed by its own account")
    waiting = sum(value for key, value in figures.items()
                  if key.startswith("lost_") and key.endswith("_waiting"))
    # Where rounds with a change are held against rounds without, such losses are in both.
    if waiting and "lost_by_the_change" not in figures:
        reasons.append("lost %d frames while it waited for its CPU" % waiting)
    if result.get("interrupted"):
        reasons.append("interrupted")
    return figures, reasons, result.get("environment", {})


def port_kind(program):
    """"net_pcap" where postern-bench knows it, otherwise "memory"."""
    said = subprocess.run([program, "run", "--help"], capture_output=True, text=True, timeout=30,
                          check=False)
    return PORT if PORT in said.stdout else "memory"


def knows(program, case):
    """Whether postern-bench has the case: it says so where it lists them."""
    said = subprocess.run([program, "run", "--help"], capture_output=True, text=True, timeout=30,
                          check=False)
    return any(line.split()[:1] == [case] for line in said.stdout.splitlines())


class Postern:
    """A case of postern-bench as a contestant. One without a peer, `alone`, has longer trials, and
    the port that it has by itself."""

    def __init__(self, case, ground, setting, sessions, alone=False):
        self.name, self._case, self._alone = "postern-" + case, case, alone
        self._setting, self.sessions = setting, sessions
        self._path = ground.path("%s-%d.json" % (self.name, sessions))
        self.reasons, self.environment = [], {}

    def poll_threads(self):
        return 0, ""  # postern-bench looks for itself

    def measure(self, seconds):
        seconds *= LONGER if self._alone else 1
        command = [self._setting.program("postern-bench"), "run", self._case,
                   "--sessions", str(self.sessions), "--duration", "%dms" % (seconds * 1000),
                   "--cpu", str(self._setting.worker_cpu), "--json", self._path,
                   *([] if self._alone else self._setting.postern_arguments)]
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
        if not self._alone:
            figures["port"] = self._setting.postern_port
        return figures


def parse_counts(text):
    """What `hot_path check` counted in all cases together: system calls, allocations, and locked
    instructions, of ours and in libraries. None where it counted nothing."""
    lines = re.findall(r"^\S+ +(\d+) +(\d+) +(\d+) +(\d+) +[\d.]+$", text, re.MULTILINE)
    return sum(int(number) for line in lines for number in line) if lines else None


class HotPath:
    """What the hot path must not do, counted: once, since nothing disturbs a count."""
    PROGRAM = "hot_path"

    def __init__(self, name, setting):
        self.name, self.sessions, self._setting = name, 0, setting
        self._figures = None

    def poll_threads(self):
        return 0, ""

    def measure(self, _seconds):
        if self._figures is None:
            done = subprocess.run([self._setting.program(self.PROGRAM), "check"],
                                  capture_output=True, text=True, timeout=START_S, check=False)
            count = parse_counts(done.stdout)
            if count is None:
                raise Failed("hot_path counted nothing: " + done.stderr.strip()[-400:])
            self._figures = {"calls_allocations_locks": count}
        return self._figures
