"""The table at the end: each row with what must be reached, the target, and what was got. Pure.

Net cycles are cycles with everything minus testpmd io over the same frames, turn by turn. Rows that
no peer belongs to are taken from results of postern-bench, by key.
"""
import dataclasses
import typing

import figures
import trials

STEPS = {"1 k": 1008, "64 k": 64512, "1 M": 1032192, "16 M": 16515072}
# Cases of postern-bench that no peer has, and their sessions.
SOLO = {"new-sessions": STEPS["1 M"], "ports-full": 1000, "reload": STEPS["1 M"],
        "scale": STEPS["1 M"], "expire": STEPS["1 M"]}
LATENCY_SESSIONS = 1000
HOT_PATH = "postern-hot-path"
WIDEST = 0.05   # half an interval, as a share: wider is said


@dataclasses.dataclass(frozen=True)
class Row:
    number: str
    what: str
    must: typing.Optional[float]
    target: typing.Optional[float]
    unit: str
    more_is_better: bool
    figure: typing.Callable       # of a Measured: figures.Figure or None
    timed: bool = True            # otherwise a count, which no neighbour disturbs


class Measured:
    """All trials, asked for figures."""

    def __init__(self, all_trials):
        self._trials = all_trials
        self.disturbed = set()      # (contestant, sessions) whose disturbed trials were taken in
        self._row_disturbed = False

    def cycles(self, contestant, sessions, key="cycles_per_packet"):
        """{turn: value}"""
        values, disturbed = trials.values_of(self._trials, contestant, sessions, key)
        if disturbed:
            self.disturbed.add((contestant, sessions))
            self._row_disturbed = True
        return values

    def row(self, row):
        """(figure, whether disturbed trials are in it)"""
        self._row_disturbed = False
        return row.figure(self), row.timed and self._row_disturbed

    def net(self, contestant, sessions):
        """{turn: cycles}; where testpmd did not run, as postern-bench says itself."""
        total = self.cycles(contestant, sessions)
        if contestant == "linux-nft":
            return {}
        io = self.cycles(io_of(contestant) + "-once", sessions) if contestant.startswith(
            "ovs") else {}
        io = io or self.cycles(io_of(contestant), sessions)
        own = self.cycles(contestant, sessions, "net_cycles_per_packet")
        on_other_port = any(trial.figures.get("port", "net_pcap") != "net_pcap"
                            for trial in self._trials if trial.contestant == contestant)
        if own and (not io or on_other_port):
            return own
        return figures.difference(total, io)


def io_of(contestant):
    """testpmd io over the same frames: plain ones for Open vSwitch and for replies."""
    plain = contestant.startswith("ovs") or contestant.endswith("nat-in")
    return "testpmd-io-plain" if plain else "testpmd-io"


def net(contestant, step):
    return lambda measured: figures.figure_of(measured.net(contestant, STEPS[step]).values())


def share_of_5tswap(measured):
    return figures.ratio_of(measured.cycles("testpmd-5tswap", STEPS["1 k"]),
                            {turn: cycles / 100 for turn, cycles in measured.cycles(
                                "postern-nat-out", STEPS["1 k"]).items()})


def net_ratio(peer, step):
    return lambda measured: figures.ratio_of(measured.net(peer, STEPS[step]),
                                             measured.net("postern-nat-out", STEPS[step]))


def per_core(step):
    return lambda measured: figures.ratio_of(measured.cycles("linux-nft", STEPS[step]),
                                             measured.cycles("postern-nat-out", STEPS[step]))


def solo(case, key):
    return lambda measured: figures.figure_of(
        measured.cycles("postern-" + case, SOLO[case], key).values())


def bytes_a_session(measured):
    return figures.figure_of(measured.cycles("postern-nat-out", STEPS["1 M"],
                                             "bytes_per_session").values())


def tail_ratio(measured):
    return figures.ratio_of(*(measured.cycles(name, LATENCY_SESSIONS, "p999_ns") for name in (
        "postern-memif", "testpmd-macswap-memif")))


def hot_path(measured):
    return figures.figure_of(measured.cycles(HOT_PATH, 0, "calls_allocations_locks").values())


