#!/usr/bin/python3
"""Changes under traffic: not one packet is lost, and each answer holds from then on."""
from rig import topology
from rig.case import main
from rig.control import RpcError
from rig.streams import Questions, Stream, nothing_lost

CHANGES = 200
SPARE_IP = "192.0.2.70"
NEW_POD = "10.128.0.40"


def _with_spare(rig, number):
    """The usual configuration, with something of every kind coming and going."""
    model = rig.model()
    if number % 2:
        model["egress_ips"].append({"name": "lab-out", "namespaces": ["lab"],
                                    "addresses": [SPARE_IP]})
        model["firewall"]["rules"] = [{"namespace": "lab", "action": "deny",
                                       "to": ["203.0.113.%d/32" % (100 + number % 100)]}]
    else:
        model["namespaces"].append({"name": "short-lived",
                                    "pods": ["10.128.1.%d" % (number % 250)]})
    return model


def test_200_changes_lose_no_packet(t):
    """config.apply and namespaces.patch in turn while UDP questions and TCP streams run."""
    rig = t.rig(headers_only=True).start()
    server = rig.echo()
    pods = [rig.pod("payments", 1), rig.pod("web", 2)]
    for pod in pods:
        t.ask(pod, server)
    questions = [Questions(pod, server) for pod in pods]
    streams = [Stream(t.dial(pod, server)[0]) for pod in pods]
    rig.learn(_with_spare(rig, 1))
    generation, waits_us = rig.gateway.call("status")["generation"], []
    number = 0
    while number < CHANGES // 2 or min(question.asked for question in questions) <= 200:
        answer = rig.gateway.apply(_with_spare(rig, number))
        t.check(answer["generation"] > generation, "generation: %s" % answer)
        change = {"remove" if number % 2 else "add": {"payments": [NEW_POD]}}
        patched = rig.gateway.call("namespaces.patch", **change)
        t.check(patched["generation"] > answer["generation"], "generation: %s" % patched)
        t.equal(patched["changed"], 1, "changed")
        generation = patched["generation"]
        waits_us += [answer["visible_after_us"], patched["visible_after_us"]]
        number += 1
    nothing_lost(t, questions, (topology.PAYMENTS_IP, topology.WEB_IP), streams, least=200)
    usual_us = sorted(waits_us)[len(waits_us) // 2]
    t.check(usual_us < 50000, "half of the changes were visible after %d us only" % usual_us)


def test_a_patched_pod_is_served_at_once(t):
    """A pod is unknown, is added and served from the answer on, is removed and served no more."""
    rig = t.rig(nodes=1).start()
    server = rig.echo()
    rig.nodes[0].namespace.ip("addr add %s/32 dev vx0" % NEW_POD)
    pod = rig.pod_at(NEW_POD)
    t.check(t.silent(pod, server, 0.2), "served before it was added")
    for _ in range(10):
        rig.gateway.call("namespaces.patch", add={"payments": [NEW_POD]})
        sock = pod.udp(6000)
        t.equal(t.ask(pod, server, sock)[0], topology.PAYMENTS_IP, "added")
        rig.gateway.call("namespaces.patch", remove={"payments": [NEW_POD]})
        t.unserved(sock, server, "served after it was removed")
        sock.close()
    t.dropped(rig, "source-unknown", 11)


def test_the_patch_layer_lies_over_the_file(t):
    """config.apply keeps what was patched; reset takes it away; errors change nothing."""
    rig = t.rig(nodes=1).start()
    server = rig.echo()
    rig.nodes[0].namespace.ip("addr add %s/32 dev vx0" % NEW_POD)
    pod = rig.pod_at(NEW_POD)
    rig.gateway.call("namespaces.patch", add={"payments": [NEW_POD]})
    rig.apply(sessions={"mss_clamp": "off"})
    t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, "after config.apply")
    for wrong in ({"add": {"nobody": ["10.128.0.41"]}}, {"add": {"web": [NEW_POD]}},
                  {"add": {"payments": ["10.128.0.41"], "web": ["not an address"]}}):
        generation = rig.gateway.call("status")["generation"]
        try:
            rig.gateway.call("namespaces.patch", **wrong)
            t.check(False, "accepted: %s" % wrong)
        except RpcError as error:
            t.check(error.error["code"] != 0 and error.error["message"], str(error))
        t.equal(rig.gateway.call("status")["generation"], generation, "generation after an error")
    rig.gateway.call("namespaces.patch", reset=True)
    t.check(t.silent(pod, server), "served after the reset")


def test_a_removed_address_serves_nothing_more(t):
    """Sessions through an egress address that goes end with the answer; others stay."""
    rig = t.rig(nodes=1)
    entries = rig.model()["egress_ips"]
    spare = {"name": "lab-out", "namespaces": ["lab"], "addresses": [SPARE_IP]}
    rig.start(egress_ips=entries + [spare])
    server, outside = rig.echo(), rig.outside_wire()
    stays, _ = t.dial(rig.pod("payments"), server)
    goes = rig.pod("lab").udp(6000)
    t.equal(t.ask(rig.pod("lab"), server, goes)[0], SPARE_IP, "before")
    rig.apply(egress_ips=entries)
    list(outside.arriving(lambda p: True, 0.05))
    for _ in range(20):
        goes.sendto(b"still there?", (server.address, server.port))
    t.equal(list(outside.arriving(lambda p: p.src == SPARE_IP, 0.3)), [], "what left")
    stays.sendall(b"here")
    t.equal(stays.recv(10), b"here", "the session that stays")
    goes.close()
    stays.close()


def test_refused_changes_change_nothing(t):
    """A bad text, an unknown path, a change that needs a restart: errors, and traffic goes on."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    sock, _ = t.dial(pod, server)
    generation = rig.gateway.call("status")["generation"]
    bad = rig.model(egress_ips=[{"name": "x", "namespaces": ["nobody"], "addresses": [SPARE_IP]}])
    moved = rig.model()
    moved["ports"][1]["mtu"] = 1400
    for model, code in ((bad, None), (moved, 1009)):
        try:
            rig.gateway.apply(model)
            t.check(False, "accepted what it had to refuse")
        except RpcError as error:
            t.check(code in (None, error.error["code"]), str(error))
            t.check(error.error["message"], str(error))
    try:
        rig.gateway.call("config.apply", path="/nowhere/postern.cfg")
        t.check(False, "accepted a file that is not there")
    except RpcError:
        pass
    t.equal(rig.gateway.call("status")["generation"], generation, "generation")
    sock.sendall(b"here")
    t.equal(sock.recv(10), b"here", "the session")
    t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, "a new session")
    sock.close()


if __name__ == "__main__":
    main()
