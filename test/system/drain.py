#!/usr/bin/python3
"""Draining an egress address under real programs: no new sessions, live ones finish, the deadline
ends the rest, and it can be taken back."""
import hashlib
import json
import subprocess

from rig import topology
from rig.case import main
from rig.streams import Stream

FIRST, SECOND, NODE_IP = "192.0.2.50", "192.0.2.51", "192.0.2.20"
LISTEN, ROUTER_IP = "172.30.0.10", "192.0.2.70"
SERVER = topology.SERVERS[0]
BLOB = bytes(range(256)) * 40960            # 10 MiB
CURL_BYTES_PER_S, IPERF_S, IPERF_PORT = "3M", 5, 5201
# Ended connections are forgotten after a second, so that an address runs dry within a case.
SOON = {"port_hold": "0s", "timeouts": {"tcp_transitory": "1s", "udp": "2s"}}
CURL_TIMED_OUT = 28


def _pool(**over):
    """payments leaves by FIRST as long as it may, else by SECOND."""
    return [{"name": "payments-out", "namespaces": ["payments"], "addresses": [FIRST, SECOND],
             "spread": "first", **over},
            {"name": "web-out", "namespaces": ["web"], "addresses": [topology.WEB_IP]}]


def _posternctl(rig, *words):
    """(exit status, what it printed)"""
    done = rig.gateway_ns.run(rig.gateway.program("posternctl"), "-s", rig.gateway.socket_path,
                              *words, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def _states(rig, name="payments-out", method="egress_ips.list"):
    """(the entry's state, {address: its state})"""
    row, = rig.gateway.call(method, name=name)["rows"]
    return row["state"], {each["address"]: each["state"] for each in row["by_address"]}


def _sessions(rig, address):
    return rig.gateway.call("sessions.count", filter="egress %s" % address)["count"]


def _attention(rig):
    return [text for text in rig.gateway.call("status")["attention"] if "drain" in text]


def _curl(pod, address=SERVER, port=80):
    """The source that an HTTP server saw, or curl's exit status."""
    ran = pod.run("curl", "-s", "--max-time", "2", "--interface", pod.address,
                  "http://%s:%d/" % (address, port), check=False, timeout=10)
    return ran.stdout if ran.returncode == 0 else ran.returncode


class LivePrograms:
    """A download by curl, a transfer by iperf3 and a talk by ncat, all by one pod and under way."""

    def __init__(self, t, rig, pod):
        self._t, self._rig = t, rig
        rig.http(BLOB, port=8080)
        rig.echo()
        self._server = rig.outside.popen("iperf3", "-s", "-1", "-B", SERVER, "-p", str(IPERF_PORT),
                                         stdout=subprocess.DEVNULL)
        t.eventually(lambda: ":%d" % IPERF_PORT in rig.outside.run("ss", "-tlnH").stdout,
                     "iperf3 listens")
        self._curl = pod.namespace.popen(
            "curl", "-sS", "--interface", pod.address, "--limit-rate", CURL_BYTES_PER_S,
            "http://%s:8080/" % SERVER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._iperf = pod.namespace.popen(
            "iperf3", "-c", SERVER, "-p", str(IPERF_PORT), "-B", pod.address, "-b", "20M",
            "-t", str(IPERF_S), "-J", stdout=subprocess.PIPE, text=True)
        self._ncat = pod.namespace.popen(
            "ncat", "-n", "-s", pod.address, SERVER, str(topology.ECHO_PORT),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seen_by_ncat = self._ncat.stdout.readline().split("|")[0]

    def under_way(self):
        return self._curl.poll() is None and self._iperf.poll() is None

    def say(self, text):
        """What comes back to a line that ncat sends."""
        self._ncat.stdin.write(text + "\n")
        self._ncat.stdin.flush()
        return self._ncat.stdout.readline().rstrip("\n")

    def finish(self):
        """Each comes to its own end, with everything that was sent."""
        said = self._iperf.communicate(timeout=IPERF_S + 15)[0]
        self._t.equal(self._iperf.returncode, 0, "iperf3: %s" % said[-400:])
        rates = [each["sum"]["bits_per_second"] for each in json.loads(said)["intervals"]]
        self._t.check(len(rates) >= IPERF_S and min(rates) > 5e6, "a gap in iperf3: %s" % rates)
        body = self._curl.communicate(timeout=30)[0]
        self._t.equal((self._curl.returncode, hashlib.sha256(body).hexdigest()),
                      (0, hashlib.sha256(BLOB).hexdigest()), "curl's download")
        self._ncat.stdin.close()
        self._t.equal(self._ncat.wait(10), 0, "ncat")
        self._ncat.stdout.close()
        self._server.wait(10)


def test_live_sessions_finish_and_new_ones_go_elsewhere(t):
    """curl, iperf3 and ncat come to their own ends on the drained address, others begin on the next
    one; the list and status follow until nothing is left; undo brings the address back."""
    rig = t.rig(headers_only=True).start(egress_ips=_pool(), sessions=SOON)
    rig.http(lambda client: client.encode())
    pod, other = rig.pod(), rig.pod("payments", 2)
    live = LivePrograms(t, rig, pod)
    t.equal((live.seen_by_ncat, _curl(other)), (FIRST, FIRST), "before")
    said = _posternctl(rig, "drain", FIRST)
    left = _sessions(rig, FIRST)
    t.check(said[0] == 0 and said[1].startswith(FIRST + " takes no new sessions, "), said)
    t.check(live.under_way() and left >= 4, "only %d sessions were under way" % left)
    t.equal(_states(rig), ("partly-draining", {FIRST: "draining", SECOND: "active"}), "the list")
    for each in (pod, other):
        t.equal([_curl(each) for _ in range(5)], [SECOND] * 5, "new connections")
    row, = rig.gateway.call("sessions.list", filter="protocol tcp and port %d and state established"
                            % topology.ECHO_PORT)["rows"]
    t.equal(row["translated"]["src"], FIRST, "ncat's session")
    t.equal(live.say("still there?"), "still there?", "ncat")
    attention, = _attention(rig)
    t.check(attention.startswith("egress address %s is being drained, " % FIRST), attention)
    live.finish()
    t.eventually(lambda: _states(rig)[1][FIRST] == "drained", "the address runs dry", 15.0)
    t.equal((_states(rig)[0], _sessions(rig, FIRST)), ("partly-drained", 0), "the list")
    attention, = _attention(rig)
    t.check("it has no session left" in attention, attention)
    t.equal(_curl(pod), SECOND, "drained")
    said = _posternctl(rig, "drain", FIRST, "--undo")
    t.equal(said, (0, FIRST + " takes new sessions again, 0 sessions left"), "undo")
    t.equal((_curl(pod), _curl(other)), (FIRST, FIRST), "after undo")
    t.equal((_states(rig), _attention(rig)),
            (("active", {FIRST: "active", SECOND: "active"}), []), "nothing is left of it")


def test_without_another_address_nothing_begins(t):
    """The only address: new connections are dropped, or go by Node IP where `fallback` says so."""
    node_ip = {"mode": "gateway", "addresses": [NODE_IP]}
    rig = t.rig(nodes=1).start(egress_ips=_pool(addresses=[FIRST]), node_ip=node_ip)
    rig.http(lambda client: client.encode())
    server, pod = rig.echo(), rig.pod()
    stream = Stream(t.dial(pod, server)[0])
    rig.gateway.call("egress_ips.drain", address=FIRST)
    t.equal(_curl(pod), CURL_TIMED_OUT, "curl")
    t.check(t.silent(pod, server), "a question by UDP got out")
    t.dropped(rig, "no-egress-address", 2)
    t.equal(_curl(rig.pod("web")), topology.WEB_IP, "web")
    rig.apply(egress_ips=_pool(addresses=[FIRST], fallback="node-ip"), node_ip=node_ip)
    t.equal(_states(rig)[0], "draining", "over config.apply")
    t.equal(_curl(pod), NODE_IP, "with fallback")
    sent = stream.bytes
    t.eventually(lambda: stream.bytes > sent + 10000, "the connection from before goes on")
    t.equal(stream.finish(), None, "the connection from before")


def test_the_deadline_ends_the_rest(t):
    """What still runs then is ended, on that address alone, and serves no packet more; the address
    stays drained."""
    rig = t.rig().start(egress_ips=_pool())
    rig.http(lambda client: client.encode())
    server, pod, web = rig.echo(), rig.pod(), rig.pod("web", 2)
    sock = t.dial(pod, server)[0]
    asking = pod.udp()
    t.ask(pod, server, asking)
    others = Stream(t.dial(web, server)[0])
    said = _posternctl(rig, "drain", FIRST, "--deadline", "3s")
    t.equal(said, (0, FIRST + " takes no new sessions, 2 sessions left"), "drain")
    second, seen = t.dial(pod, server)
    t.equal(seen, SECOND, "a new connection")
    sock.sendall(b"until then")
    t.equal(sock.recv(64), b"until then", "before the deadline")
    row, = rig.gateway.call("egress_ips.list", name="payments-out")["rows"]
    t.check(1 <= row["by_address"][0]["deadline_s"] <= 3, row["by_address"])
    t.check("will be ended in" in _attention(rig)[0], _attention(rig))
    t.eventually(lambda: _sessions(rig, FIRST) == 0, "the deadline ends the rest", 10.0)
    t.check("drain of %s: the deadline has come, 2 sessions ended" % FIRST in rig.gateway.log(),
            "not in the log")
    sock.settimeout(0.7)
    sock.sendall(b"too late")
    try:
        t.check(False, "an answer after the deadline: %r" % sock.recv(64))
    except TimeoutError:
        pass
    t.dropped(rig, "bad-tcp-state")
    second.sendall(b"untouched")
    t.equal(second.recv(64), b"untouched", "the connection on the other address")
    t.equal(others.finish(), None, "web's connection")
    t.equal((_states(rig)[1], _curl(pod)), ({FIRST: "drained", SECOND: "active"}, SECOND), "after")
    for each in (sock, second, asking):
        each.close()


def test_undo_and_a_later_deadline_call_the_first_off(t):
    """Neither ends anything at the time that was said first."""
    rig = t.rig(nodes=1).start(egress_ips=_pool())
    server = rig.echo()
    stream = Stream(t.dial(rig.pod(), server)[0])
    web = Stream(t.dial(rig.pod("web"), server)[0])
    rig.gateway.call("egress_ips.drain", address=FIRST, deadline="2s")
    rig.gateway.call("egress_ips.drain", address=FIRST, deadline="1h")
    rig.gateway.call("egress_ips.drain", address=topology.WEB_IP, deadline="2s")
    t.equal(rig.gateway.call("egress_ips.drain", address=topology.WEB_IP, undo=True)
            ["sessions_left"], 1, "left at undo")
    rig.gateway.call("egress_ips.drain", address=SECOND, deadline="3s")
    t.eventually(lambda: "drain of %s: the deadline" % SECOND in rig.gateway.log(),
                 "a deadline that nothing calls off", 10.0)
    for each, what in ((stream, "with a later deadline"), (web, "after undo")):
        sent = each.bytes
        t.eventually(lambda: each.bytes > sent + 10000, "the connection goes on " + what)
        t.equal(each.finish(), None, "the connection " + what)
    t.check("drain of %s: the deadline" % FIRST not in rig.gateway.log(), rig.gateway.log_tail())


def test_a_drain_lasts_as_long_as_its_address(t):
    """Kept over config.apply and config.rollback, gone with the address and with the gateway."""
    rig = t.rig(nodes=1).start(egress_ips=_pool())
    server, pod = rig.echo(), rig.pod()
    rig.gateway.call("egress_ips.drain", address=FIRST)
    rig.apply(egress_ips=_pool(spread="source"), firewall={"default": "allow", "rules": [
        {"namespace": "lab", "action": "deny"}]})
    t.equal((_states(rig)[1][FIRST], t.ask(pod, server)[0]), ("drained", SECOND), "another file")
    rig.gateway.call("config.rollback")
    t.equal((_states(rig)[1][FIRST], t.ask(pod, server)[0]), ("drained", SECOND), "rolled back")
    rig.apply(egress_ips=_pool(addresses=[SECOND]))
    t.equal(_attention(rig), [], "without the address")
    rig.gateway.call("config.rollback")
    t.equal((_states(rig)[1][FIRST], t.ask(pod, server)[0]), ("active", FIRST), "it came again")
    rig.gateway.call("egress_ips.drain", address=FIRST)
    t.equal(t.ask(pod, server)[0], SECOND, "drained once more")
    rig.gateway.stop()
    rig.gateway.write(rig.model(egress_ips=_pool()))
    rig.restart()
    t.equal((_states(rig)[1][FIRST], t.ask(pod, server)[0]), ("active", FIRST), "a new gateway")


def test_sources_of_routers_and_node_ip_are_drained_too(t):
    """A router takes no new connections while its source is drained, a live one goes on; the same
    for an address of Node IP."""
    rig = t.rig(nodes=1).start(
        node_ip={"mode": "gateway", "addresses": [NODE_IP]}, egress_routers=[
            {"name": "db", "namespaces": ["payments"], "listen": LISTEN, "source": ROUTER_IP,
             "destinations": "80 tcp %s %d\n7007 udp %s" % (SERVER, topology.ECHO_PORT, SERVER)}])
    server, pod, lab = rig.echo(), rig.pod(), rig.pod("lab")
    by_lab = Stream(t.dial(lab, server)[0])
    server.address, server.port = LISTEN, 80
    by_router = Stream(t.dial(pod, server)[0])
    for address in (ROUTER_IP, NODE_IP):
        rig.gateway.call("egress_ips.drain", address=address)
    t.equal(_states(rig, "db", "egress_routers.list"), ("draining", {ROUTER_IP: "draining"}),
            "the router's row")
    server.port = topology.ECHO_PORT
    t.check(t.silent(pod, server), "payments began by the router")
    server.address = SERVER
    t.check(t.silent(lab, server), "lab began by Node IP")
    t.dropped(rig, "no-egress-address", 2)
    for stream in (by_lab, by_router):
        sent = stream.bytes
        t.eventually(lambda: stream.bytes > sent + 10000, "the connection from before goes on")
        t.equal(stream.finish(), None, "the connection from before")
    for address in (ROUTER_IP, NODE_IP):
        rig.gateway.call("egress_ips.drain", address=address, undo=True)
    t.equal(t.ask(lab, server)[0], NODE_IP, "lab after undo")


def test_bad_input_is_told_what_to_do(t):
    """Each refusal names what is wrong, posternctl ends with 1, and nothing is drained."""
    rig = t.rig(nodes=1).start(egress_ips=_pool())
    for words, told in (
            (("192.0.2.99",),
             "192.0.2.99 is no egress address; posternctl show egress-ips shows them"),
            (("203.0.113.0/24",), '`address`: "203.0.113.0/24" is not an IPv4 address; write one '
                                  "of those that posternctl show egress-ips shows"),
            ((FIRST, "--deadline", "soon"),
             '`deadline`: "soon" is not a duration in h, m and s such as "10m" or '
             '"1h30m"'),
            ((FIRST, "--deadline", "1m", "--undo"),
             "`deadline` and `undo` do not go together")):
        t.equal(_posternctl(rig, "drain", *words), (1, "posternctl: " + told), words[-1])
    status, said = _posternctl(rig, "drain")
    t.check(status == 2 and "ADDRESS" in said, "without an address: %d %s" % (status, said))
    t.equal(_posternctl(rig, "drain", FIRST, "--dry-run"),
            (0, "can be done; nothing was changed, 0 sessions left"), "--dry-run")
    t.equal((_states(rig)[0], _attention(rig)), ("active", []), "nothing is drained")
    t.equal(t.ask(rig.pod(), rig.echo())[0], FIRST, "a new session")


if __name__ == "__main__":
    main()
