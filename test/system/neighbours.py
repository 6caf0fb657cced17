#!/usr/bin/python3
"""ARP: what the gateway answers and announces, and what becomes of packets without a next hop."""
from rig import frames, topology
from rig.case import main

NEW_IP = "192.0.2.77"
NOT_OURS = "192.0.2.99"
HELD = 5


def _who_has(wire, src_mac, src, target, timeout_s=1.0):
    """The MAC that answers an ARP request; None without an answer."""
    wire.send(frames.ethernet(frames.BROADCAST, src_mac, frames.ETH_ARP, frames.arp(
        1, src_mac, src, "00:00:00:00:00:00", target)))
    reply = wire.wait(lambda p: p.operation == 2 and p.src == target, timeout_s)
    return reply and reply.sender_mac


def _announces(packet, address):
    return packet.kind == frames.ETH_ARP and packet.src == packet.dst == address


def _entry(addresses):
    return [{"name": "payments-out", "namespaces": ["payments"], "addresses": addresses}]


def test_own_addresses_are_answered_and_no_others(t):
    """VTEP on the underlay; uplink and egress addresses on the uplink; each only there."""
    rig = t.rig(nodes=1).start()
    node, outside = rig.nodes[0], rig.outside_wire()
    wire = rig.node_wire()
    t.equal(_who_has(wire, node.mac, node.vtep, topology.VTEP), topology.UNDERLAY_MAC, "VTEP")
    for address in (topology.UPLINK, topology.PAYMENTS_IP):
        t.equal(_who_has(outside, topology.OUTSIDE_MAC, topology.OUTSIDE, address),
                topology.UPLINK_MAC, address)
    for address in (NOT_OURS, topology.VTEP, topology.OUTSIDE):
        t.equal(_who_has(outside, topology.OUTSIDE_MAC, topology.OUTSIDE, address, 0.3), None,
                "on the uplink, %s" % address)
    for address in (topology.PAYMENTS_IP, "10.0.0.99"):
        t.equal(_who_has(wire, node.mac, node.vtep, address, 0.3), None,
                "on the underlay, %s" % address)
    t.check(rig.gateway.counters()["packets.answered"] >= 3, "packets.answered did not count")


def test_egress_addresses_are_announced(t):
    """Gratuitous ARP for an egress address at the start, and when config.apply brings a new one;
    one that goes is answered no more."""
    rig = t.rig(nodes=1).start()
    t.eventually(lambda: any(_announces(p, topology.PAYMENTS_IP) for p in rig.left()),
                 "an announcement of %s" % topology.PAYMENTS_IP)
    outside = rig.outside_wire()
    rig.apply(egress_ips=_entry([topology.PAYMENTS_IP, NEW_IP]))
    seen = outside.wait(lambda p: _announces(p, NEW_IP))
    t.check(seen is not None, "%s was not announced" % NEW_IP)
    t.equal((seen.sender_mac, seen.dst_mac), (topology.UPLINK_MAC, frames.BROADCAST), "from, to")
    t.equal(_who_has(outside, topology.OUTSIDE_MAC, topology.OUTSIDE, NEW_IP),
            topology.UPLINK_MAC, "who has the new address")
    rig.apply(egress_ips=_entry([NEW_IP]))
    t.equal(_who_has(outside, topology.OUTSIDE_MAC, topology.OUTSIDE, topology.PAYMENTS_IP, 0.3),
            None, "who has the removed address")


def test_first_packets_wait_for_the_next_hop(t):
    """While the next hop is asked for, packets are held; when it answers, all leave."""
    rig = t.rig(nodes=1)
    rig.outside.ip("link set e0 arp off")
    rig.start()
    server, pod = rig.echo(), rig.pod()
    with pod.udp(timeout_s=8.0) as sock:
        for number in range(HELD):
            sock.sendto(b"%d" % number, (server.address, server.port))
        t.eventually(lambda: rig.gateway.counters()["packets.held"] == HELD, "all are held")
        t.check(rig.gateway.imbalance() is None, "counters do not close while packets are held")
        rig.outside.ip("link set e0 arp on")
        got = {sock.recvfrom(100)[0].rsplit(b"|", 1)[1] for _ in range(HELD)}
    t.equal(got, {b"%d" % number for number in range(HELD)}, "answers")
    t.equal(rig.gateway.counters()["packets.held"], 0, "held afterwards")


def test_a_dead_next_hop_drops_by_name(t):
    """Nobody answers: the queue is bounded (neighbour-unresolved), what waited is dropped
    (neighbour-failed), and when the next hop comes back, so does the traffic."""
    rig = t.rig(nodes=1)
    rig.outside.ip("link set e0 arp off")
    rig.start()
    server, pod = rig.echo(), rig.pod()
    with pod.udp() as sock:
        for number in range(2000):
            sock.sendto(b"%d" % number, (server.address, server.port))
    t.dropped(rig, "neighbour-failed", 1, within_s=15.0)
    t.eventually(lambda: rig.gateway.counters()["packets.held"] == 0, "nothing is held", 15.0)
    drops = rig.gateway.drops()
    t.check(drops.get("neighbour-unresolved", 0) > 0, "the queue has no bound: %s" % drops)
    rig.outside.ip("link set e0 arp on")
    t.eventually(lambda: not t.silent(pod, server), "traffic comes back", 15.0)


def test_a_next_hop_that_changes_its_mac_is_followed(t):
    """The router behind the uplink gets another MAC and announces itself."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    t.ask(pod, server)
    rig.outside.sysctl("net.ipv4.conf.e0.arp_notify", 1)
    rig.outside.ip("link set e0 down", "link set e0 address 02:00:00:00:02:77",
                   "link set e0 up",
                   "route replace %s via %s dev e0" % (topology.ROUTED, topology.UPLINK))
    t.eventually(lambda: not t.silent(pod, server), "traffic follows", 15.0)


def test_a_node_that_changes_its_mac_is_followed(t):
    """The same for a node on the underlay."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    t.ask(pod, server)
    node = rig.nodes[0].namespace
    node.sysctl("net.ipv4.conf.u0.arp_notify", 1)
    node.ip("link set u0 down", "link set u0 address 02:00:00:00:03:77", "link set u0 up")
    t.eventually(lambda: not t.silent(pod, server), "traffic follows", 15.0)


if __name__ == "__main__":
    main()
