#!/usr/bin/python3
"""A gateway with one port: the cluster, the outside and the gateway share a segment."""
import hashlib
import os

from rig import frames, onearm, topology
from rig.case import main

BLOB_BYTES = 4 * 1000 * 1000
MTU = 1500
IN_TUNNEL = MTU - 50


def _ping(pod, server, *options):
    return pod.run("ping", "-c", "5", "-i", "0.05", "-W", "2", "-I", pod.address, *options, server,
                   check=False).stdout


def _curl(pod, *words):
    return pod.run("curl", "-sS", "--fail", "--max-time", "60", "--interface", pod.address, *words,
                   timeout=70).stdout


def _traffic(t, rig):
    """Ping and UDP to servers near and far, curl down and up, from pods of two nodes."""
    for node in (1, 2):
        pod = rig.pod(node=node)
        for server in (onearm.NEAR, topology.SERVERS[0]):
            said = _ping(pod, server)
            t.check("5 received" in said, said)
    t.equal(t.ask(rig.pod(), rig.echo())[0], topology.PAYMENTS_IP, "the pod far outside")
    t.equal(t.ask(rig.pod("web"), rig.echo(onearm.NEAR))[0], topology.WEB_IP, "the other one, near")
    blob = os.urandom(BLOB_BYTES)
    digest = hashlib.sha256(blob).hexdigest()
    path, got = rig.ground.path("blob"), rig.ground.path("got")
    with open(path, "wb") as file:
        file.write(blob)
    for server in (onearm.NEAR, topology.SERVERS[0]):
        rig.http(blob, server)
        url = "http://%s/blob" % server
        _curl(rig.pod(), "-o", got, url)
        with open(got, "rb") as file:
            t.equal(hashlib.sha256(file.read()).hexdigest(), digest, "SHA-256 of what the pod got")
        t.equal(_curl(rig.pod(), "-T", path, url), digest, "SHA-256 of what the server got")


def test_pods_reach_servers_near_and_far(t):
    """Everything comes and leaves by the one port; status and explain speak of it."""
    rig = t.rig(onearm.Plan, underlay_mtu=MTU).start()
    _traffic(t, rig)
    row = rig.gateway.call("ports.list")["rows"][0]
    t.equal((row["name"], row["role"]), ("lan", "both"), "ports.list")
    t.equal(rig.gateway.call("status")["attention"], [], "attention")
    told = rig.gateway.call("explain", src=rig.pod().address, dst=topology.SERVERS[0],
                            protocol="tcp", dport=443)
    t.equal(told["verdict"], "forward", "explain: %s" % told)
    t.check("by port lan" in str(told), "explain: %s" % told)


def test_its_addresses_answer(t):
    """ARP and echo for the address of each side, from nodes and from outside."""
    rig = t.rig(onearm.Plan, nodes=1, underlay_mtu=MTU).start()
    rig.nodes[0].namespace.run("ping", "-c", "2", "-i", "0.1", "-W", "2", topology.VTEP)
    rig.outside.run("ping", "-c", "2", "-i", "0.1", "-W", "2", topology.UPLINK)
    asked = rig.outside.run("ping", "-c", "1", "-W", "1", topology.PAYMENTS_IP, check=False)
    t.equal(asked.returncode, 1, "an egress address answers echo: %s" % asked.stdout)


def test_errors_come_from_the_address_of_their_side(t):
    """traceroute from a pod shows the VTEP, from outside the first address of the port."""
    rig = t.rig(onearm.Plan, nodes=1, underlay_mtu=MTU).start()
    said = rig.pod().run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "3", topology.SERVERS[0],
                         timeout=40).stdout
    hops = [line.split()[1] for line in said.splitlines()[1:]]
    t.equal(hops, [topology.VTEP, topology.SERVERS[0]], "hops of traceroute")
    pod, server = rig.pod(), rig.echo()
    with pod.udp() as sock:
        seen = t.ask(pod, server, sock)
        wire = rig.outside_wire()
        wire.send(rig.from_lan(frames.udp(server.address, seen[0], server.port, seen[1], b"x",
                                          ttl=1)))
        error = wire.wait(lambda p: p.is_icmp_error)
    t.equal(error and (error.src, error.dst, error.type),
            (topology.UPLINK, server.address, 11), "time exceeded")


def test_sizes_are_those_of_the_tunnel(t):
    """MSS and path MTU leave room for the tunnel's headers on the one link."""
    rig = t.rig(onearm.Plan, nodes=1, underlay_mtu=MTU).start()
    sock, _ = t.dial(rig.pod(), rig.echo())
    sock.close()
    syns = [p for p in rig.sent() if p.protocol == frames.TCP and p.flags & frames.SYN]
    t.equal({p.mss() for p in syns}, {IN_TUNNEL - 40}, "MSS outside")
    pod, server = rig.pod(), rig.echo(port=7008)
    with pod.udp() as asking:
        address, port = t.ask(pod, server, asking)
        wire = rig.outside_wire()
        wire.send(rig.from_lan(frames.udp(server.address, address, server.port, port,
                                          b"y" * (IN_TUNNEL + 1 - 28))))
        error = wire.wait(lambda p: p.is_icmp_error)
    t.check(error is not None, "no answer to a packet that does not fit")
    t.equal((error.src, error.type, error.code, int.from_bytes(error.ip[26:28], "big")),
            (topology.UPLINK, 3, 4, IN_TUNNEL), "fragmentation needed")
    said = _ping(pod, onearm.NEAR, "-s", "4000")
    t.check("5 received" in said, said)


def test_strangers(t):
    """Tunnel packets of who is no node, and pods' packets without a tunnel."""
    rig = t.rig(onearm.Plan, nodes=1, underlay_mtu=MTU).start()
    wire, raw = rig.outside_wire(), rig.pod("raw")
    packet = frames.udp(raw.address, topology.NOBODY, 3000, 53, b"x")
    wire.send(rig.tunnelled(packet, src=topology.OUTSIDE))
    wire.send(rig.tunnelled(packet, src="10.0.0.77"))
    t.dropped(rig, "tunnel-unknown-node", 2)
    wire.send(rig.from_lan(packet))
    t.dropped(rig, "not-for-us", 1)
    t.check(not any(p.dst == topology.NOBODY for p in rig.sent()), "a stranger's packet left")


def test_the_tunnel_ends_on_an_egress_address(t):
    """nat.md V8: nodes send to the very address that their pods leave with."""
    rig = t.rig(onearm.Plan, local=topology.PAYMENTS_IP, underlay_mtu=MTU).start()
    _traffic(t, rig)
    asked = rig.outside.run("ping", "-c", "1", "-W", "1", topology.PAYMENTS_IP, check=False)
    t.equal(asked.returncode, 1, "the address answers echo: %s" % asked.stdout)


if __name__ == "__main__":
    main()
