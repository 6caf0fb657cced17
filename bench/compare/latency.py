"""What a gateway adds to a packet's way, beside testpmd macswap at the same rate: both stand behind
two memif sockets, and compare-latency sends stamped frames and waits for them.

Half of postern's own highest rate over these ports is offered to both. A process a trial, on either
side, so that nothing is left from the one before.
"""
import json
import os
import subprocess
import time

import testpmd
import traffic
import trials
import watch

START_S = 20
SESSIONS = 1000
LOAD = 0.5
MILLISECONDS = 1000
SEARCHES = 3            # for the highest rate; the best one counts
THREAD = "rte-worker"   # of DPDK, in both programs

CONFIGURATION = """version = 1;
gateway : { name = "compare"; control_socket = "%(folder)s/control.sock"; };
eal : { memory = "%(memory)s"; memory_mb = 512; };
workers : { cpus = "%(cpu)d"; };
ports = (
  { name = "underlay"; device = "net_memif0,%(near)s,mac=02:00:00:00:00:10"; role = "cluster";
    addresses = [ "10.0.255.254/16" ]; mtu = 1600; },
  { name = "uplink"; device = "net_memif1,%(far)s,mac=02:00:00:00:00:20"; role = "external";
    addresses = [ "192.0.2.10/24" ]; gateway = "192.0.2.1"; }
);
tunnels = ( { name = "overlay"; type = "vxlan"; local = "10.0.255.254"; vni = 100; } );
nodes = ( %(nodes)s );
namespaces = ( { name = "space"; pods = [ %(pods)s ]; } );
egress_ips = ( { name = "out"; namespaces = [ "space" ]; addresses = [ "100.64.0.1" ]; } );
firewall : { default = "allow"; };
sessions : { max = 65536; };
"""


class Failed(RuntimeError):
    """No frames came through."""


def dotted(address):
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


def configuration(folder, setting, near, far):
    """The network of traffic.py for postern."""
    nodes = ", ".join(
        '{ name = "node-%d"; tunnel = "overlay"; vtep = "%s"; pod_cidrs = [ "%s/24" ]; }' % (
            node, dotted(traffic.node_vtep(node)), dotted(0x0A800000 + (node << 8)))
        for node in range(traffic.nodes_of(SESSIONS)))
    pods = traffic.pods_of(SESSIONS)
    addresses = ", ".join('"%s"' % dotted(traffic.conversation(pods, pod)[1])
                          for pod in range(pods))
    return CONFIGURATION % {
        "folder": folder, "memory": "in-memory" if setting.huge_pages else "no-huge",
        "cpu": setting.worker_cpu, "near": near, "far": far, "nodes": nodes, "pods": addresses}


def parse_probe(text):
    """The figures of compare-latency; None where too few frames came back to speak of a tail."""
    said = json.loads(text)
    return said if said["received"] >= 1000 else None


class Way:
    """One program between two sockets, as a contestant. `rate` in frames a second; 0 is as many as
    it takes."""
    _number = 0

    def __init__(self, ground, setting, rate=0):
        self._ground, self._setting, self._rate = ground, setting, rate
        self.sessions, self.reasons = SESSIONS, []

    def poll_threads(self):
        return 0, ""  # its process lives only while it is measured: see measure()

    def measure(self, _seconds):
        Way._number += 1
        folder = self._ground.path("%s-%d" % (self.name, Way._number))
        os.mkdir(folder)
        sockets = [os.path.join(folder, name) for name in ("near", "far")]
        devices = ["role=server,id=0,socket-abstract=no,socket=" + path for path in sockets]
        process = self._start(folder, devices)
        try:
            self._wait_for(sockets, process)
            with watch.Clock() as clock:
                figures = self._probe(sockets)
            waited = watch.waited(watch.threads_of(process.pid, THREAD))
        finally:
            self._ground.stop(process)
        self.reasons = self._reasons_against(figures, waited / clock.seconds)
        return figures

    def _reasons_against(self, figures, waited):
        reasons = []
        if waited > trials.DELAY_ALLOWED:
            reasons.append("switched out for %.1f %%" % (waited * 100))
        if figures and self._rate and figures["received"] < figures["sent"]:
            reasons.append("lost %d of %d frames" % (
                figures["sent"] - figures["received"], figures["sent"]))
        return reasons

    def _start(self, folder, devices):
        raise NotImplementedError

    @staticmethod
    def _wait_for(sockets, process):
        end = time.monotonic() + START_S
        while not all(map(os.path.exists, sockets)):
            if process.poll() is not None or time.monotonic() > end:
                raise Failed("no sockets")
            time.sleep(0.02)

    def _probe(self, sockets):
        command = [self._setting.program("compare-latency"), *sockets, str(self._setting.main_cpu),
                   str(self._rate), str(MILLISECONDS), str(SESSIONS)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=4 * START_S,
                              check=False)
        if done.returncode:
            raise Failed(done.stderr.strip()[-400:])
        return parse_probe(done.stdout.splitlines()[-1])


class PosternWay(Way):
    """The daemon."""
    name = "postern-memif"

    def _start(self, folder, devices):
        path = os.path.join(folder, "gateway.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(configuration(folder, self._setting, *devices))
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            return self._ground.popen(self._setting.program("postern"), "-c", path, stdout=log,
                                      stderr=log)


class MacswapWay(Way):
    """testpmd: what comes by one port leaves by the other with its addresses swapped."""
    name = "testpmd-macswap-memif"

    def _start(self, folder, devices):
        memory = ["--in-memory"] if self._setting.huge_pages else ["--no-huge", "-m", "512"]
        command = [testpmd.PROGRAM, "--no-pci", "--file-prefix", os.path.basename(
            self._ground.folder) + os.path.basename(folder), *memory,
            "--lcores", "0@%d,1@%d" % (self._setting.main_cpu, self._setting.worker_cpu)]
        for number, device in enumerate(devices):
            command += ["--vdev", "net_memif%d,%s" % (number, device)]
        command += ["--", "--forward-mode=macswap", "--no-flush-rx", "--rxq=1", "--txq=1",
                    "--burst=%d" % testpmd.BURST, "--total-num-mbufs=16384", "--nb-cores=1",
                    "--auto-start", "-i"]
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            return self._ground.popen(*command, stdin=subprocess.PIPE, stdout=log, stderr=log)


def contestants(ground, setting):
    """Both ways at the same rate: LOAD of what the daemon carries over these ports."""
    rates = []
    for _ in range(SEARCHES):
        figures = PosternWay(ground, setting).measure(0)
        rates.append(figures["packets_per_second"] if figures else 0)
    rate = int(max(rates) * LOAD)
    if not rate:
        raise Failed("the daemon carries nothing over memif")
    return [kind(ground, setting, rate) for kind in (MacswapWay, PosternWay)]
