#!/usr/bin/python3
"""What an operator does who changes a gateway with care: looks first, tries, goes back."""
import json
import time

from rig import topology
from rig.case import main
from rig.control import Client, RpcError
from rig.streams import Questions, Stream

SPARE_IP = "192.0.2.70"


def _refused(t, rig, method, **params):
    try:
        t.check(False, "%s was accepted: %s" % (method, rig.gateway.call(method, **params)))
    except RpcError as error:
        return error.error


def _spare_for_web(rig):
    model = rig.model()
    model["egress_ips"][1]["addresses"] = [SPARE_IP]
    rig.learn(model)
    return model


def _source(t, rig, server, name="web", node=1):
    return t.ask(rig.pod(name, node), server)[0]


def test_an_unconfirmed_change_returns_by_itself(t):
    """The gateway goes back while traffic runs; what the change does not concern loses nothing."""
    rig = t.rig(headers_only=True).start()
    server = rig.echo()
    t.equal(_source(t, rig, server), topology.WEB_IP, "before")
    questions = Questions(rig.pod("payments", 1), server)
    stream = Stream(t.dial(rig.pod("payments", 2), server)[0])
    rig.gateway.write(_spare_for_web(rig))
    answer = rig.gateway.call("config.apply", path=rig.gateway.config_path, confirm_timeout="2s")
    t.equal(answer["diff"]["changed"], ["egress_ips.web-out"], "the diff")
    t.equal(_source(t, rig, server), SPARE_IP, "with the change")
    attention = " ".join(rig.gateway.call("status")["attention"])
    t.check("posternctl config confirm" in attention, "status says nothing: %r" % attention)
    error = _refused(t, rig, "config.apply", path=rig.gateway.config_path)
    t.equal(error["code"], 1009, "another change: %s" % error)
    rig.gateway.call("namespaces.patch", add={"payments": ["10.128.0.40"]})
    t.eventually(lambda: "went back" in " ".join(rig.gateway.call("status")["attention"]),
                 "the gateway goes back", within_s=10.0)
    t.equal(_source(t, rig, server), topology.WEB_IP, "after the return")
    t.equal(rig.gateway.call("status")["generation"], answer["generation"] + 2, "generation")
    t.check("went back to the configuration before" in rig.gateway.log(), "not in the log")
    t.equal(_refused(t, rig, "config.confirm")["code"], 1009, "a late confirmation")
    lost = questions.finish()
    t.equal(lost[:20], [], "questions without an answer (of %d)" % questions.asked)
    t.equal(questions.sources, {topology.PAYMENTS_IP}, "sources")
    t.equal(stream.finish(), None, "the TCP stream")


def test_a_confirmed_change_stays(t):
    """config.confirm in time; then rollback, step by step, until nothing is left."""
    rig = t.rig(nodes=1).start()
    server = rig.echo()
    rig.gateway.write(_spare_for_web(rig))
    rig.gateway.call("config.apply", path=rig.gateway.config_path, confirm_timeout="2s")
    rig.gateway.call("config.confirm")
    time.sleep(2.5)
    t.equal(_source(t, rig, server), SPARE_IP, "confirmed")
    rig.apply(firewall={"default": "deny"})
    t.check(t.silent(rig.pod("web"), server), "the firewall lets pass")
    answer = rig.gateway.call("config.rollback")
    t.equal(sorted(answer["diff"]["changed"]), ["egress_ips.web-out", "firewall.default"], "diff")
    t.equal(_source(t, rig, server), SPARE_IP, "one step back")
    rig.gateway.call("config.rollback")
    t.equal(_source(t, rig, server), topology.WEB_IP, "two steps back")
    t.equal(_refused(t, rig, "config.rollback")["code"], 1009, "no step is left")


