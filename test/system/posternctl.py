#!/usr/bin/python3
"""posternctl against a running gateway: what it prints, its exit codes, and the control socket."""
import json
import os
import socket

from rig import settings, topology
from rig.case import main
from rig.control import Client, RpcError

OK, FAILED, USAGE, NO_GATEWAY = 0, 1, 2, 4
NEW_POD = "10.128.0.40"


class Operator:
    """posternctl with the rig's socket."""

    def __init__(self, t, rig):
        self._t, self._rig = t, rig

    def try_(self, *words, stdin=None):
        """The finished process."""
        gateway = self._rig.gateway
        return self._rig.gateway_ns.run(gateway.program("posternctl"), "-s", gateway.socket_path,
                                        *words, check=False, stdin=stdin)

    def say(self, *words, status=OK):
        """What it prints on stdout, when it ends with this status."""
        done = self.try_(*words)
        self._t.equal(done.returncode, status, "posternctl %s: exit status (%s%s)" % (
            " ".join(words), done.stdout, done.stderr))
        if status == OK:
            self._t.equal(done.stderr, "", "posternctl %s: stderr" % " ".join(words))
        else:
            self._t.check(done.stderr.strip(), "posternctl %s: silent failure" % " ".join(words))
        return done.stdout

    def json(self, *words):
        return json.loads(self.say("-j", *words))


