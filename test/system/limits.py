#!/usr/bin/python3
"""Limits of namespaces: a tenant far over its quota, and what the others notice of it."""
import json
import threading
import time

from rig import frames, topology
from rig.case import main
from rig.streams import Stream

RATE, SESSIONS = 200, 1000         # new sessions a second; sessions in all
FLOOD_PER_SECOND, FLOOD_S = 10 * RATE, 6.0
NEW_SESSIONS, MAY_FAIL = 1000, 1   # at most 0.1 %
BANDWIDTH_MBIT, OFFERED_MBIT, PAYLOAD_BYTES = 10, 30, 1200
TRIES = 4  # a worker that is not scheduled for more than the burst of 50 ms passes less
IPERF_PORT = 5201


def _limited(rig, **limits):
    """The usual namespaces, the first of them, payments, with limits."""
    namespaces = rig.model()["namespaces"]
    namespaces[0]["limits"] = limits
    return namespaces


def _datagram(pod, port):
    return frames.udp(pod, topology.NOBODY, port, 9, b"flood")


def _syn(pod, port):
    return frames.tcp(pod, topology.NOBODY, port, 9, frames.SYN)


class Flood(threading.Thread):
    """First packets of new sessions of payments' raw pod, so many a second."""

    def __init__(self, rig, first_packet):
        super().__init__(daemon=True)
        self._wire, self._ending, self.sent = rig.node_wire(), False, 0
        pod = rig.pod("raw").address
        self._frames = [rig.tunnelled(first_packet(pod, port))
                        for port in range(1024, 1024 + int(FLOOD_PER_SECOND * FLOOD_S * 2))]
        self.start()

    def run(self):
        began = time.monotonic()
        while not self._ending and self.sent < len(self._frames):
            due = (time.monotonic() - began) * FLOOD_PER_SECOND
            while self.sent < min(due, len(self._frames)):
                self._wire.send(self._frames[self.sent])
                self.sent += 1
            time.sleep(0.002)

    def finish(self):
        self._ending = True
        self.join(5)


def _harms_nobody(t, first_packet, **limits):
    """A flood of payments beside traffic of web, which loses no packet of an established session,
    no session, and at most 0.1 % of its new ones. What the flood sent, the counters afterwards,
    seconds."""
    rig = t.rig(headers_only=True)
    rig.start(namespaces=_limited(rig, **limits))
    server = rig.echo()
    web = rig.pod("web", 2)
    stream, established = Stream(t.dial(web, server)[0]), web.udp(65535)
    t.ask(web, server, established)
    flood, began = Flood(rig, first_packet), time.monotonic()
    failed = asked = opened = 0
    while time.monotonic() - began < FLOOD_S or opened < NEW_SESSIONS:
        t.ask(web, server, established, b"still there? %d" % asked)
        asked += 1
        with web.udp(5000 + opened, timeout_s=1.0) as fresh:  # a port that no session has
            try:
                t.ask(web, server, fresh)
            except AssertionError:
                failed += 1
        opened += 1
    lasted = time.monotonic() - began
    flood.finish()
    established.close()
    t.equal(stream.finish(), None, "web's TCP stream")
    t.check(flood.sent > FLOOD_PER_SECOND * FLOOD_S / 2, "only %d were sent" % flood.sent)
    t.check(failed <= MAY_FAIL * opened / NEW_SESSIONS,
            "%d of %d new sessions failed" % (failed, opened))
    counters = rig.gateway.call("counters.get")
    t.equal(counters["quota.refused.payments"],
            counters["drop.quota-rate"] + counters["drop.quota-sessions"], "refused.payments")
    t.equal((counters["quota.refused.web"], counters["session.active.web"]),
            (0, opened - failed + 2), "refused, and sessions of web")
    return flood.sent, counters, lasted


def test_a_tenant_at_ten_times_its_rate_harms_nobody(t):
    """Ten times the new sessions a second that it may begin."""
    sent, counters, lasted = _harms_nobody(t, _datagram, new_sessions_per_second=RATE)
    refused = counters["drop.quota-rate"]
    t.check(refused > sent / 2, "refused: %d of %d" % (refused, sent))
    begun, most = counters["session.active.payments"], RATE * (lasted + 1) + RATE
    t.check(0.5 * most <= begun <= most, "%d sessions of payments, %d allowed" % (begun, most))


def test_a_tenant_at_ten_times_its_sessions_harms_nobody(t):
    """Ten times the sessions that it may have, none of which ends."""
    sent, counters, _ = _harms_nobody(t, _datagram, sessions=SESSIONS)
    t.check(sent >= 10 * SESSIONS, "only %d were sent" % sent)
    t.equal(counters["session.active.payments"], SESSIONS, "sessions of payments")
    t.equal(counters["drop.quota-sessions"], sent - SESSIONS, "refused")


