"""testpmd as a peer: one process a file of frames, whose modes are contestants of their own.

It is told what to do through its prompt and sleeps between trials: lcores of a stopped testpmd do
not poll. `once` reads the file through and no further, where a file is too large to be kept in
packet buffers; without it the frames are loaded and come again and again.
"""
import os
import re
import select
import subprocess
import time

PACKAGE = "dpdk-dev"
PROGRAM = "dpdk-testpmd"
THREAD = "rte-worker"
BURST = 64
DATA_ROOM_BYTES = 384          # headroom of 128, and room for the largest of our frames
SPARE_BUFFERS = 8192
PATIENCE_S = 60
SETTLING_S = 0.1

CYCLES = re.compile(r"CPU cycles/packet=([\d.]+) \(total cycles=(\d+) / total \S+ packets=(\d+)\)"
                    r" at (\d+) MHz Clock")
PROMPT = "testpmd> "


class Failed(RuntimeError):
    """testpmd did not start, or did not answer."""


def parse_statistics(text):
    """The figures of the last statistics in what testpmd said; None where nothing was polled."""
    found = None
    for found in CYCLES.finditer(text):
        pass
    if found is None:
        return None
    cycles, packets, hertz = int(found[2]), int(found[3]), int(found[4]) * 1e6
    if not packets:
        return None
    return {"cycles_per_packet": cycles / packets, "packets_per_second": hertz * packets / cycles,
            "packets": packets}


def in_order(text, words):
    """Whether the words are in the text, one behind the other."""
    at = 0
    for word in words:
        found = text.find(word, at)
        if found < 0:
            return False
        at = found + len(word)
    return True


def command(pcap, packets, setting, prefix, once=False):
    """The command line. `setting`: main and worker CPU, and whether there are huge pages."""
    buffers = (0 if once else packets) + SPARE_BUFFERS
    device = "net_pcap0,rx_pcap=%s%s" % (pcap, "" if once else ",infinite_rx=1")
    memory = ["--in-memory"]
    if not setting.huge_pages:
        memory = ["--no-huge", "-m", str(256 + buffers // 1024)]
    return ["stdbuf", "-oL", PROGRAM, "--no-pci", "--file-prefix", prefix, *memory,
            "--lcores", "0@%d,1@%d" % (setting.main_cpu, setting.worker_cpu),
            "--vdev", device, "--", "-i", "--no-flush-rx", "--record-core-cycles",
            "--burst=%d" % BURST, "--total-num-mbufs=%d" % buffers,
            "--mbuf-size=%d" % DATA_ROOM_BYTES, "--port-topology=loop", "--nb-cores=1"]


class Testpmd:
    """A process over one file of frames."""

    def __init__(self, ground, setting, prefix, pcap, packets, once=False):
        self._once, self._ground = once, ground
        self._process = ground.popen(*command(pcap, packets, setting, prefix, once),
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT)
        self._said = self._until(PROMPT)
        if "Port 0:" not in self._said:
            raise Failed("testpmd has no port:\n" + self._said[-800:])

    @property
    def pid(self):
        return self._process.pid

    def _until(self, *words):
        """What it says until it has said all of the words, in this order."""
        end, said = time.monotonic() + PATIENCE_S, ""
        output = self._process.stdout.fileno()
        while not in_order(said, words):
            ready, _, _ = select.select([output], [], [], max(0, end - time.monotonic()))
            data = os.read(output, 65536) if ready else b""
            if not data:
                raise Failed("testpmd %s:\n%s" % (
                    "does not answer" if not ready else "ended", said[-800:]))
            said += data.decode(errors="replace")
        return said

    def close(self):
        self._ground.stop(self._process)

    def _tell(self, line, *answer):
        self._process.stdin.write((line + "\n").encode())
        self._process.stdin.flush()
        return self._until(*(answer or (PROMPT,)))

    def measure(self, mode, seconds):
        self._tell("set fwd " + mode, "packet forwarding mode", PROMPT)
        if self._once:
            return self._read_through(seconds)
        self._tell("start")
        time.sleep(SETTLING_S)
        self._tell("clear fwd stats all")
        time.sleep(seconds)
        said = self._tell("show fwd stats all", "MHz Clock")
        self._tell("stop", "Done.", PROMPT)
        return parse_statistics(said)

    def _read_through(self, seconds):
        for line in ("port stop 0", "port start 0"):
            self._tell(line, "Done", PROMPT)
        self._tell("start")
        time.sleep(seconds)
        return parse_statistics(self._tell("stop", "Done.", PROMPT))


class Mode:
    """One of testpmd's forwarding modes, as a contestant."""

    def __init__(self, process, mode, name):
        self.name, self._process, self._mode = name, process, mode

    def poll_threads(self):
        return self._process.pid, THREAD

    def measure(self, seconds):
        return self._process.measure(self._mode, seconds)