def _started(t):
    """A gateway with one UDP session, one TCP session, one echo and one drop."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    t.ask(pod, server)
    rig.keep = t.dial(pod, server)[0]
    pod.run("ping", "-c", "1", "-W", "2", "-I", pod.address, topology.SERVERS[0])
    t.silent(rig.pod("stray"), server, 0.1)
    return rig, Operator(t, rig), pod, server


def test_status(t):
    """For people and as JSON: name, version, ports, workers, sessions, attention."""
    rig, ctl, _, _ = _started(t)
    status = ctl.json("status")
    t.equal(status["name"], "gw-test", "name")
    for key in ("version", "dpdk", "uptime_s", "generation", "ports", "workers", "attention"):
        t.check(key in status, "status lacks %s: %s" % (key, status))
    t.equal(status["sessions"]["active"], 3, "active sessions")
    t.equal(status["sessions"]["max"], 65536, "most sessions")
    text = ctl.say("status")
    for word in ("gw-test", "underlay", "uplink", status["version"]):
        t.check(word in text, "status for people lacks %s:\n%s" % (word, text))
    hello = rig.gateway.client().hello
    t.equal((hello["method"], hello["params"]["api"], hello["params"]["pid"]),
            ("hello", 1, rig.gateway.pid), "hello")


def test_sessions(t):
    """Rows as documented; -n limits; the count; the cursor walks over all of them."""
    rig, ctl, pod, server = _started(t)
    rows = ctl.json("sessions")["rows"]
    t.equal(sorted(row["protocol"] for row in rows), ["icmp", "tcp", "udp"], "protocols")
    for row in rows:
        t.equal((row["namespace"], row["original"]["src"], row["original"]["dst"], row["node"]),
                ("payments", pod.address, server.address, "node-1"), "row %s" % row)
        t.equal(row["translated"]["src"], topology.PAYMENTS_IP, "translated")
        t.check(row["packets"]["out"] and row["packets"]["in"], "no packets in %s" % row)
        t.check(row["bytes"]["out"] and row["bytes"]["in"], "no bytes in %s" % row)
        t.check(row["expires_in_s"] > 0 and row["idle_s"] >= 0 and row["age_s"] >= 0, str(row))
    by_protocol = {row["protocol"]: row for row in rows}
    t.equal(by_protocol["tcp"]["state"], "established", "state of TCP")
    t.equal(by_protocol["udp"]["state"], "active", "state of UDP")
    t.equal(by_protocol["icmp"]["original"]["dport"], 0, "dport of an echo")
    t.equal(by_protocol["tcp"]["original"]["dport"], server.port, "dport of TCP")
    t.equal(ctl.json("sessions", "count")["count"], 3, "count")
    t.equal(len(ctl.json("sessions", "-n", "2")["rows"]), 2, "-n 2")
    text = ctl.say("sessions")
    t.check(pod.address in text and topology.PAYMENTS_IP in text, text)
    for number in range(40):
        with pod.udp(20000 + number) as sock:
            t.ask(pod, server, sock)
    walked, cursor, turns = [], None, 0
    while turns < 20:
        page = rig.gateway.call("sessions.list", limit=10, **({"cursor": cursor} if cursor else {}))
        walked += [json.dumps(row["translated"]) + row["protocol"] for row in page["rows"]]
        cursor, turns = page.get("cursor"), turns + 1
        t.check(len(page["rows"]) <= 10, "a page of %d rows" % len(page["rows"]))
        if not cursor:
            break
    t.equal((len(walked), len(set(walked))), (43, 43), "sessions walked over, different ones")


def test_top(t):
    """Who takes most, by each of four things; the rows of the answer and a table."""
    _, ctl, pod, server = _started(t)
    for by, key in (("pods", pod.address), ("namespaces", "payments"),
                    ("destinations", server.address), ("egress-ips", topology.PAYMENTS_IP)):
        rows = ctl.json("top", by)["rows"]
        t.equal([(row["key"], row["sessions"]) for row in rows], [(key, 3)], "top " + by)
        t.check(rows[0]["packets"]["out"] >= 3 and rows[0]["bytes"]["in"] > 0, str(rows[0]))
        t.check(key in ctl.say("top", by, "-n", "5"), "no table of top " + by)
    t.equal(ctl.json("top")["rows"], ctl.json("top", "pods")["rows"], "top of nothing named")
    ctl.say("top", "routers", status=USAGE)
    ctl.say("bugreport", "-o", "/nowhere", status=FAILED)
    ctl.say("rpc", "trace.start", status=FAILED)


def test_counters_and_drops(t):
    """Counters by prefix, drops with text and advice; JSON and tables from the same answer."""
    rig, ctl, _, _ = _started(t)
    everything = ctl.json("counters")
    for name in ("packets.received", "packets.forwarded", "packets.made", "packets.answered",
                 "packets.dropped", "packets.held", "port.uplink.forwarded", "session.created",
                 "session.active", "session.active.payments", "control.requests",
                 "drop.source-unknown"):
        t.check(name in everything, "counters lack %s" % name)
    t.equal(everything["drop.source-unknown"], 1, "drop.source-unknown")
    t.equal(everything["session.active.payments"], 3, "session.active.payments")
    only = ctl.json("counters", "session.")
    t.check(only and all(name.startswith("session.") for name in only), "by prefix: %s" % only)
    t.check("packets.received" in ctl.say("counters"), "no table of counters")
    rows = {row["reason"]: row for row in ctl.json("drops")["rows"]}
    row = rows["source-unknown"]
    t.equal(row["count"], 1, "count of source-unknown")
    t.check(row["text"] and row["advice"] and "per_second" in row, "row: %s" % row)
    t.equal(row["last"]["src"], rig.pod("stray").address, "last")
    text = ctl.say("drops")
    t.check("source-unknown" in text, text)


def test_configuration_commands(t):
    """check and apply: exit codes, positions of errors, nothing changed by a bad file."""
    rig, ctl, pod, server = _started(t)
    plain = rig.ground.path("plain.cfg")
    model = rig.model()
    model["egress_ips"][1]["namespaces"].append("lab")  # without a way out, it is warned of
    with open(plain, "w", encoding="utf-8") as file:
        file.write(settings.text(model))
    ctl.say("config", "check", plain)
    bad = rig.ground.path("bad.cfg")
    model = rig.model()
    model["egress_ips"][0]["namespaces"] = ["nobody"]
    with open(bad, "w", encoding="utf-8") as file:
        file.write(settings.text(model))
    generation = ctl.json("status")["generation"]
    for word in ("check", "apply"):
        done = ctl.try_("config", word, bad)
        t.equal(done.returncode, FAILED, "config %s of a bad file" % word)
        t.check(bad + ":" in done.stdout + done.stderr and "nobody" in done.stdout + done.stderr,
                "no position: %s%s" % (done.stdout, done.stderr))
    t.equal(ctl.json("status")["generation"], generation, "generation after a bad file")
    good = rig.ground.path("good.cfg")
    model = rig.model(egress_ips=[{"name": "payments-out", "addresses": ["192.0.2.70"],
                                   "namespaces": ["payments", "web", "lab"]}])
    rig.learn(model)
    with open(good, "w", encoding="utf-8") as file:
        file.write(settings.text(model))
    answer = ctl.json("config", "apply", good, "--dry-run")
    t.equal(ctl.json("status")["generation"], generation, "generation after --dry-run")
    answer = ctl.json("config", "apply", good)
    t.check(answer["generation"] > generation and "visible_after_us" in answer, str(answer))
    t.check(any(detail["key"] == "addresses" and "192.0.2.70" in detail["new"]
                for detail in answer["diff"]["details"]), "details: %s" % answer["diff"])
    t.equal(t.ask(pod, server)[0], "192.0.2.70", "after config apply")
    ctl.say("config", "apply", "/nowhere/postern.cfg", status=FAILED)


def test_namespace_commands(t):
    """add and remove pods; an unknown namespace fails and says so."""
    rig, ctl, _, server = _started(t)
    rig.nodes[0].namespace.ip("addr add %s/32 dev vx0" % NEW_POD)
    pod = rig.pod_at(NEW_POD)
    t.check(t.silent(pod, server, 0.2), "served before it was added")
    ctl.say("namespace", "add", "payments", NEW_POD, "10.128.0.41")
    t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, "added")
    ctl.say("namespace", "remove", "payments", NEW_POD, "10.128.0.41")
    t.check(t.silent(pod, server, 0.2), "served after it was removed")
    done = ctl.try_("namespace", "add", "payments", "10.250.0.1")
    t.check(done.returncode == OK and "outside of every node's pod_cidrs" in done.stderr,
            "a pod on no node: %d %s" % (done.returncode, done.stderr))
    t.equal(ctl.json("status")["pods_added"], 1, "pods_added")
    ctl.say("namespace", "add", "nobody", NEW_POD, status=FAILED)
    ctl.say("namespace", "add", "web", rig.pod("payments").address, status=FAILED)


def test_exit_codes_and_usage(t):
    """2 for wrong words, 4 without a gateway, 1 for a refused request; errors go to stderr."""
    rig, ctl, _, _ = _started(t)
    for words in (("no-such-command",), ("config",), ("namespace", "add"), ("status", "--no-such"),
                  ("sessions", "-n", "many")):
        ctl.say(*words, status=USAGE)
    ctl.say("rpc", "no.such.method", status=FAILED)
    for what, name in (("firewall", "paymnts"), ("ports", "uplnk"), ("egress-ips", "payments-ot")):
        done = ctl.try_("show", what, name)
        t.check(done.returncode == FAILED and "did you mean" in done.stderr
                and done.stderr.count(name) == 1, "show %s %s: %s" % (what, name, done.stderr))
    t.equal(sorted(ctl.json("health")), ["attention", "ok"], "health")
    t.equal(json.loads(ctl.say("-j", "rpc", "sessions.count", "{}"))["count"], 3, "rpc")
    nowhere = rig.gateway_ns.run(rig.gateway.program("posternctl"), "-s",
                                 rig.ground.path("nothing.sock"), "status", check=False)
    t.equal(nowhere.returncode, NO_GATEWAY, "exit status without a gateway")
    t.check(nowhere.stderr.strip() and not nowhere.stdout, "errors belong on stderr")


def test_interactive_shell(t):
    """Without a command it is a shell: commands from stdin, errors do not end it."""
    _, ctl, _, _ = _started(t)
    done = ctl.try_(stdin="status\nno-such-command\nsessions count\n")
    t.equal(done.returncode, OK, "exit status: " + done.stderr)
    t.check("gw-test" in done.stdout and "3" in done.stdout, done.stdout)


def _raw_lines(path, data):
    """What the socket answers to these bytes, hello left out."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(1.0)
        sock.connect(path)
        got = b""
        try:
            sock.sendall(data)
            while True:
                part = sock.recv(65536)
                if not part:
                    break
                got += part
                if got.count(b"\n") >= 2:
                    break
        except OSError:
            pass
    return [json.loads(line) for line in got.splitlines()[1:]]


