"""Open vSwitch's userspace data path with conntrack SNAT as a peer, on a net_pcap port.

An ovsdb-server and an ovs-vswitchd of our own, in a folder of their own. Between trials the switch
is stopped by a signal, since its thread polls for ever. Plain frames: there is no overlay.
"""
import os
import re
import signal
import subprocess
import time

PROGRAM = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
THREAD = "pmd-c"
PATIENCE_S = 30
SETTLING_S = 0.2
ZONE = 1
TIMEOUT_S = 86400       # a session of a peer that stands still must not end
EMC_SESSIONS = 16384    # from here on its exact match cache of 8,192 costs more than it gives
# Frames that the port's packet buffers can hold: it makes 262,144 buffers at most.
MOST_LOADED = 131072
FEW_PACKETS = 12288
SNAT = "nat(src=100.64.0.1-100.64.0.16:1024-65535)"

# The usual rules: what is new is committed, what is established passes. As nobody answers, Open
# vSwitch calls a UDP session new for ever and commits it again with every packet.
USUAL = ("table=0,priority=10,ip,in_port=1,ct_state=-trk,actions=ct(table=1,zone=1,nat)",
         "table=1,priority=10,ip,ct_state=+trk+new,actions=ct(commit,zone=1,%s),in_port" % SNAT,
         "table=1,priority=10,ip,ct_state=+trk+est,actions=in_port")
# The fastest that we know: a mark on the session says that it was committed.
MARKED = ("table=0,priority=10,ip,in_port=1,ct_state=-trk,actions=ct(table=1,zone=1,nat)",
          "table=1,priority=10,ip,ct_state=+trk,ct_mark=0,actions=ct(commit,zone=1,%s,"
          "exec(set_field:1->ct_mark)),in_port" % SNAT,
          "table=1,priority=10,ip,ct_state=+trk,ct_mark=1,actions=in_port")
RULES = {"ovs-dpdk": USUAL, "ovs-dpdk-marked": MARKED}

PMD = re.compile(r"^pmd thread numa_id \d+ core_id (\d+):\n(.*?)(?=^\S|\Z)",
                 re.DOTALL | re.MULTILINE)


class Failed(RuntimeError):
    """Open vSwitch did not start, or carries nothing."""


def parse_statistics(text):
    """The figures of a thread in `pmd-stats-show`: cycles that it was busy, for each packet."""
    for match in PMD.finditer(text):
        numbers = {name.strip(): int(number) for name, number in re.findall(
            r"^\s+([\w .]+): (\d+)\b(?!\.)", match[2], re.MULTILINE)}
        packets, busy = numbers.get("packets received", 0), numbers.get("processing cycles", 0)
        if packets and busy:
            return {"cycles_per_packet": busy / packets, "packets": packets,
                    "idle": numbers.get("idle cycles", 0) / busy,
                    "upcalls": numbers.get("miss with success upcall", 0)}
    return None