def test_revalidate_ends_what_a_new_rule_denies(t):
    """Exactly those sessions, and they serve nothing from the answer on."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    stays, _ = t.dial(pod, server)
    goes = [pod.udp(6000 + n) for n in range(5)]
    for sock in goes:
        t.ask(pod, server, sock)
    t.ask(rig.pod("web"), server)
    rule = {"namespace": "payments", "action": "deny", "ports": ["udp"]}
    model = rig.model(firewall={"default": "allow", "rules": [rule]})
    rig.gateway.write(model)
    rig.gateway.call("config.apply", path=rig.gateway.config_path)
    goes[0].sendto(b"still there?", (server.address, server.port))
    t.check(goes[0].recv(100).endswith(b"still there?"), "ended without being asked to")
    answer = rig.gateway.call("config.apply", path=rig.gateway.config_path, revalidate=True)
    t.equal(answer["ended"], 5, "ended")
    for sock in goes:
        t.unserved(sock, server, "served after the answer", 0.05)
        sock.close()
    t.dropped(rig, "firewall-denied", 5)
    stays.sendall(b"here")
    t.equal(stays.recv(10), b"here", "the session that stays")
    t.equal(rig.gateway.call("sessions.count")["count"], 2, "sessions that are left")
    stays.close()


def _large(rig):
    """100,000 pods in 1,000 namespaces beside the usual ones."""
    model = rig.model()
    model["nodes"].append({"name": "node-8", "tunnel": "overlay", "vtep": "10.0.0.8",
                           "pod_cidrs": ["10.200.0.0/15"]})
    for number in range(1000):
        base = (10 << 24) + (200 << 16) + number * 128
        pods = ["%d.%d.%d.%d" % tuple((base + n).to_bytes(4, "big")) for n in range(100)]
        model["namespaces"].append({"name": "many-%d" % number, "pods": pods})
    rig.learn(model)
    return model


def test_a_large_configuration_comes_and_goes_whole(t):
    """config.get of 100,000 pods fits the socket; config.diff and config.rollback of it."""
    rig = t.rig(nodes=1).start()
    server = rig.echo()
    client = rig.ground.add(Client(rig.gateway.socket_path, timeout_s=60.0))
    rig.gateway.write(_large(rig))
    answer = client.call("config.apply", path=rig.gateway.config_path)
    t.equal(len(answer["diff"]["added"]), 1001, "entries that are added")
    shown = rig.ground.path("shown.cfg")
    with open(shown, "w", encoding="utf-8") as file:
        file.write(client.call("config.get")["text"])
    seen = client.call("config.diff", path=shown)
    t.check("1001 namespaces have no way out" in seen.pop("warnings")[0]["text"], "the warning")
    t.equal(seen,
            {"added": [], "removed": [], "changed": [], "needs_restart": []}, "of what was shown")
    t.equal(len(client.call("config.rollback")["diff"]["removed"]), 1001, "entries that go")
    t.equal(_source(t, rig, server), topology.WEB_IP, "traffic")


def test_posternctl_shows_tries_and_goes_back(t):
    """config show, diff, apply, confirm and rollback as they are typed."""
    rig = t.rig(nodes=1).start()

    def say(*words, status=0):
        done = rig.gateway_ns.run(rig.gateway.program("posternctl"), "-s", rig.gateway.socket_path,
                                  *words, check=False)
        t.equal(done.returncode, status, "%s: %s%s" % (" ".join(words), done.stdout, done.stderr))
        return done.stdout if status == 0 else done.stderr

    shown = rig.ground.path("shown.cfg")
    with open(shown, "w", encoding="utf-8") as file:
        file.write(say("config", "show"))
    t.equal(say("config", "diff", shown), "no differences\n", "what is in force, as a file")
    rig.gateway.write(_spare_for_web(rig))
    changed = '    addresses: [ "%s" ] -> [ "%s" ]\n' % (topology.WEB_IP, SPARE_IP)
    t.equal(say("config", "diff", rig.gateway.config_path), "~ egress_ips.web-out\n" + changed,
            "diff")
    say("config", "apply", rig.gateway.config_path, "--dry-run")
    t.equal(json.loads(say("-j", "config", "show"))["generation"], 1, "tried only")
    told = say("config", "apply", rig.gateway.config_path, "--confirm-timeout", "5m",
               "--revalidate")
    for part in ("~ egress_ips.web-out", "generation 2", "ended 0", "goes back in 5m unless"):
        t.check(part in told, "%r is not in: %s" % (part, told))
    t.check("config confirm" in say("config", "apply", shown, status=1), "not told what to do")
    t.check("generation 2" in say("config", "confirm"), "confirm")
    t.check("needs a restart" not in say("config", "rollback"), "rollback")
    t.equal(say("config", "diff", shown), "no differences\n", "back again")
    say("config", "rollback", status=1)
    say("config", "apply", shown, "--confirm-timeout", "never", status=1)


if __name__ == "__main__":
    main()
