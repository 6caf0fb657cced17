#!/usr/bin/python3
"""explain, and then the packet itself: what it says is what real peers see, and saying it leaves
nothing behind."""
import json
import os
import threading
import time

from rig import settings, topology
from rig.case import main

OK, DROPPED = 0, 3
STORM_S = 5.0
SERVER, CLOSED = topology.SERVERS[0], topology.SERVERS[1]
RULES = {"default": "allow", "refuse": "reject", "rules": [
    {"namespace": "payments", "action": "deny", "to": [CLOSED], "ports": ["tcp/80"]}]}
MARK = [{"namespace": "payments", "to": [SERVER], "dscp": 46}]


def _explain(t, rig, *words, status):
    """The answer of posternctl explain, which must end so."""
    gateway = rig.gateway
    done = rig.gateway_ns.run(gateway.program("posternctl"), "-s", gateway.socket_path, "-j",
                              "explain", *words, check=False)
    t.equal(done.returncode, status, "explain %s: exit status (%s%s)" % (
        " ".join(words), done.stdout, done.stderr))
    return json.loads(done.stdout)


def _curl(pod, server):
    """Exit status and page of a curl from the pod."""
    done = pod.run("curl", "-sS", "-m", "4", "--interface", pod.address, "http://%s/" % server,
                   check=False)
    return done.returncode, done.stdout


def _line(step):
    """The text of the line that a step names."""
    with open(step["file"], encoding="utf-8") as file:
        return file.read().splitlines()[step["line"] - 1].strip()


def _step(answer, stage):
    return [step for step in answer["steps"] if step["stage"] == stage][-1]


def _state(rig):
    """Everything that a packet would change: counters, but for the questions themselves."""
    counters = rig.gateway.call("counters.get")
    changing = ("control.", "packets.", "port.")  # ARP of the rig's neighbours comes when it likes
    state = {name: value for name, value in counters.items() if not name.startswith(changing)}
    rules = rig.gateway.call("firewall.list")["rows"]
    return state, [row.get("packets") for row in rules], rig.gateway.call("status")["generation"]


def test_curl_meets_what_was_explained(t):
    """Both verdicts: the server sees the address that was said, and what is refused is."""
    rig = t.rig(nodes=1).start(firewall=RULES, qos=MARK)
    rig.http(str.encode, SERVER)  # tells whom it sees
    rig.http(str.encode, CLOSED)
    pod = rig.pod()
    t.equal(_curl(pod, SERVER), (0, topology.PAYMENTS_IP), "the first page resolves the next hop")
    before = _state(rig)

    said = _explain(t, rig, pod.address, SERVER, "tcp", "80", status=OK)
    t.equal(said["verdict"], "forward", "verdict")
    t.equal(said["translated"], {"src": topology.PAYMENTS_IP, "dst": SERVER, "dport": 80,
                                 "dscp": 46, "port": "uplink"}, "translated")
    t.check(pod.address in _line(_step(said, "source")), "the line of %s" % _step(said, "source"))
    refused = _explain(t, rig, pod.address, CLOSED, "tcp", "80", status=DROPPED)
    t.equal(refused["reason"], "firewall-denied", "reason")
    t.check("reset" in _step(refused, "drop")["text"], "nothing of a reset: %s" % refused)
    with open(_step(refused, "firewall")["file"], encoding="utf-8") as file:
        rule = file.read().splitlines()[_step(refused, "firewall")["line"] - 1:]
    t.check(CLOSED in "".join(rule[:6]), "not the rule's line: %s" % rule[:6])
    for words in ((pod.address, SERVER, "udp", "53"), (pod.address, SERVER, "icmp"),
                  (pod.address, SERVER, "gre"), (pod.address, SERVER, "sctp", "9"),
                  (pod.address, SERVER, "ah"), (rig.pod("stray").address, SERVER, "icmp"),
                  (pod.address, "192.0.2.77", "icmp")):
        _explain(t, rig, *words, status=DROPPED if "ah" in words or words[0] != pod.address
                 else OK)
    t.equal(_state(rig), before, "what explaining has left behind")
    t.equal(rig.gateway.drops(), {}, "drops")

    t.equal(_curl(pod, SERVER), (0, said["translated"]["src"]), "whom the server sees")
    row = rig.gateway.call("sessions.list", filter="port 80 and src %s" % pod.address)["rows"][-1]
    t.equal((row["translated"]["src"], row["namespace"]), (topology.PAYMENTS_IP, "payments"),
            "the session")
    t.equal(_curl(pod, CLOSED)[0], 7, "curl's status: the connection was refused")
    t.dropped(rig, "firewall-denied")


