"""Linux itself as a peer: VXLAN of the kernel and SNAT by nftables, on one core.

  sender n0 - g0 [vx0 | nft SNAT] u0 - e0 sink     three namespaces, two veths, offloads off

The gateway's work is done by one CPU: receive packet steering moves it there, away from the sender
and from the sink. Made as easy for the kernel as we know: the outer packets are not tracked,
the tunnel learns nothing, no reverse path filter, no other rule, and the sink drops at once.
"""
import json
import signal
import subprocess
import time

import watch

SETTLING_S = 0.2
PATIENCE_S = 40
SATURATED = 0.97      # of the CPU; below, the sender is the limit and the time used counts
FOREIGN = 0.03        # share of programs on that CPU, above which a trial says nothing
TIMEOUT_S = 86400
CONNTRACK = "/proc/sys/net/netfilter/nf_conntrack_%s"

NAT = """table ip postern_compare {
  chain arrival {
    type filter hook prerouting priority -300
    udp dport 4789 notrack
  }
  chain departure {
    type nat hook postrouting priority 100
    oifname "u0" ip saddr 10.128.0.0/9 snat to 100.64.0.1-100.64.0.16
  }
}
"""
SINK = """table netdev postern_compare {
  chain arrival {
    type filter hook ingress device e0 priority 0
    drop
  }
}
"""


class Failed(RuntimeError):
    """The kernel does not carry the frames."""


def parse_link(text):
    """Packets that left a link, with those that the veth behind it had no room for: the gateway
    has done its work on them too."""
    sent = json.loads(text)[0]["stats64"]["tx"]
    return sent["packets"] + sent["dropped"]


def figures_of(packets, seconds, before, after, tsc_hz):
    """From counts of a CPU's ticks by state; None where nothing passed."""
    passed = {state: after[state] - before[state] for state in before}
    everything = max(1, sum(passed.values()))
    if not packets:
        return None
    busy = 1 - (passed["idle"] + passed["iowait"]) / everything
    foreign = (passed["user"] + passed["nice"]) / everything
    used = (1.0 if busy > SATURATED else busy) - foreign  # theirs is no work of the gateway
    cycles = used * seconds * tsc_hz / packets
    return {"cycles_per_packet": cycles, "packets_per_second": tsc_hz / cycles,
            "packets": packets, "busy": busy,
            "foreign": foreign}


def reasons_against(figures):
    """Programs wait for no interrupt, so there is no waiting to be seen; they are seen instead."""
    if figures and figures["foreign"] > FOREIGN:
        return ["other programs had %.0f %% of its CPU" % (figures["foreign"] * 100)]
    return []


class ConntrackRoom:
    """Room in the kernel's one table for that many sessions; put back on close."""

    def __init__(self, sessions):
        self._before = {}
        for name, wanted in (("buckets", sessions), ("max", sessions * 2)):
            with open(CONNTRACK % name, encoding="ascii") as file:
                now = int(file.read())
            if now < wanted:
                self._before[name] = now
                self._write(name, wanted)

    @staticmethod
    def _write(name, value):
        with open(CONNTRACK % name, "w", encoding="ascii") as file:
            file.write(str(value))

    def close(self):
        for name, value in self._before.items():
            self._write(name, value)


class Kernel:
    """Linux as a contestant."""
    name = "linux-nft"

    def __init__(self, ground, setting, pcap, sessions):
        self._ground, self._setting, self._sessions = ground, setting, sessions
        self.reasons = []
        self._room = ground.add(ConntrackRoom(sessions))
        role = "%d-" % sessions
        self._node, self._gateway, self._outside = (
            ground.namespace(role + name) for name in ("node", "gw", "out"))
        self._pcap, self._sender = pcap, None

    def begin(self):
        """Makes the network, sends, and returns when every session is there."""
        self._connect()
        self._sender = self._node.popen(self._setting.program("compare-send"), "n0", self._pcap,
                                        str(self._setting.main_cpu), stdout=subprocess.DEVNULL)
        self._fill()

    def _connect(self):
        node, gateway, outside = self._node, self._gateway, self._outside
        gateway.ip("link add g0 address 02:00:00:00:00:10 type veth peer name n0 netns "
                   + node.name,
                   "link add u0 type veth peer name e0 netns " + outside.name,
                   "link add vx0 address 02:00:00:00:01:01 type vxlan id 100 dstport 4789 "
                   "local 10.0.255.254 nolearning",
                   "addr add 10.0.255.254/16 dev g0", "addr add 203.0.113.2/24 dev u0",
                   "link set g0 up", "link set u0 up", "link set vx0 up")
        node.ip("link set n0 up")
        outside.ip("link set e0 up")
        for namespace, link in ((node, "n0"), (gateway, "g0"), (gateway, "u0"), (outside, "e0")):
            namespace.run("ethtool", "-K", link, "tx", "off", "rx", "off", "tso", "off", "gso",
                          "off", "gro", "off")
        gateway.ip("neigh add 203.0.113.1 lladdr 02:00:00:00:00:99 dev u0 nud permanent",
                   "route add 198.18.0.0/15 via 203.0.113.1")
        for key, value in (("net.ipv4.ip_forward", 1), ("net.ipv4.conf.vx0.rp_filter", 0),
                           ("net.netfilter.nf_conntrack_udp_timeout", TIMEOUT_S),
                           ("net.netfilter.nf_conntrack_udp_timeout_stream", TIMEOUT_S)):
            gateway.sysctl(key, value)
        gateway.run("nft", "-f", "-", stdin=NAT)
        outside.run("nft", "-f", "-", stdin=SINK)
        self._steer(gateway, "g0", self._setting.worker_cpu)
        self._steer(outside, "e0", self._setting.main_cpu)

    @staticmethod
    def _steer(namespace, link, cpu):
        """Has what arrives at a link taken up by that CPU."""
        subprocess.run(["ip", "netns", "exec", namespace.name, "sh", "-c",
                        "echo %x > /sys/class/net/%s/queues/rx-0/rps_cpus" % (1 << cpu, link)],
                       check=True, capture_output=True, timeout=PATIENCE_S)

    def _fill(self):
        """Until nearly every session is there: what the backlog dropped comes again."""
        end = time.monotonic() + PATIENCE_S
        while self._live() < self._sessions * 0.99:
            if time.monotonic() > end or self._sender.poll() is not None:
                raise Failed("Linux made %d sessions of %d" % (self._live(), self._sessions))
            time.sleep(0.1)
        self._sender.send_signal(signal.SIGSTOP)

    def _live(self):
        with self._gateway.enter(), open(CONNTRACK % "count", encoding="ascii") as file:
            return int(file.read())

    def _left(self):
        return parse_link(self._gateway.run("ip", "-s", "-s", "-j", "link", "show", "u0").stdout)

    def poll_threads(self):
        return 0, ""  # interrupts have no thread; measure() looks at who else used the CPU

    def measure(self, seconds):
        cpu = self._setting.worker_cpu
        self._sender.send_signal(signal.SIGCONT)
        try:
            time.sleep(SETTLING_S)
            ticks, packets = watch.cpu_ticks(cpu), self._left()
            with watch.Clock() as clock:
                time.sleep(seconds)
            packets = self._left() - packets
            figures = figures_of(packets, clock.seconds, ticks, watch.cpu_ticks(cpu),
                                 self._setting.tsc_hz)
        finally:
            self._sender.send_signal(signal.SIGSTOP)
        self.reasons = reasons_against(figures)
        return figures

    def close(self):
        if self._sender is not None:
            self._sender.send_signal(signal.SIGCONT)
            self._ground.stop(self._sender)
        self._room.close()