def test_the_socket_survives_its_clients(t):
    """Malformed, oversized and silent clients are cut off or told; others are served meanwhile."""
    rig = t.rig(nodes=1).start()
    path = rig.gateway.socket_path
    for data, code in ((b"hello\n", -32700), (b"[]\n", -32600), (b"7\n", -32600),
                       (b'{"jsonrpc":"2.0","id":1,"method":"no.such"}\n', -32601),
                       (b'{"jsonrpc":"2.0","id":1,"method":"sessions.list",'
                        b'"params":{"limit":"many"}}\n', -32602),
                       (b"[" * 4000 + b"]" * 4000 + b"\n", None), (b"x" * (3 << 20), None),
                       (b"\0" * 4096 + b"\n", None)):
        answers = _raw_lines(path, data)
        if code is not None:
            t.equal([answer["error"]["code"] for answer in answers], [code], "answer to %r" % data)
        t.check(rig.gateway.call("status")["name"] == "gw-test", "not served after %r" % data[:40])
    rig.gateway.disconnect()            # or it were the one that was silent longest
    silent = []
    for _ in range(100):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        silent.append(sock)
    client = Client(path)
    t.equal(client.call("status")["name"], "gw-test", "beside a hundred silent clients")
    for sock in silent + [client]:
        sock.close()


def test_strangers_are_refused(t):
    """A user in no group may open the socket, gets one error and is cut off."""
    rig = t.rig(nodes=1).start()
    os.chmod(rig.ground.folder, 0o755)
    code = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
            "s.settimeout(3)\nprint(s.makefile().read())\n")
    done = rig.gateway_ns.run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                              "/usr/bin/python3", "-c", code, rig.gateway.socket_path)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line]
    t.check(len(lines) == 1 and "error" in lines[0], "a stranger got %s" % lines)
    try:
        rig.gateway.call("status")
    except RpcError as error:
        t.check(False, "root is refused: %s" % error)


if __name__ == "__main__":
    main()