OVS = "net cycles of OVS-DPDK conntrack SNAT / postern's, %s"
USUAL = "the same, Open vSwitch commits every packet, %s"
ROWS = (
    Row("1", "net cycles, outbound established, 1 k sessions", 90, 60, "", False,
        net("postern-nat-out", "1 k")),
    Row("2", "net cycles, inbound with encapsulation, 1 k", 95, 65, "", False,
        net("postern-nat-in", "1 k")),
    Row("3", "net cycles, outbound, 1 M", 150, 110, "", False, net("postern-nat-out", "1 M")),
    Row("4", "net cycles, outbound, 16 M", 230, 165, "", False, net("postern-nat-out", "16 M")),
    Row("5", "net cycles, inbound, 1 M", 165, 125, "", False, net("postern-nat-in", "1 M")),
    Row("6", "first packet of a session / established packet, 1 M live", 3, 2.2, "x", False,
        solo("new-sessions", "first_to_established")),
    Row("7", "new sessions a second, 1 M others live, millions", 5, 9, "", True,
        solo("new-sessions", "new_sessions_millions")),
    Row("8", "refused while a port was free, to 100 % use", 0, 0, "", False,
        solo("ports-full", "refused_while_free"), timed=False),
    Row("9", "new session at 99 % port use / at 10 %", 8, 5, "x", False,
        solo("ports-full", "cycles_99_to_10")),
    Row("10", "bytes a session, the table at design load, 1 M", 128, 116, "", False,
        bytes_a_session, timed=False),
    Row("11", "raw rate as a share of testpmd 5tswap, 1 k", 40, 60, " %", True, share_of_5tswap),
    Row("12", OVS % "1 k", 5, 8, "x", True, net_ratio("ovs-dpdk-marked", "1 k")),
    Row("12", OVS % "64 k", 5, 12, "x", True, net_ratio("ovs-dpdk-marked", "64 k")),
    Row("12", OVS % "1 M", 5, 12, "x", True, net_ratio("ovs-dpdk-marked", "1 M")),
    Row("12u", USUAL % "1 k", None, None, "x", True, net_ratio("ovs-dpdk", "1 k")),
    Row("12u", USUAL % "64 k", None, None, "x", True, net_ratio("ovs-dpdk", "64 k")),
    Row("12u", USUAL % "1 M", None, None, "x", True, net_ratio("ovs-dpdk", "1 M")),
    Row("13", "rate per core / Linux VXLAN + nft SNAT, 1 k", 8, 15, "x", True, per_core("1 k")),
    Row("13", "the same, 64 k", 8, 15, "x", True, per_core("64 k")),
    Row("13", "the same, 1 M", 8, 15, "x", True, per_core("1 M")),
    Row("14", "packets lost because pods and policies are replaced, 80 % load", 0, 0, "", False,
        solo("reload", "lost_by_the_change")),
    Row("15", "rate during that change / before", 0.9, 0.98, "", True,
        solo("reload", "rate_during_to_before")),
    Row("16", "2 workers / 1 worker, queues that steer right", 1.7, 1.9, "x", True,
        solo("scale", "steered_to_one")),
    Row("16", "2 workers / 1 worker, software handover", 1.0, 1.3, "x", True,
        solo("scale", "handover_to_one")),
    Row("17", "p99.9 latency at 50 % load / testpmd macswap, same rate", None, 2, "x", False,
        tail_ratio),
    Row("18", "p99.9 while 1 M sessions expire / quiet", None, 1.2, "x", False,
        solo("expire", "expiring_to_quiet")),
    Row("19", "system calls, allocations and locked instructions", 0, 0, "", False, hot_path,
        timed=False),
)


def verdict(row, figure, disturbed):
    """What the figure says about the row, by its median."""
    if figure is None:
        return "not measured"
    if disturbed:
        return "disturbed"
    if row.target is None:
        return "for comparison"

    def reaches(bound):
        if bound is None:
            return False
        return figure.value >= bound if row.more_is_better else figure.value <= bound
    text = "target" if reaches(row.target) else "must" if reaches(row.must) else "MISSED"
    if row.must is None and text == "MISSED":
        text = "reported"
    return text + (", wide" if figure.count > 1 and figure.spread() > WIDEST else "")


def number(value, unit):
    if value is None:
        return "-"
    digits = 0 if value >= 20 or value == int(value) else 1 if value >= 1 else 2
    return "%.*f%s" % (digits, value, unit)


def lines_of(measured, rows=ROWS):
    """The table, line by line."""
    form = "%-4s %-58s %6s %7s  %-22s %s"
    yield form % ("row", "figure", "must", "target", "got (95 % interval)", "")
    for row in rows:
        figure, disturbed = measured.row(row)
        got = "-"
        if figure is not None:
            got = number(figure.value, row.unit)
            if figure.count > 1:
                got += " (%s to %s)" % (number(figure.low, ""), number(figure.high, ""))
        yield (form % (row.number, row.what, number(row.must, row.unit),
                       number(row.target, row.unit), got, verdict(row, figure, disturbed))).rstrip()


def as_json(measured, rows=ROWS):
    for row in rows:
        figure, disturbed = measured.row(row)
        yield {"row": row.number, "figure": row.what, "must": row.must, "target": row.target,
               "unit": row.unit.strip(), "got": figure and figure.value,
               "interval": figure and [figure.low, figure.high], "turns": figure and figure.count,
               "verdict": verdict(row, figure, disturbed)}
