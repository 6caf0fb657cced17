#!/usr/bin/python3
"""Several workers: sessions, their replies and errors about them arrive at any of them, and pods
notice nothing. Needs two CPUs, of which the peers take their share."""
import json
import os
import time

from rig import frames, topology
from rig.case import main
from rig.streams import Questions, Stream, nothing_lost

WORKERS = 2
UNSEEN = 32  # sessions that a worker may begin beyond a limit of all
SESSIONS = 200
IPERF_PORT = 5201
APPLIES = 100


BOTH = {"cpus": "0-%d" % (WORKERS - 1), "idle": "sleep"}  # cannot change while they run


def _start(t, rig, **over):
    if (os.cpu_count() or 1) < WORKERS:
        t.skip("workers need a CPU each")
    return rig.start(workers=BOTH, **over)


def _check_handed_over(t, rig, least):
    """Packets changed workers, in bursts, and none was lost on the way."""
    count = rig.gateway.counters()
    packets, bursts = count["handover.packets"], count["handover.bursts"]
    t.check(packets >= least, "only %d packets were handed over" % packets)
    t.check(0 < bursts <= packets, "%d bursts of %d packets" % (bursts, packets))
    t.equal(count["drop.handover-full"], 0, "lost between workers")


def _sessions_by_worker(rig):
    return [row["sessions"] for row in rig.gateway.call("workers.list")["rows"]]


