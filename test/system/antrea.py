#!/usr/bin/python3
"""Nodes as Antrea makes them: each sends through Geneve to the egress address by which its pods
leave (nat.md V8)."""
import hashlib
import os

from rig import antrea, frames, topology
from rig.case import main

BLOB_BYTES = 4 * 1000 * 1000


def _ping(pod, server, *options):
    return pod.run("ping", "-c", "5", "-i", "0.05", "-W", "2", *options, server, check=False).stdout


def test_a_pod_leaves_by_the_address_that_its_node_sends_to(t):
    """Ping small and in fragments, UDP, a download and an upload; the tunnel keeps VNI 0."""
    rig = t.rig(antrea.Plan, underlay_mtu=1500).start()
    rig.learn_neighbours()
    pod, server = rig.pod(), topology.SERVERS[0]
    _ping(pod, server)  # the nodes and the gateway find each other
    for size in ("56", "8000"):
        said = _ping(pod, server, "-s", size)
        t.check("5 received" in said, said)
    t.equal(t.ask(pod, rig.echo())[0], antrea.EGRESS, "the pod outside")
    blob = os.urandom(BLOB_BYTES)
    digest = hashlib.sha256(blob).hexdigest()
    rig.http(blob)
    path, got = rig.ground.path("blob"), rig.ground.path("got")
    url = "http://%s/blob" % server
    curl = ("curl", "-sS", "--fail", "--max-time", "60")
    pod.run(*curl, "-o", got, url, timeout=70)
    with open(got, "rb") as file:
        t.equal(hashlib.sha256(file.read()).hexdigest(), digest, "SHA-256 of what the pod got")
    with open(path, "wb") as file:
        file.write(blob)
    t.equal(pod.run(*curl, "-T", path, url, timeout=70).stdout, digest,
            "SHA-256 of what the server got")
    back = [p for p in rig.sent() if p.inner() is not None]
    t.equal({(p.src, p.vni, p.inner().dst_mac) for p in back},
            {(antrea.EGRESS, 0, antrea.ANTREA_MAC)}, "the tunnel packets to the node")


def test_the_address_answers_arp_and_no_echo(t):
    """Neither to nodes nor to the outside; the port's own address does."""
    rig = t.rig(antrea.Plan, underlay_mtu=1500).start()
    for namespace in (rig.nodes[0].namespace, rig.outside):
        asked = namespace.run("ping", "-c", "1", "-W", "1", antrea.EGRESS, check=False)
        t.equal(asked.returncode, 1, "the address answers echo: %s" % asked.stdout)
        known = namespace.run("ip", "neigh", "show", antrea.EGRESS).stdout
        t.check(topology.UNDERLAY_MAC in known, "not resolved: %s" % known)
        namespace.run("ping", "-c", "1", "-W", "2", topology.UPLINK)
    t.dropped(rig, "no-session", 2)


def test_two_egress_addresses_of_one_node(t):
    """The address that a node sends to decides by which one its pod leaves."""
    rig = t.rig(antrea.Plan, pods=((11, antrea.EGRESS), (12, antrea.SECOND_EGRESS)),
                underlay_mtu=1500).start()
    rig.learn_neighbours()
    server = rig.echo()
    for last, egress in ((11, antrea.EGRESS), (12, antrea.SECOND_EGRESS)):
        pod = rig.pod_at("10.128.0.%d" % last)
        _ping(pod, topology.SERVERS[0])
        t.equal(t.ask(pod, server)[0], egress, "the pod outside")


def test_the_tunnels_port_serves_sessions_and_strangers_nothing(t):
    """64 external ports around Geneve's: every one of them works, and a stranger's tunnel packet is
    refused by name."""
    rig = t.rig(antrea.Plan, underlay_mtu=1500)
    rig.start(sessions={"max": 65536, "port_range": "6080-6143"})
    rig.learn_neighbours()
    pod, server = rig.pod(), rig.echo()
    _ping(pod, topology.SERVERS[0])
    ports = set()
    socks = [pod.udp() for _ in range(64)]
    for sock in socks:
        address, port = t.ask(pod, server, sock)
        t.equal(address, antrea.EGRESS, "the pod outside")
        ports.add(port)
    t.equal(ports, set(range(6080, 6144)), "external ports")
    for sock in socks:
        t.ask(pod, server, sock)
        sock.close()
    said = _ping(pod, topology.SERVERS[0])
    t.check("5 received" in said, said)
    inner = frames.ethernet(antrea.ANTREA_MAC, "02:00:00:00:04:01", frames.ETH_IP,
                            frames.udp(pod.address, topology.NOBODY, 7777, 53, b"x"))
    wire = rig.outside_wire()
    for source in (topology.OUTSIDE, "203.0.113.77"):
        wire.send(rig.from_lan(frames.udp(source, antrea.EGRESS, 50000, 6081,
                                          b"\0\0\x65\x58\0\0\0\0" + inner)))
    t.dropped(rig, "tunnel-unknown-node", 2)
    t.check(not any(p.dst == topology.NOBODY for p in rig.sent()), "a stranger's packet left")


if __name__ == "__main__":
    main()
