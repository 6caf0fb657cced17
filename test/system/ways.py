#!/usr/bin/python3
"""Every way out side by side in one gateway, by curl and ncat: who leaves as whom, and when a name
comes to stand for another server."""
from rig import topology
from rig.case import main

NODE_IP, BY_NODE = "192.0.2.20", {1: "192.0.2.101", 2: "198.51.100.102"}
REDIRECT, REDIRECT_IP = "172.30.0.10", "192.0.2.70"
PROXY, PROXY_IP = "172.30.0.11", "192.0.2.71"
DIRECT, LED_TO, NAMED, NAMED_NEXT = topology.SERVERS[:4]
PORT = 8080
RESOLVED_S = 15.0


def _routers():
    return [{"name": "db", "namespaces": ["payments"], "listen": REDIRECT, "source": REDIRECT_IP,
             "destinations": "80 tcp %s %d\n7007 tcp %s" % (LED_TO, PORT, LED_TO)},
            {"name": "names", "namespaces": ["payments"], "listen": PROXY, "source": PROXY_IP,
             "mode": "dns-proxy",
             "destinations": "80 db.example.com %d\n7007 db.example.com" % PORT}]


def _serve(rig, *addresses):
    """On each address an HTTP server and an echo that tell who asked, and which server it was."""
    for address in addresses:
        rig.http(lambda client, own=address: b"%s at %s" % (client.encode(), own.encode()),
                 address, PORT)
        rig.echo(address)


def _curl(pod, address, port):
    ran = pod.run("curl", "-sS", "--max-time", "4", "--interface", pod.address,
                  "http://%s:%d/" % (address, port), check=False, timeout=10)
    return ran.stdout or ran.stderr


def _ncat(pod, address):
    """The source that an echo saw by TCP, where it echoed what ncat sent."""
    ran = pod.run("sh", "-c", "{ printf hello; sleep 0.7; } | ncat -n -s %s %s %d" % (
        pod.address, address, topology.ECHO_PORT), check=False, timeout=15)
    return ran.stdout.split("|")[0] if ran.stdout.endswith("hello") else ran.stdout + ran.stderr


def _expect(t, rig, name, node, dialled, port, source, server):
    pod = rig.pod(name, node)
    what = "%s on node-%d to %s" % (name, node, dialled)
    t.equal(_curl(pod, dialled, port), "%s at %s" % (source, server), "curl of " + what)
    t.equal(_ncat(pod, dialled), source, "ncat of " + what)


def test_curl_and_ncat_by_every_way_out(t):
    """From both nodes: Egress IP, a redirect, a dns-proxy, and Node IP of the gateway and then of
    each node; the name's record changes and is followed."""
    rig = t.rig(dns=True)
    rig.dns.serve(db=[NAMED])
    model = rig.model(node_ip={"mode": "gateway", "addresses": [NODE_IP]},
                      egress_routers=_routers())
    for node, entry in zip(rig.nodes, model["nodes"]):
        entry.update(addresses=[node.vtep], external_ip=BY_NODE[node.number])
    rig.start(**model)
    _serve(rig, DIRECT, LED_TO, NAMED, NAMED_NEXT)
    t.eventually(lambda: _curl(rig.pod(), PROXY, 80) == "%s at %s" % (PROXY_IP, NAMED),
                 "db.example.com leads to %s" % NAMED, RESOLVED_S)
    for node in (1, 2):
        _expect(t, rig, "payments", node, DIRECT, PORT, topology.PAYMENTS_IP, DIRECT)
        _expect(t, rig, "web", node, DIRECT, PORT, topology.WEB_IP, DIRECT)
        _expect(t, rig, "payments", node, REDIRECT, 80, REDIRECT_IP, LED_TO)
        _expect(t, rig, "payments", node, PROXY, 80, PROXY_IP, NAMED)
        _expect(t, rig, "lab", node, DIRECT, PORT, NODE_IP, DIRECT)
    rig.dns.serve(db=[NAMED_NEXT])
    t.eventually(lambda: _curl(rig.pod(), PROXY, 80) == "%s at %s" % (PROXY_IP, NAMED_NEXT),
                 "db.example.com leads to %s" % NAMED_NEXT, RESOLVED_S)
    model["node_ip"] = {"mode": "per-node"}
    rig.learn(model)
    rig.gateway.apply(model)
    for node in (1, 2):
        _expect(t, rig, "lab", node, DIRECT, PORT, BY_NODE[node], DIRECT)
        _expect(t, rig, "payments", node, DIRECT, PORT, topology.PAYMENTS_IP, DIRECT)
        _expect(t, rig, "payments", node, PROXY, 80, PROXY_IP, NAMED_NEXT)


if __name__ == "__main__":
    main()