def test_sessions_are_served_by_both(t):
    """Many UDP sessions of two nodes: each keeps its port, both workers have a share."""
    rig = t.rig()
    _start(t, rig)
    server = rig.echo()
    seen = {}
    for pod in (rig.pod("payments", 1), rig.pod("web", 2)):
        socks = [pod.udp() for _ in range(SESSIONS // 2)]
        for turn in range(3):
            for number, sock in enumerate(socks):
                source = t.ask(pod, server, sock, b"turn %d of %d" % (turn, number))
                t.equal(seen.setdefault((pod.address, number), source), source, "the source")
        for sock in socks:
            sock.close()
    t.equal(len(set(seen.values())), SESSIONS, "sources")
    shares = _sessions_by_worker(rig)
    t.equal(len(shares), WORKERS, "workers")
    t.check(min(shares) > SESSIONS / 5 and sum(shares) == SESSIONS, "sessions: %s" % shares)
    t.equal(sum(rig.gateway.drops().get(reason, 0) for reason in ("no-session", "bad-tcp-state")),
            0, "packets that found no session")
    _check_handed_over(t, rig, SESSIONS)
    rows = rig.gateway.call("ports.list")["rows"]
    t.equal([row["steering"] for row in rows], ["none"] * 2, "steering of sockets")
    t.check(min(row["handed_over"] for row in rows) > 0, "handed over by port: %s" % rows)
    t.equal(sum(row["handed_over"] for row in rows),
            rig.gateway.counters()["handover.packets"], "handed over, by port and in all")


def test_real_programs_notice_nothing(t):
    """curl, ping, traceroute; a closed port is reported to the pod."""
    rig = t.rig(far=True, headers_only=True)
    _start(t, rig)
    rig.outside.sysctl("net.ipv4.icmp_ratelimit", 0)  # one error for each packet below
    pod = rig.pod("payments")
    blob = os.urandom(20 * 1000 * 1000)
    rig.http(blob)
    got = rig.ground.path("got")
    for number in range(3):
        pod.run("curl", "-sS", "--fail", "--max-time", "60", "--interface", pod.address, "-o", got,
                "http://%s/blob" % topology.SERVERS[0], timeout=70)
        with open(got, "rb") as file:
            t.check(file.read() == blob, "download %d differs" % number)
    said = pod.run("ping", "-c", "50", "-i", "0.01", "-W", "3", "-I", pod.address,
                   topology.SERVERS[0]).stdout
    t.check("50 received" in said, said)
    for way in ("-U", "-I"):
        said = pod.run("traceroute", "-n", way, "-q", "3", "-w", "2", "-m", "5", "-s", pod.address,
                       topology.FAR_SERVER, timeout=40).stdout
        hops = [line.split()[1] for line in said.splitlines()[1:]]
        t.equal(hops, [topology.VTEP, topology.OUTSIDE, topology.FAR_SERVER], "traceroute " + way)
    for number in range(40):
        with pod.udp(timeout_s=3.0) as sock:
            sock.connect((topology.SERVERS[0], 4000 + number))
            sock.send(b"anyone?")
            try:
                sock.recv(64)
                t.check(False, "an answer from a closed port")
            except ConnectionRefusedError:
                pass
    t.equal(rig.gateway.drops().get("bad-icmp-error", 0), 0, "errors that found no session")
    _check_handed_over(t, rig, 100)


def test_iperf3_streams_cross_workers(t):
    """Eight TCP streams each way at once; none breaks, nothing is lost between the workers."""
    rig = t.rig(headers_only=True)
    _start(t, rig)
    pod = rig.pod("web", 2)
    for direction in ((), ("-R",)):
        server = rig.outside.popen("iperf3", "-s", "-1", "-B", topology.SERVERS[0],
                                   "-p", str(IPERF_PORT), stdout=-3, stderr=-3)
        t.eventually(lambda: ":%d" % IPERF_PORT in rig.outside.run("ss", "-tlnH").stdout,
                     "iperf3 listens")
        said = pod.run("iperf3", "-c", topology.SERVERS[0], "-p", str(IPERF_PORT), "-B",
                       pod.address, "-J", "-P", "8", "-t", "2", *direction, timeout=40).stdout
        server.wait(5)
        rate = json.loads(said)["end"]["sum_received"]["bits_per_second"] / 1e6
        t.check(rate > 5, "iperf3 %s: %.1f Mbit/s" % (" ".join(direction) or "forward", rate))
    count = rig.gateway.counters()
    t.check(count["handover.packets"] > 1000, "only %d handed over" % count["handover.packets"])
    t.check(count["handover.bursts"] < count["handover.packets"], "not in bursts")
    t.check(min(_sessions_by_worker(rig)) > 0, "one worker has no session")


def test_changes_under_traffic(t):
    """Questions and streams go on through many changes; a removed pod is refused by both."""
    rig = t.rig(headers_only=True)
    _start(t, rig)
    server = rig.echo()
    pods = [rig.pod("payments", 1), rig.pod("web", 2)]
    for pod in pods:
        t.ask(pod, server)
    questions = [Questions(pod, server, gap_s=0.004) for pod in pods]
    streams = [Stream(t.dial(pod, server)[0]) for pod in pods]
    for number in range(APPLIES):
        spare = {"name": "guest-%d" % number, "pods": ["10.128.1.%d" % (number % 200 + 1)]}
        rig.apply(workers=BOTH, namespaces=rig.model()["namespaces"] + [spare])
    t.eventually(lambda: min(question.asked for question in questions) > 300, "the pods ask on",
                 within_s=20)
    nothing_lost(t, questions, (topology.PAYMENTS_IP, topology.WEB_IP), streams, least=300)
    _check_handed_over(t, rig, 100)
    socks = [pods[0].udp(timeout_s=0.05) for _ in range(20)]
    for sock in socks:
        t.ask(pods[0], server, sock)
    rig.gateway.call("namespaces.patch", remove={"payments": [pods[0].address]})
    for sock in socks:
        sock.sendto(b"still?", (server.address, server.port))
    time.sleep(0.2)
    for sock in socks:
        try:
            t.check(not sock.recv(64), "a removed pod was served")
        except (TimeoutError, BlockingIOError):
            pass
        sock.close()
    t.eventually(lambda: rig.gateway.call("sessions.count", filter="namespace payments")["count"]
                 == 0, "its sessions end")


def test_lists_and_deletion_know_all_workers(t):
    """sessions.list, .count, .top, .delete, egress_ips.drain and revalidation, over both."""
    rig = t.rig()
    _start(t, rig)
    server = rig.echo()
    pod = rig.pod("payments")
    socks = [pod.udp() for _ in range(60)]
    for sock in socks:
        t.ask(pod, server, sock)
    rows, cursor = [], None
    while True:
        page = rig.gateway.call("sessions.list", limit=25, **({"cursor": cursor} if cursor else {}))
        rows += page["rows"]
        cursor = page.get("cursor")
        if not cursor:
            break
    t.equal(len({row["translated"]["sport"] for row in rows}), 60, "sessions in the list")
    t.equal({row["worker"] for row in rows}, {0, 1}, "workers in the list")
    t.equal(rig.gateway.call("sessions.count", filter="namespace payments")["count"], 60, "count")
    top, = rig.gateway.call("sessions.top", by="namespaces", limit=5)["rows"]
    t.equal((top["key"], top["sessions"]), ("payments", 60), "top")
    entry, = rig.gateway.call("egress_ips.list", name="payments-out")["rows"]
    t.equal((entry["sessions"], entry["ports_used"]["udp"]), (60, 60), "the entry")
    status = rig.gateway.call("status")
    t.equal((len(status["workers"]), status["sessions"]["active"]), (WORKERS, 60), "status")
    t.equal(rig.gateway.call("egress_ips.drain", address=topology.PAYMENTS_IP)["sessions_left"],
            60, "left on the drained address")
    rig.gateway.call("egress_ips.drain", address=topology.PAYMENTS_IP, undo=True)
    port = rows[7]["original"]["sport"]
    t.equal(rig.gateway.call("sessions.delete", filter="src port %d" % port)["count"], 1, "deleted")
    model = rig.model(workers=BOTH, firewall={"default": "deny"})
    rig.gateway.write(model)
    rig.gateway.call("config.apply", path=rig.gateway.config_path, revalidate=True)
    t.eventually(lambda: rig.gateway.call("status")["sessions"]["active"] == 0,
                 "revalidation ends what is denied, on both workers")
    for sock in socks:
        sock.close()


def test_limits_hold_for_the_sum(t):
    """sessions, new_sessions_per_second and sessions.max, of both workers together."""
    rig = t.rig(nodes=1)
    namespaces = rig.model()["namespaces"]
    namespaces[0]["limits"] = {"sessions": 300, "new_sessions_per_second": 100}
    _start(t, rig, namespaces=namespaces, sessions={"max": 400})
    wire, pod = rig.node_wire(), rig.pod("raw").address
    began = time.monotonic()
    for port in range(2000, 2400):  # far faster than 100 a second
        wire.send(rig.tunnelled(frames.udp(pod, topology.NOBODY, port, 9, b"one more"),
                                sport=49152 + port))
    t.dropped(rig, "quota-rate", 100)
    lasted = time.monotonic() - began
    begun = rig.gateway.counters()["session.active.payments"]
    t.check(100 <= begun <= 100 * (1 + lasted) + WORKERS, "%d begun in %.2f s" % (begun, lasted))
    end = time.monotonic() + 20
    port = 3000
    while not rig.gateway.drops().get("quota-sessions") and time.monotonic() < end:
        for _ in range(20):
            wire.send(rig.tunnelled(frames.udp(pod, topology.NOBODY, port, 9, b"one more"),
                                    sport=40000 + port))
            port += 1
        time.sleep(0.1)
    active = rig.gateway.counters()["session.active.payments"]
    t.check(300 <= active <= 300 + WORKERS, "%d sessions, 300 allowed" % active)
    lab = rig.pod("web").address
    for port in range(2000, 2400):
        wire.send(rig.tunnelled(frames.udp(lab, topology.NOBODY, port, 9, b"x"), sport=port + 9000))
        if port % 50 == 0:
            time.sleep(0.01)
    t.dropped(rig, "session-table-full", 100)
    everything = rig.gateway.counters()["session.active"]
    t.check(400 <= everything <= 400 + WORKERS * UNSEEN, "%d sessions of 400" % everything)
    t.check(min(_sessions_by_worker(rig)) > 100, "uneven: %s" % _sessions_by_worker(rig))


def test_taps_have_queues_for_all(t):
    """net_tap: two queues, sessions by both workers."""
    rig = t.rig(device="tap", nodes=1)
    _start(t, rig)
    server = rig.echo()
    pod = rig.pod("payments")
    for number in range(60):
        with pod.udp() as sock:
            t.ask(pod, server, sock, b"by a tap %d" % number)
    t.check(min(_sessions_by_worker(rig)) > 5, "sessions: %s" % _sessions_by_worker(rig))
    _check_handed_over(t, rig, 1)
    rows = rig.gateway.call("status")["ports"]
    t.equal([row["steering"] for row in rows], ["rss"] * 2, "steering of taps, which refuse rules")


def test_too_few_transmit_queues_end_the_start(t):
    """Exit status 3, and what to do."""
    rig = t.rig(nodes=1)
    model = rig.model(workers=BOTH)
    if (os.cpu_count() or 1) < WORKERS:
        t.skip("workers need a CPU each")
    model["ports"][1]["device"] += ",qpairs=1"
    rig.gateway.write(model)
    rig.gateway.launch()
    t.equal(rig.gateway.wait_exit(10), 3, "exit status")
    said = rig.gateway.log()
    t.check("has 1 transmit queue, the workers need 2" in said and "leave qpairs out" in said, said)


if __name__ == "__main__":
    main()