class OpenVswitch:
    """The switch as a contestant."""

    def __init__(self, name, ground, setting, pcap, packets, sessions, once):
        self.name, self._ground, self._setting = name, ground, setting
        self._pcap, self._once, self._packets, self._sessions = pcap, once, packets, sessions
        self._database = self._switch = None
        # Of its own, since a bridge is also a device of the kernel, by its name.
        self._namespace = ground.namespace("%s-%d" % (name, sessions))
        self._folder = ground.path("%s-%d" % (name, sessions))
        os.mkdir(self._folder)
        self._environment = dict(os.environ, **{place: self._folder for place in (
            "OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")})

    def begin(self):
        """Starts it and returns when every session is there."""
        self._run("ovsdb-tool", "create", self._path("conf.db"), SCHEMA)
        self._database = self._start("ovsdb-server", "db.sock", self._path("conf.db"),
                                     "--remote=punix:" + self._path("db.sock"),
                                     "--unixctl=" + self._path("db.ctl"))
        self._start_switch()
        self._add_port()
        self._fill()

    def _path(self, name):
        return os.path.join(self._folder, name)

    def _run(self, *command):
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        if done.returncode:
            raise Failed("%s: %s" % (" ".join(command)[:120], done.stderr.strip()[-600:]))
        return done.stdout

    def _start(self, program, sign, *arguments):
        with open(self._path(os.path.basename(program) + ".log"), "w", encoding="utf-8") as log:
            process = self._namespace.popen(program, *arguments, env=self._environment, stdout=log,
                                         stderr=log)
        end = time.monotonic() + PATIENCE_S
        while not os.path.exists(self._path(sign)):
            if process.poll() is not None or time.monotonic() > end:
                raise Failed("%s did not start: %s" % (program, self._complaint(program)))
            time.sleep(0.02)
        return process

    def _complaint(self, program):
        with open(self._path(os.path.basename(program) + ".log"), encoding="utf-8") as log:
            lines = [line for line in log if "|ERR|" in line or "|EMER|" in line] or ["no word"]
        return lines[-1].strip()

    def _configure(self, *words):
        self._run("ovs-vsctl", "--db=unix:" + self._path("db.sock"), "--timeout=%d" % PATIENCE_S,
                  *words)

    def ask(self, *words):
        return self._run("ovs-appctl", "-t", self._path("vs.ctl"), *words)

    def _start_switch(self):
        memory = "--in-memory" if self._setting.huge_pages else "--no-huge -m 1024"
        other = {"dpdk-init": "true", "dpdk-lcore-mask": "0x%x" % (1 << self._setting.main_cpu),
                 "pmd-cpu-mask": "0x%x" % (1 << self._setting.worker_cpu),
                 "dpdk-extra": '"--no-pci %s --file-prefix=%s"' % (
                     memory, os.path.basename(self._ground.folder) + self.name)}
        if self._once or self._packets <= FEW_PACKETS:
            other["per-port-memory"] = "true"  # buffers for some 20,000 packets instead of 262,144
        elif self._setting.huge_pages:
            other["dpdk-socket-limit"] = "450"  # makes it 131,072
        if self._sessions >= EMC_SESSIONS:
            other["emc-insert-inv-prob"] = "0"
        self._configure("--no-wait", "--", "init", "--", "set", "Open_vSwitch", ".",
                        *("other_config:%s=%s" % pair for pair in other.items()))
        self._switch = self._start(PROGRAM, "vs.ctl", "unix:" + self._path("db.sock"),
                                   "--unixctl=" + self._path("vs.ctl"))
        self._configure("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                        "fail-mode=secure")
        self._configure("--", "--id=@p", "create", "CT_Timeout_Policy",
                        *("timeouts:%s=%d" % (each, TIMEOUT_S) for each in (
                            "udp_first", "udp_single", "udp_multiple")),
                        "--", "--id=@z", "create", "CT_Zone", "timeout_policy=@p",
                        "--", "--id=@d", "create", "Datapath", 'datapath_version="0"',
                        "ct_zones:%d=@z" % ZONE, "--", "set", "Open_vSwitch", ".",
                        "datapaths:netdev=@d")

    def _add_port(self):
        bridge = "unix:" + self._path("br0.mgmt")
        for rule in RULES[self.name]:
            self._run("ovs-ofctl", "add-flow", bridge, rule)
        device = "net_pcap_%s,rx_pcap=%s%s" % (
            self.name.replace("-", "_"), self._pcap, "" if self._once else ",infinite_rx=1")
        self._configure("add-port", "br0", "p0", "--", "set", "Interface", "p0", "type=dpdk",
                        "ofport_request=1", 'options:dpdk-devargs="%s"' % device)

    def _fill(self):
        """Until every session is there."""
        end = time.monotonic() + PATIENCE_S
        while True:
            live = int(self.ask("dpctl/ct-get-nconns").split()[0])
            if live >= self._sessions:
                break
            if time.monotonic() > end:
                raise Failed("Open vSwitch made %d sessions of %d" % (live, self._sessions))
            time.sleep(0.1)
        time.sleep(SETTLING_S)
        self._switch.send_signal(signal.SIGSTOP)

    def poll_threads(self):
        return self._switch.pid, THREAD

    def measure(self, seconds):
        self._switch.send_signal(signal.SIGCONT)
        try:
            time.sleep(SETTLING_S)
            self.ask("dpif-netdev/pmd-stats-clear")
            time.sleep(seconds)
            figures = parse_statistics(self.ask("dpif-netdev/pmd-stats-show"))
        finally:
            self._switch.send_signal(signal.SIGSTOP)
        if figures and figures["idle"] > 0.01:
            return None  # the file was read through
        return figures

    def close(self):
        for process in (self._switch, self._database):
            if process is not None:
                process.send_signal(signal.SIGCONT)
                self._ground.stop(process)
