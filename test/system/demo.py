#!/usr/bin/python3
"""The demonstration behind demo.sh: a gateway between two nodes and a server, all in network
namespaces. Every line says what was expected and what the server, or the gateway, saw."""
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import traceback

from rig import case, frames, topology
from rig.ground import signals_raise, signals_wait, sweep

NODE_IP, PAYMENTS_IP, WEB_IP, NEW_WEB_IP = "192.0.2.20", "192.0.2.50", "192.0.2.60", "192.0.2.61"
FORBIDDEN = topology.SERVERS[1]
NODE_IPS = ["192.0.2.101", "192.0.2.102"]
LISTEN, ROUTER_IP, ROUTER_SERVER = "172.30.0.10", "192.0.2.70", topology.SERVERS[2]
NAMED = topology.SERVERS[3:5]
CONNECTIONS = 50
PODS = 1000
QUOTA, WANTED = 20, 30
SPARE_IP, LIVE = "192.0.2.51", 10
WIDTHS = (60, 26)

EGRESS = [{"name": "payments-out", "namespaces": ["payments"], "addresses": [PAYMENTS_IP]},
          {"name": "web-out", "namespaces": ["web"], "addresses": [WEB_IP]}]
FIREWALL = {"default": "allow", "rules": [
    {"namespace": "lab", "action": "deny", "to": [FORBIDDEN + "/32"], "ports": ["tcp/443"]}]}


class Report:
    """One line a fact, and whether all of them were as expected."""

    def __init__(self):
        self.good = True

    @staticmethod
    def title(text):
        print("\n%s" % text, flush=True)

    def line(self, what, expected, seen):
        same = expected == seen
        self.good = self.good and same
        print("  %-5s %-*s expected %-*s seen %s" % (
            "ok" if same else "WRONG", WIDTHS[0], what, WIDTHS[1], expected, seen), flush=True)


def _source(test, pod, server):
    """The source that the server sees, or why it sees none."""
    try:
        sock, seen = test.dial(pod, server)
        sock.close()
        return seen
    except OSError as error:
        return "nothing (%s)" % error


class KeptAlive(threading.Thread):
    """Connections that are used in turn, all the time, until `finish`."""

    def __init__(self, connections):
        super().__init__(daemon=True)
        self._connections, self._ending, self._rounds = connections, False, 0
        self._broken = set()
        self.start()

    def run(self):
        while not self._ending:
            for number, sock in enumerate(self._connections):
                message = b"%d of round %d" % (number, self._rounds)
                try:
                    sock.sendall(message)
                    if sock.recv(100) != message:
                        self._broken.add(number)
                except OSError:
                    self._broken.add(number)
            self._rounds += 1

    def finish(self):
        """(how many were alive in every round, rounds)"""
        self._ending = True
        self.join(10)
        for sock in self._connections:
            sock.close()
        return len(self._connections) - len(self._broken), self._rounds


def show_ways_out(test, rig, report, server):
    report.title("Each namespace leaves by its own address, from both nodes (seen by the server)")
    for name, address, way in (("lab", NODE_IP, "Node IP, shared"),
                               ("payments", PAYMENTS_IP, "its own egress address"),
                               ("web", WEB_IP, "its own egress address")):
        for node in (1, 2):
            pod = rig.pod(name, node)
            report.line("%s on node-%d, pod %s: %s" % (name, node, pod.address, way), address,
                        _source(test, pod, server))


def show_denied(test, rig, report, forbidden, server):
    report.title("What is not allowed does not leave, and the gateway says why")
    cases = ((rig.pod("lab"), forbidden, "firewall-denied", "lab to %s tcp/443" % FORBIDDEN),
             (rig.pod("stray"), server, "source-unknown", "a pod of no namespace"))
    for pod, target, reason, what in cases:
        with pod.tcp(timeout_s=0.5) as sock:
            failed = sock.connect_ex((target.address, target.port))
        report.line(what, "no connection", "no connection" if failed else "a connection")
        rows = {row["reason"]: row for row in rig.gateway.call("drops.list")["rows"]}
        last = rows.get(reason, {}).get("last") or {}
        report.line("  drop reason, and whose packet it was", "%s %s" % (reason, pod.address),
                    "%s %s" % (reason if rows.get(reason, {}).get("count") else "no such drop",
                               last.get("src")))