def test_a_live_connection_is_explained_as_one(t):
    """With its source port its translation is told, and a rule against it changes nothing."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    sock, _ = t.dial(pod, server)
    words = (pod.address, server.address, "tcp", str(server.port))
    port = rig.gateway.call("sessions.list")["rows"][0]["translated"]["sport"]
    with_port = (*words, "--sport", str(sock.getsockname()[1]))
    t.equal(_explain(t, rig, *with_port, status=OK)["translated"]["sport"], port, "its port")
    rig.apply(firewall={"default": "deny"})
    t.equal(_explain(t, rig, *words, status=DROPPED)["reason"], "firewall-default", "a new one")
    said = _explain(t, rig, *with_port, status=OK)
    t.check("live session" in _step(said, "session")["text"], "no session in %s" % said)
    back = _explain(t, rig, server.address, topology.PAYMENTS_IP, "tcp", str(port), "--sport",
                    str(server.port), status=OK)
    t.equal((back["translated"]["dst"], back["translated"]["port"]), (pod.address, "underlay"),
            "what comes back")
    sock.close()


def test_an_address_that_is_drained_and_a_next_hop_that_is_not_there(t):
    """The state of the moment decides, not the file alone."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod()
    absent = "192.0.2.77"
    said = _explain(t, rig, pod.address, absent, "udp", "9", status=OK)
    t.check("held until" in _step(said, "neighbour")["text"], "not held: %s" % said)
    t.equal(rig.gateway.call("sessions.list")["rows"], [], "sessions")
    rig.gateway.call("egress_ips.drain", address=topology.PAYMENTS_IP)
    said = _explain(t, rig, pod.address, SERVER, "udp", "9", status=DROPPED)
    t.equal(said["reason"], "no-egress-address", "reason")
    t.check("drained" in _step(said, "address")["text"], "nothing of a drain: %s" % said)
    rig.gateway.call("egress_ips.drain", address=topology.PAYMENTS_IP, undo=True)
    _explain(t, rig, pod.address, SERVER, "udp", "9", status=OK)


def test_the_line_is_told_of_the_file_that_has_it(t):
    """A namespace that an included file brings: its steps name that file."""
    rig = t.rig(nodes=1)
    model = rig.model()
    rig.learn(model)
    part = os.path.join(os.path.dirname(rig.gateway.config_path), "namespaces.cfg")
    with open(part, "w", encoding="utf-8") as file:
        file.write("# ours\n" + settings.text({"namespaces": model.pop("namespaces")}))
    with open(rig.gateway.config_path, "w", encoding="utf-8") as file:
        file.write(settings.text(model) + '@include "%s"\n' % os.path.basename(part))
    rig.restart()
    said = _explain(t, rig, rig.pod().address, SERVER, "tcp", "80", status=OK)
    source, egress = _step(said, "source"), _step(said, "egress")
    t.equal(os.path.basename(source["file"]), "namespaces.cfg", "the source's file")
    t.check(rig.pod().address in _line(source), "the line of %s" % source)
    t.equal(egress["file"], rig.gateway.config_path, "the file of egress_ips")


def test_many_questions_hold_nobody_up(t):
    """A thousand explanations while packets pass: none is lost, none has to wait."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    with pod.udp() as sock:
        for asked in range(1000):
            said = rig.gateway.call("explain", src=pod.address, dst=server.address, protocol="udp",
                                    dport=server.port)
            t.equal(said["verdict"], "forward", "verdict %d" % asked)
            if asked % 50 == 0:
                t.ask(pod, server, sock, b"%d" % asked)
    t.equal(rig.gateway.call("sessions.count")["count"], 1, "sessions")


def test_the_tables_change_between_question_and_answer(t):
    """Patches and applies without a pause: every answer is of one moment, and nothing dies."""
    rig = t.rig(nodes=1)
    gateway, pod = rig.gateway, "10.128.0.30"
    bare = rig.model(namespaces=[{"name": "lab", "pods": ["10.128.0.13"]}], egress_ips=[],
                     firewall={"default": "allow"})
    rules = [{"namespace": "lab", "action": "allow", "to": ["192.88.99.%d" % i]} for i in range(40)]
    full = dict(bare, firewall={"default": "allow", "rules": rules}, egress_ips=[
        {"name": "lab-out", "namespaces": ["lab"], "addresses": [topology.PAYMENTS_IP]}])
    rig.learn(full)
    gateway.write(bare)
    rig.restart()
    paths = [rig.ground.path("full.cfg"), rig.ground.path("bare.cfg")]
    for path, model in zip(paths, (full, bare)):
        with open(path, "w", encoding="utf-8") as file:
            file.write(settings.text(model))
    faults, answers, end = [], [], time.monotonic() + STORM_S

    def keep(step):
        client, times = gateway.client(), 0
        try:
            while time.monotonic() < end:
                step(client, times)
                times += 1
        except Exception as fault:  # of a thread: the case tells
            faults.append(repr(fault))

    def patch(client, times):
        client.call("namespaces.patch", **{"remove" if times % 2 else "add": {"lab": [pod]}})

    def apply(client, times):
        client.call("config.apply", path=paths[times % 2])
        time.sleep(0.03)

    def ask(client, _):
        answers.append(client.call("explain", src=pod, dst=SERVER, protocol="udp", dport=5))

    threads = [threading.Thread(target=keep, args=(step,)) for step in [patch, apply] + [ask] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.check(gateway.running, "the gateway is dead after %d questions" % len(answers))
    t.equal(faults, [], "faults")
    for said in answers:
        unknown = any("in no namespace" in step["text"] for step in said["steps"])
        t.equal(unknown, said.get("reason") == "source-unknown", "unknown, in %s" % said)
    verdicts = {said.get("reason", "forward") for said in answers}
    t.check({"source-unknown", "no-policy"} <= verdicts, "only %s were met" % verdicts)


if __name__ == "__main__":
    main()
