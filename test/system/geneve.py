#!/usr/bin/python3
"""Geneve with a real peer: pods behind Open vSwitch, which marks and judges packets as OVN does."""
import hashlib
import os

from rig import ovs, topology
from rig.case import main

BLOB_BYTES = 8 * 1000 * 1000


def _judge_options(t, rig):
    """Every packet in the tunnel bears the node's option, announced as critical; how many."""
    packets = [packet for packet in rig.tunnelled_back() if packet.inner() is not None]
    for packet in packets:
        t.equal(packet.tunnel_options.hex(), ovs.OPTION, "options of %r" % packet)
        t.equal(packet.data[1], 0x40, "flags of %r" % packet)
    return len(packets)


def test_pods_behind_open_vswitch_reach_a_server(t):
    """ping in three sizes, curl down and up, UDP; OVN's option comes back with every reply."""
    rig = t.rig(ovs.Plan).start()
    pod = rig.pod("payments")
    # The first asks for the gateway's MAC address by ARP, through the tunnel.
    pod.run("ping", "-c", "1", "-W", "3", topology.SERVERS[0])
    for size in ("0", "56", "1472"):
        said = pod.run("ping", "-c", "5", "-i", "0.05", "-W", "2", "-M", "do", "-s", size,
                       topology.SERVERS[0]).stdout
        t.check("5 received" in said, said)
    t.equal(t.ask(pod, rig.echo())[0], topology.PAYMENTS_IP, "the pod outside")
    t.equal(t.ask(rig.pod("web"), rig.echo(topology.SERVERS[1]))[0], topology.WEB_IP,
            "the other pod outside")
    blob = os.urandom(BLOB_BYTES)
    digest = hashlib.sha256(blob).hexdigest()
    rig.http(blob)
    path, got = rig.ground.path("blob"), rig.ground.path("got")
    url = "http://%s/blob" % topology.SERVERS[0]
    curl = ("curl", "-sS", "--fail", "--max-time", "60")
    pod.run(*curl, "-o", got, url, timeout=70)
    with open(got, "rb") as file:
        t.equal(hashlib.sha256(file.read()).hexdigest(), digest, "SHA-256 of what the pod got")
    with open(path, "wb") as file:
        file.write(blob)
    t.equal(pod.run(*curl, "-T", path, url, timeout=70).stdout, digest,
            "SHA-256 of what the server got")
    t.check(_judge_options(t, rig) > BLOB_BYTES // 1500, "too few packets in the tunnel")
    kinds = {packet.inner().kind for packet in rig.tunnelled_back() if packet.inner() is not None}
    t.check(topology.frames.ETH_ARP in kinds, "no ARP reply in the tunnel")


def test_answers_of_the_gateway_come_back_through_open_vswitch(t):
    """traceroute shows the gateway, and a refused connection is refused at once."""
    rig = t.rig(ovs.Plan).start(
        firewall={"default": "deny", "refuse": "reject", "rules": [
            {"namespace": "payments", "action": "allow", "to": [topology.SERVERS[0] + "/32"]}]})
    pod = rig.pod("payments")
    rig.echo()
    said = pod.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "3", topology.SERVERS[0],
                   timeout=40).stdout
    hops = [line.split()[1] for line in said.splitlines()[1:]]
    t.equal(hops, [topology.VTEP, topology.SERVERS[0]], "hops of traceroute")
    said = pod.run("curl", "-sS", "--max-time", "10", "http://%s/" % topology.SERVERS[1],
                   check=False)
    t.equal(said.returncode, 7, "curl to a denied server: %s" % said.stderr)  # refused, no timeout
    t.check(_judge_options(t, rig) > 2, "too few packets in the tunnel")


def test_one_tunnel_for_any_vni_tells_pods_of_one_address_apart(t):
    """Two pods of one address on one node, in two virtual networks, each with its own way out."""
    rig = t.rig(ovs.Plan, pods=())
    red, blue = rig.add_pod(11, 7), rig.add_pod(11, 4097)
    other = rig.add_pod(13, 8)
    rig.start(
        tunnels=[{"name": "ovn", "type": "geneve", "local": topology.VTEP, "vni": "any",
                  "inner_addresses": [ovs.INNER_ADDRESS]}],
        nodes=[{"name": "node-1", "tunnel": "ovn", "vtep": rig.nodes[0].vtep,
                "pod_cidrs": [rig.nodes[0].pod_cidr], "geneve_options": ovs.OPTION}],
        namespaces=[{"name": "payments", "vni": 7, "pods": [red.address]},
                    {"name": "web", "vni": 4097, "pods": [blue.address]},
                    {"name": "lab", "pods": [other.address]}],
        egress_ips=[{"name": "payments-out", "namespaces": ["payments"],
                     "addresses": [topology.PAYMENTS_IP]},
                    {"name": "web-out", "namespaces": ["web"], "addresses": [topology.WEB_IP]},
                    {"name": "lab-out", "namespaces": ["lab"], "addresses": ["192.0.2.70"]}])
    server = rig.echo()
    for pod, expected in ((red, topology.PAYMENTS_IP), (blue, topology.WEB_IP),
                          (other, "192.0.2.70")):
        t.equal(t.ask(pod, server)[0], expected, "the source that the server sees")
    # One source port for both: only the virtual network tells these sessions apart.
    with red.udp(port=5555) as first, blue.udp(port=5555) as second:
        for _ in range(5):
            t.equal(t.ask(red, server, first, b"red")[0], topology.PAYMENTS_IP, "red")
            t.equal(t.ask(blue, server, second, b"blue")[0], topology.WEB_IP, "blue")
    seen = {packet.vni for packet in rig.tunnelled_back() if packet.inner() is not None}
    t.equal(seen, {7, 8, 4097}, "VNIs of the replies")
    _judge_options(t, rig)


if __name__ == "__main__":
    main()