def test_a_tenant_that_floods_with_syns_harms_nobody(t):
    """The same with half-open connections, of which the oldest give way: its own alone."""
    sent, counters, _ = _harms_nobody(t, _syn, sessions=SESSIONS)
    t.check(sent >= 10 * SESSIONS, "only %d were sent" % sent)
    t.equal(counters["session.active.payments"], SESSIONS, "sessions of payments")
    # Looking for them is bounded, so that it costs nobody anything: some, not all that could.
    gave_way = counters["session.deleted"]
    t.check(gave_way > SESSIONS / 10, "%d gave way" % gave_way)


def test_the_number_of_sessions_is_exact(t):
    """100 may be; of 150 the last 50 are refused, and with refuse = "reject" the pod is told."""
    rig = t.rig(nodes=1)
    rig.start(namespaces=_limited(rig, sessions=100),
              firewall={"default": "allow", "refuse": "reject"})
    wire, pod = rig.node_wire(), rig.pod("raw").address
    for port in range(2000, 2150):
        wire.send(rig.tunnelled(frames.udp(pod, topology.NOBODY, port, 9, b"one more")))
        time.sleep(0.001)
    t.equal(t.dropped(rig, "quota-sessions", 50), 50, "refused")
    t.equal(rig.gateway.call("counters.get", prefix="session.active.")["session.active.payments"],
            100, "sessions of payments")
    row, = rig.gateway.call("namespaces.list", name="payments")["rows"]
    t.equal((row["limits"]["sessions"], row["sessions"], row["refused"]), (100, 100, 50), "the row")
    t.check(rig.gateway.call("counters.get")["icmp.error_sent"] > 0, "nobody was told")


def test_bandwidth_is_kept_within_five_per_cent(t):
    """30 Mbit/s offered, 10 Mbit/s allowed: what arrives in every second, each way; others have no
    limit."""
    rig = t.rig(headers_only=True)
    rig.start(namespaces=_limited(rig, bandwidth="%dMbit" % BANDWIDTH_MBIT))
    inner = BANDWIDTH_MBIT * 1e6 * PAYLOAD_BYTES / (PAYLOAD_BYTES + 28)
    for direction in ((), ("-R",)):
        for tries in range(TRIES):
            rates, lost = _iperf_udp(t, rig, rig.pod("payments"), direction)
            whole = sum(rates) / len(rates)
            t.check(whole <= 1.05 * inner,
                    "%.2f Mbit/s instead of %.2f" % (whole / 1e6, inner / 1e6))
            t.check(lost > 0.5, "only %.0f %% were lost" % (lost * 100))
            if all(0.95 * inner <= rate <= 1.05 * inner for rate in rates):
                break
        else:
            t.check(False, "%s Mbit/s instead of %.2f" % (
                " ".join("%.2f" % (rate / 1e6) for rate in rates), inner / 1e6))
    _, lost = _iperf_udp(t, rig, rig.pod("web", 2), ())
    t.check(lost < 0.01, "web lost %.1f %%" % (lost * 100))
    t.check(rig.gateway.drops()["quota-bandwidth"] > 1000, "drops: %s" % rig.gateway.drops())


def _iperf_udp(t, rig, pod, direction, seconds=4):
    """Offers UDP; what arrived in each second after the first, in bits of payload; and the share
    that was lost."""
    server = rig.outside.popen("iperf3", "-s", "-1", "-J", "-B", topology.SERVERS[0],
                               "-p", str(IPERF_PORT), stdout=-1, stderr=-3, text=True)
    t.eventually(lambda: ":%d" % IPERF_PORT in rig.outside.run("ss", "-tlnH").stdout,
                 "iperf3 listens")
    said = pod.run("iperf3", "-c", topology.SERVERS[0], "-p", str(IPERF_PORT), "-B", pod.address,
                   "-J", "-u", "-b", "%dM" % OFFERED_MBIT, "-l", str(PAYLOAD_BYTES),
                   "-t", str(seconds), *direction, timeout=40).stdout
    served = server.communicate(timeout=10)[0]
    receiver = json.loads(said if direction else served)
    seconds_after = [each["sum"] for each in receiver["intervals"]][1:seconds]
    end = json.loads(said)["end"]["sum"]
    return ([each["bytes"] * 8 / each["seconds"] for each in seconds_after],
            end["lost_packets"] / end["packets"])


if __name__ == "__main__":
    main()