def show_many_pods(test, rig, report, server):
    report.title("%d pods are added over the control socket; one of them is used at once" % PODS)
    pods = ["10.128.%d.%d" % (2 + number // 250, 1 + number % 250) for number in range(PODS // 2)]
    pods += ["10.128.%d.%d" % (6 + number // 250, 1 + number % 250) for number in range(PODS // 2)]
    chosen = rig.pod_at(pods[PODS // 4], 1)
    chosen.namespace.ip("addr add %s/32 dev vx0" % chosen.address)
    with chosen.tcp(timeout_s=0.4) as sock:
        failed = sock.connect_ex((server.address, server.port))
    report.line("pod %s before" % chosen.address, "no connection",
                "no connection" if failed else "a connection")
    began = time.monotonic()
    answer = rig.gateway.call("namespaces.patch", add={"payments": pods})
    took_ms = (time.monotonic() - began) * 1000
    report.line("pods added", str(PODS), str(answer["changed"]))
    report.line("pod %s after the answer (%.1f ms)" % (chosen.address, took_ms), PAYMENTS_IP,
                _source(test, chosen, server))


def show_changes(test, rig, report, server):
    report.title("An egress address is added and another removed under %d connections" %
                 CONNECTIONS)
    pod, web = rig.pod("payments"), rig.pod("web")
    dialled = [test.dial(pod, server) for _ in range(CONNECTIONS)]
    report.line("%d connections of payments leave by" % CONNECTIONS, PAYMENTS_IP,
                " ".join(sorted({seen for _, seen in dialled})))
    old, _ = test.dial(web, server)
    alive = KeptAlive([sock for sock, _ in dialled])
    time.sleep(0.3)
    changed = [EGRESS[0], {**EGRESS[1], "addresses": [NEW_WEB_IP]}]
    rig.apply(node_ip=_node_ip(), firewall=FIREWALL, egress_ips=changed)
    report.line("web after the answer: the added address", NEW_WEB_IP, _source(test, web, server))
    old.settimeout(0.5)
    try:
        old.sendall(b"still there?")
        seen = "an answer" if old.recv(100) else "closed"
    except OSError:
        seen = "no answer"
    old.close()
    report.line("the connection through the removed address", "no answer", seen)
    time.sleep(0.3)
    kept, rounds = alive.finish()
    report.line("connections kept alive through %s" % PAYMENTS_IP, str(CONNECTIONS),
                "%d" % kept)
    report.line("  rounds over all of them without a loss", "more than 2",
                "more than 2" if rounds > 2 and kept == CONNECTIONS else str(rounds))


def show_node_ips(test, rig, report, server):
    report.title("Node IP by node: one address for each, for pods without a way of their own")
    model = rig.model(node_ip={"mode": "per-node"}, firewall=FIREWALL, egress_ips=EGRESS)
    for node, entry, address in zip(rig.nodes, model["nodes"], NODE_IPS):
        entry.update(addresses=[node.vtep], external_ip=address)
    rig.apply(**model)
    for node, address in zip(rig.nodes, NODE_IPS):
        report.line("lab on %s" % node.name, address,
                    _source(test, rig.pod("lab", node.number), server))
    wire, outside, node = rig.node_wire(), rig.outside_wire(), rig.nodes[0]
    wire.send(rig.tunnelled(frames.udp(node.vtep, topology.NOBODY, 123, 123, b"time?")))
    seen = outside.wait(lambda p: p.protocol == frames.UDP and p.dport == 123)
    report.line("the platform of node-1 itself (NTP from %s)" % node.vtep, NODE_IPS[0],
                seen.src if seen else "nothing")


def show_router(test, rig, report):
    report.title("Egress Router: payments dial %s, which leads port 80 to %s:%d" % (
        LISTEN, ROUTER_SERVER, topology.ECHO_PORT))
    rig.apply(node_ip=_node_ip(), firewall=FIREWALL, egress_ips=EGRESS, egress_routers=[
        {"name": "demo", "namespaces": ["payments"], "listen": LISTEN, "source": ROUTER_IP,
         "destinations": "80 tcp %s %d" % (ROUTER_SERVER, topology.ECHO_PORT)}])
    server = rig.echo(ROUTER_SERVER)
    server.address, server.port = LISTEN, 80
    report.line("payments to %s:80: the router's own address" % LISTEN, ROUTER_IP,
                _source(test, rig.pod("payments"), server))
    for name, port, expected in (("payments", 81, "Connection refused"), ("web", 80, "timed out")):
        with rig.pod(name).tcp(timeout_s=0.5) as sock:
            try:
                sock.connect((LISTEN, port))
                seen = "a connection"
            except OSError as error:
                seen = error.strerror or str(error)
        report.line("%s to %s:%d" % (name, LISTEN, port), expected, seen)


def show_names(test, rig, report):
    report.title("Egress Router, dns-proxy: payments dial %s:81, which leads to db.example.com" %
                 LISTEN)
    rig.dns.serve(db=[NAMED[0]])
    rig.apply(node_ip=_node_ip(), firewall=FIREWALL, egress_ips=EGRESS, egress_routers=[
        {"name": "names", "namespaces": ["payments"], "listen": LISTEN, "source": ROUTER_IP,
         "mode": "dns-proxy", "destinations": "81 db.example.com %d" % topology.ECHO_PORT}])
    servers = [rig.echo(address) for address in NAMED]
    for server in servers:
        rig.dns.serve(db=[server.address])
        test.eventually(lambda own=server: _reached(rig, servers) == [own.address],
                        "db.example.com leads to %s" % server.address, within_s=15.0)
        report.line("db.example.com is %s: a connection comes to" % server.address, server.address,
                    ", ".join(_reached(rig, servers)))


def _reached(rig, servers):
    """Which of the servers a connection of payments by the demo's name comes to."""
    for server in servers:
        server.seen.clear()
    with rig.pod("payments").tcp(timeout_s=2.0) as sock, contextlib.suppress(OSError):
        sock.connect((LISTEN, 81))
        sock.recv(64)
    return [server.address for server in servers if ROUTER_IP in server.seen]


def show_quota(test, rig, report, server):
    report.title("A quota: web may have %d sessions, and asks for %d" % (QUOTA, WANTED))
    namespaces = rig.model()["namespaces"]
    next(each for each in namespaces if each["name"] == "web")["limits"] = {"sessions": QUOTA}
    rig.apply(node_ip=_node_ip(), firewall=FIREWALL, egress_ips=EGRESS, namespaces=namespaces)
    rig.gateway.call("sessions.delete", filter="namespace web")
    asking = [rig.pod("web", 1 + number % 2).udp(timeout_s=0.3) for number in range(WANTED)]
    for sock in asking:
        sock.sendto(b"one more", (server.address, server.port))
    answered = 0
    for sock in asking:
        with contextlib.suppress(TimeoutError):
            sock.recv(100)
            answered += 1
        sock.close()
    report.line("questions of web that are answered", str(QUOTA), str(answered))
    row, = rig.gateway.call("namespaces.list", name="web")["rows"]
    report.line("  refused by its quota, says the list", str(WANTED - QUOTA), str(row["refused"]))
    report.line("payments meanwhile", PAYMENTS_IP, _source(test, rig.pod("payments"), server))


def show_drain(test, rig, report, server):
    report.title("An egress address is drained: %d live connections finish, others go elsewhere" %
                 LIVE)
    rig.apply(node_ip=_node_ip(), firewall=FIREWALL, egress_ips=[
        {**EGRESS[0], "addresses": [PAYMENTS_IP, SPARE_IP], "spread": "first"}, EGRESS[1]],
              sessions={"timeouts": {"tcp_transitory": "1s"}})
    rig.gateway.call("sessions.delete", filter="namespace payments")
    pod = rig.pod("payments")
    live = [test.dial(pod, server) for _ in range(LIVE)]
    report.line("connections of payments leave by", PAYMENTS_IP,
                " ".join(sorted({seen for _, seen in live})))
    left = rig.gateway.call("egress_ips.drain", address=PAYMENTS_IP)["sessions_left"]
    report.line("drain %s: sessions left" % PAYMENTS_IP, str(LIVE), str(left))
    report.line("a new connection leaves by", SPARE_IP, _source(test, pod, server))
    for part in (live[:LIVE // 2], live[LIVE // 2:]):
        report.line("  live connections that still answer", str(len(part)), str(_alive(part)))
        for sock, _ in part:
            sock.close()
        live = live[len(part):]
        test.eventually(lambda: _drained(rig)[1] == len(live), "what finished goes", 15.0)
        report.line("  %d have finished: state, and sessions left" % len(part),
                    "%s %d" % ("draining" if live else "drained", len(live)),
                    "%s %d" % _drained(rig))
    rig.gateway.call("egress_ips.drain", address=PAYMENTS_IP, undo=True)
    report.line("undone: a new connection leaves by", PAYMENTS_IP, _source(test, pod, server))


def _alive(connections):
    """How many of them answer what they are sent."""
    alive = 0
    for sock, _ in connections:
        with contextlib.suppress(OSError):
            sock.sendall(b"still there?")
            alive += sock.recv(100) == b"still there?"
    return alive


def _drained(rig):
    """(state, sessions) of the address that is drained."""
    row, = rig.gateway.call("egress_ips.list", name="payments-out")["rows"]
    return next((each["state"], each["sessions"]) for each in row["by_address"]
                if each["address"] == PAYMENTS_IP)


def show_explain(rig, report):
    report.title("posternctl explain says what would become of a packet, and which line decides")
    pod, stray = rig.pod("lab"), rig.pod("stray")
    cases = ((pod, topology.SERVERS[0], 0, "forward as %s" % NODE_IP, "addresses ="),
             (pod, FORBIDDEN, 3, "drop: firewall-denied", 'namespace = "lab"'),
             (stray, topology.SERVERS[0], 3, "drop: source-unknown", None))
    with open(rig.gateway.config_path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    before = rig.gateway.call("sessions.count")["count"]
    for source, target, status, verdict, line in cases:
        done = rig.gateway_ns.run(
            rig.gateway.program("posternctl"), "-s", rig.gateway.socket_path, "-j", "explain",
            source.address, target, "tcp", "443", check=False)
        answer = json.loads(done.stdout)
        report.line("%s to %s tcp/443" % (source.address, target),
                    "%s, exit %d" % (verdict, status),
                    "%s, exit %d" % (_verdict(answer), done.returncode))
        if line:
            # An entry's line is the one where it opens: what it says stands on it or below.
            named = [" ".join(lines[step["line"] - 1:step["line"] + 1])
                     for step in answer["steps"] if "line" in step]
            report.line("  a step names the line with", line,
                        line if any(line in text for text in named) else "no such line")
    report.line("sessions that it left behind", "0",
                str(rig.gateway.call("sessions.count")["count"] - before))


def _verdict(answer):
    if answer["verdict"] == "drop":
        return "drop: %s" % answer["reason"]
    return "%s as %s" % (answer["verdict"], answer["translated"]["src"])


def show_accounts(rig, report):
    report.title("Nothing else left, and every packet is accounted for")
    foreign = sorted({p.src for p in rig.left() if p.kind == frames.ETH_IP} - rig.allowed)
    report.line("foreign or untranslated sources seen on the uplink", "none",
                " ".join(foreign) or "none")
    report.line("received + made = forwarded + answered + dropped + held", "equal",
                rig.gateway.quiet_imbalance() or "equal")


def show_end(rig, report):
    found = list(rig.complaints())
    report.line("stop by SIGTERM within 2 s, every checksum right, nothing left", "no complaint",
                "; ".join(found) or "no complaint")


SHELL_TEXT = """
The gateway keeps running. In this shell:
  posternctl status | sessions | drops | counters | config check %(config)s
  posternctl namespace add lab 10.128.1.9
  posternctl drain %(drained)s | show egress-ips | drain %(drained)s --undo | top
  posternctl explain 10.128.0.13 %(forbidden)s tcp 443
  node-1 curl -s --interface 10.128.0.11 http://%(server)s/      a pod of payments
  node-1 curl -s --interface 10.128.0.12 http://%(server)s/      a pod of web
  node-1 curl -s --interface 10.128.0.13 http://%(server)s/      a pod of lab
  node-1 ping -I 10.128.0.11 %(server)s
  outside tcpdump -ni e0                                         what leaves by the uplink
The configuration is %(config)s; kill -HUP %(pid)d applies it again. Leave with exit or Ctrl-D.
"""


def shell(rig):
    """A shell with posternctl and the namespaces at hand; ends when the user leaves it."""
    names = {"node-1": rig.nodes[0].namespace, "node-2": rig.nodes[1].namespace,
             "outside": rig.outside, "gateway": rig.gateway_ns}
    lines = ["%s() { ip netns exec %s \"$@\"; }" % (name, namespace.name)
             for name, namespace in names.items()]
    lines += ["posternctl() { command %s -s %s \"$@\"; }" % (
        rig.gateway.program("posternctl"), rig.gateway.socket_path), "PS1='postern-demo# '"]
    path = rig.ground.path("shell.rc")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print(SHELL_TEXT % {"config": rig.gateway.config_path, "server": topology.SERVERS[0],
                        "pid": rig.gateway.pid, "drained": PAYMENTS_IP,
                        "forbidden": FORBIDDEN}, flush=True)
    subprocess.run(["bash", "--rcfile", path, "-i"], check=False)


def _node_ip():
    return {"mode": "gateway", "addresses": [NODE_IP]}


def demonstrate(test, options):
    """True when everything was as expected."""
    report = Report()
    print("postern: two nodes (kernel VXLAN), pods of three namespaces, a gateway, a server outside"
          "\n(all of it in network namespaces of its own)", flush=True)
    rig = test.rig(dns=True)
    rig.start(node_ip=_node_ip(), firewall=FIREWALL, egress_ips=EGRESS)
    server, forbidden = rig.echo(), rig.echo(FORBIDDEN, 443)
    rig.http(lambda address: b"you come from %s\n" % address.encode())
    show_ways_out(test, rig, report, server)
    show_denied(test, rig, report, forbidden, server)
    show_many_pods(test, rig, report, server)
    show_changes(test, rig, report, server)
    show_node_ips(test, rig, report, server)
    show_router(test, rig, report)
    show_names(test, rig, report)
    show_quota(test, rig, report, server)
    show_drain(test, rig, report, server)
    show_explain(rig, report)
    show_accounts(rig, report)
    if not report.good:
        print("\n" + rig.gateway.describe(), flush=True)
    if options.shell:
        shell(rig)
        return report.good
    show_end(rig, report)
    return report.good


def main():
    line = case.parser(__doc__)
    line.add_argument("--shell", action="store_true", help="keep it running for trying posternctl")
    options = line.parse_args()
    options.bin = os.path.abspath(options.bin)
    if os.geteuid():
        sys.exit("run this as root: it makes network namespaces")
    sweep()
    test = case.Test(options)
    began = time.monotonic()
    with signals_raise():
        try:
            good = demonstrate(test, options)
        except KeyboardInterrupt:
            sys.exit("interrupted; everything is taken away")
        except Exception:
            print("\nWRONG %s\n%s" % (traceback.format_exc(), test.describe()), flush=True)
            good = False
        finally:
            with signals_wait():
                test.close()
    print("\n%s (%.0f s)" % ("All of it was as expected." if good else "Not all was as expected.",
                             time.monotonic() - began))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
