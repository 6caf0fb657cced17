"""One step of the ladder: its frames, its peers, and their trials. Peers live as long as it."""
import dataclasses
import os

import kernel
import latency
import openvswitch
import postern
import rows
import testpmd
import traffic
import trials
import watch

FAILURES = (latency.Failed, testpmd.Failed, openvswitch.Failed, kernel.Failed, postern.Failed)
LEAST_FRAMES = 4096
MOST_FRAMES = 1 << 21          # beyond, files of frames are too large: only postern is measured
READ_ONCE_ORDERS = 6           # of a file that is read through: sessions come so many times
MODES = ("io", "macswap", "5tswap")


@dataclasses.dataclass
class Setting:
    """Where and how everything runs."""
    bin_dir: str
    main_cpu: int
    worker_cpu: int
    huge_pages: bool
    seed: int
    postern_port: str
    tsc_hz: float = 0.0

    def program(self, name):
        return os.path.join(self.bin_dir, name)

    @property
    def postern_arguments(self):
        return ["--port", "net_pcap"] if self.postern_port == "net_pcap" else []


def orders_of(sessions):
    """How often each session stands in a file whose frames are kept in packet buffers: as in those
    that postern-bench makes for its port."""
    return -(-LEAST_FRAMES // sessions)


def loaded_by_ovs(sessions):
    return sessions <= openvswitch.MOST_LOADED // 2


def solo_contestants(ground, setting):
    """(contestants without peers, cases that this postern-bench does not have)."""
    program, found, absent = setting.program("postern-bench"), [], []
    for case, sessions in rows.SOLO.items():
        if postern.knows(program, case):
            found.append(postern.Postern(case, ground, setting, sessions, alone=True))
        else:
            absent.append(case)
    if os.access(setting.program(postern.HotPath.PROGRAM), os.X_OK):
        found.append(postern.HotPath(rows.HOT_PATH, setting))
    return found, absent


class Step:
    """Frames and peers for that many sessions."""

    def __init__(self, ground, setting, sessions, peers, first, say):
        self._ground, self._setting, self.sessions = ground, setting, sessions
        self._peers, self._first, self._say = peers, first, say
        self._files, self._testpmd, self._closers, self.contestants = {}, {}, [], []

    def _frames(self, encapsulated, orders):
        key = (encapsulated, orders)
        if key not in self._files:
            path = self._ground.path("%s-%d-%d.pcap" % (
                "vxlan" if encapsulated else "plain", self.sessions, orders))
            self._files[key] = path, traffic.write_pcap(path, self.sessions, encapsulated, orders,
                                                        self._setting.seed)
        return self._files[key]

    def start_solo(self):
        """Instead of start(): what only postern does."""
        self.contestants, absent = solo_contestants(self._ground, self._setting)
        if absent:
            self._say("postern-bench has no case " + ", ".join(absent))

    def start_latency(self):
        """Instead of start(): postern and testpmd behind memif, at one rate."""
        try:
            self.contestants = latency.contestants(self._ground, self._setting)
        except FAILURES as failure:
            self._say("latency is left out: %s" % failure)

    def start(self):
        """Starts the peers; one that cannot is left out with a word."""
        makers = {"testpmd": self._start_testpmd, "ovs": self._start_ovs,
                  "linux": self._start_linux, "postern": self._start_postern}
        for peer in self._peers:
            if self.sessions > MOST_FRAMES and peer != "postern":
                continue
            try:
                makers[peer]()
            except FAILURES as failure:
                self._say("%s is left out: %s" % (peer, failure))

    def _start_testpmd(self):
        orders = orders_of(self.sessions)
        for mode in MODES if self._first else MODES[:1]:
            self._add_testpmd(True, orders, mode, "testpmd-" + mode)
        self._add_testpmd(False, orders, "io", "testpmd-io-plain")
        if "ovs" in self._peers and not loaded_by_ovs(self.sessions):
            self._add_testpmd(False, READ_ONCE_ORDERS, "io", "testpmd-io-plain-once", once=True)

    def _add_testpmd(self, encapsulated, orders, mode, name, once=False):
        """A mode; all modes over the same frames are one process."""
        key = (encapsulated, once)
        if key not in self._testpmd:
            path, packets = self._frames(encapsulated, orders)
            prefix = "%s-%d-%d" % (os.path.basename(self._ground.folder), self.sessions,
                                   len(self._testpmd))
            self._testpmd[key] = testpmd.Testpmd(self._ground, self._setting, prefix, path,
                                                 packets, once)
            self._closers.append(self._testpmd[key])
        self.contestants.append(testpmd.Mode(self._testpmd[key], mode, name))

    def _start_ovs(self):
        once = not loaded_by_ovs(self.sessions)
        path, packets = self._frames(
            False, READ_ONCE_ORDERS if once else orders_of(self.sessions))
        for name in openvswitch.RULES:
            switch = openvswitch.OpenVswitch(name, self._ground, self._setting, path, packets,
                                             self.sessions, once)
            self._closers.append(switch)
            switch.begin()
            self.contestants.append(switch)

    def _start_linux(self):
        path, _ = self._frames(True, orders_of(self.sessions))
        gateway = kernel.Kernel(self._ground, self._setting, path, self.sessions)
        self._closers.append(gateway)
        gateway.begin()
        self.contestants.append(gateway)

    def _start_postern(self):
        cases = ("nat-out", "nat-in") if self.sessions <= MOST_FRAMES else ("nat-out",)
        self.contestants += [postern.Postern(case, self._ground, self._setting, self.sessions)
                             for case in cases]

    def trial(self, calibration, seconds, contestant, turn, attempt):
        """One trial, judged."""
        before, stolen = calibration.last, watch.stolen_time()
        folders = watch.threads_of(*contestant.poll_threads())
        delay = watch.waited(folders)
        said, figures = "it measured nothing", None
        try:
            with watch.Clock() as clock:
                figures = contestant.measure(seconds)
        except FAILURES as failure:
            said = str(failure)
        watched = trials.Watched(
            seconds=clock.seconds, before=before,
            stolen=watch.share_stolen(stolen, watch.stolen_time()),
            delay_s=watch.waited(folders) - delay, after=calibration.take())
        reasons = trials.reasons_against(watched, calibration.usual)
        reasons += getattr(contestant, "reasons", [])
        if figures is None:
            reasons.append(said)
        sessions = getattr(contestant, "sessions", self.sessions)
        return trials.Trial(contestant=contestant.name, sessions=sessions, turn=turn,
                            attempt=attempt, figures=figures or {}, reasons=reasons,
                            watched=dataclasses.asdict(watched))

    def close(self):
        for closer in reversed(self._closers):
            closer.close()
        for path, _ in self._files.values():
            os.unlink(path)
