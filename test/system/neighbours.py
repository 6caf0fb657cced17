#!/usr/bin/python3
"""ARP: what the gateway answers and announces, and what becomes of packets without a next hop."""
import re
import threading
import time

from rig import frames, topology
from rig.case import main

NEW_IP = "192.0.2.77"
NOT_OURS = "192.0.2.99"
HELD = 5
CROWD = 1000
CROWD_WITHIN_S = 2.0
STORM_PER_SECOND, STORM_S = 50000, 3
ROOMY = ",blocksz=65536,framesz=2048,framecnt=8192"  # a receive ring for 0.16 s of the storm
RETRY_S = 2.0  # how often a next hop that failed is asked again


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
    t.equal(rig.tunnelled_back()[-1].dst_mac, "02:00:00:00:03:77", "where the reply went")


def test_a_thousand_nodes_are_resolved_at_start(t):
    """All VTEPs of 1,000 nodes on the link are reachable two seconds after the gateway is."""
    rig = t.rig(nodes=1)
    vteps = ["10.0.%d.%d" % (1 + n // 250, 1 + n % 250) for n in range(CROWD)]
    crowd = rig.arp_answerer({vtep: "02:00:00:01:%02x:%02x" % (n >> 8, n & 255)
                              for n, vtep in enumerate(vteps)})
    model = rig.model()
    model["ports"][0]["addresses"] = [topology.VTEP + "/16"]
    rig.start(ports=model["ports"], nodes=model["nodes"] + [
        {"name": "crowd-%d" % n, "tunnel": "overlay", "vtep": vtep,
         "pod_cidrs": ["10.%d.%d.0/24" % (144 + n // 250, n % 250)]}
        for n, vtep in enumerate(vteps)])
    began = time.monotonic()

    def unresolved():
        rows = rig.gateway.call("nodes.list")["rows"]
        return [row["name"] for row in rows if row["state"] != "reachable"]
    t.eventually(lambda: not unresolved(), "every node is reachable", CROWD_WITHIN_S, 0.05)
    took_s = time.monotonic() - began
    t.check(len(crowd.asked) == CROWD, "asked for %d only" % len(crowd.asked))
    t.equal(rig.gateway.call("status")["attention"], [], "attention after %.2f s" % took_s)


def test_a_next_hop_dies_and_comes_back(t):
    """A next hop in use that answers no more: packets are dropped by name, status says which one
    it is; when it answers again, traffic goes on within the time after which it is asked again."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    t.ask(pod, server)
    rig.outside.ip("link set e0 arp off")

    def dead():
        return [text for text in rig.gateway.call("status")["attention"]
                if topology.OUTSIDE in text and "uplink" in text]
    t.eventually(dead, "status names %s" % topology.OUTSIDE, 50.0, 0.5)
    before = rig.gateway.drops().get("neighbour-failed", 0)
    t.check(t.silent(pod, server), "an answer came by a next hop that is dead")
    t.dropped(rig, "neighbour-failed", before + 1)
    t.equal(rig.gateway.counters()["packets.held"], 0, "held for a next hop that is dead")
    rig.outside.ip("link set e0 arp on")
    t.eventually(lambda: not t.silent(pod, server), "traffic comes back", RETRY_S + 3.0)
    t.equal(dead(), [], "attention afterwards")


def test_a_port_that_is_down_takes_no_new_session(t):
    """The uplink loses its carrier: new sessions are refused by name and status says why; when it
    comes back, the gateway announces its addresses and sessions start again."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    t.ask(pod, server)

    def state():
        return rig.gateway.call("egress_ips.list", name="payments-out")["rows"][0]["state"]
    t.equal(state(), "active", "state")
    rig.outside.ip("link set e0 down")
    t.eventually(lambda: state() == "port-down", "the egress address says so")
    t.check(t.silent(pod, server), "an answer came by a port that is down")
    t.dropped(rig, "no-egress-address")
    attention = rig.gateway.call("status")["attention"]
    t.check(any("port uplink is down" in text for text in attention), "attention: %s" % attention)
    rig.outside.ip("link set e0 up",
                   "route replace %s via %s dev e0" % (topology.ROUTED, topology.UPLINK))
    wire = rig.outside_wire()
    t.check(wire.wait(lambda p: _announces(p, topology.PAYMENTS_IP), 5.0) is not None,
            "%s was not announced again" % topology.PAYMENTS_IP)
    t.eventually(lambda: not t.silent(pod, server), "traffic comes back", 5.0)
    t.equal(state(), "active", "state")


def test_an_arp_storm_disturbs_nobody(t):
    """50,000 ARP messages a second on both sides for three seconds, requests to us, replies,
    announcements of a known neighbour and of strangers: a flood of pings loses nothing, and what
    is answered is bounded."""
    rig = t.rig(nodes=1)
    model = rig.model()
    for port in model["ports"]:
        port["device"] += ROOMY
    rig.start(ports=model["ports"])
    node, pod, server = rig.nodes[0], rig.pod(), rig.echo()
    t.ask(pod, server)
    storms = []
    for wire, mac, src, own in (
            (rig.node_wire(), node.mac, node.vtep, topology.VTEP),
            (rig.outside_wire(), topology.OUTSIDE_MAC, topology.OUTSIDE, topology.PAYMENTS_IP)):
        net = src.rsplit(".", 1)[0]
        made = [frames.ethernet(frames.BROADCAST, mac, frames.ETH_ARP, frames.arp(
            operation, mac, sender, "00:00:00:00:00:00", target))
            for operation, sender, target in (
                [(1, src, own), (1, src, src), (2, src, own)] * 50 +
                [(2, "%s.%d" % (net, last), NOT_OURS) for last in range(100, 200)])]
        storms.append(threading.Thread(target=wire.storm, args=(
            made, STORM_PER_SECOND * STORM_S // 2, STORM_PER_SECOND // 2)))
    pings = 1000
    for storm in storms:
        storm.start()
    said = pod.run("ping", "-I", pod.address, "-q", "-i", "0.002", "-c", str(pings), "-W", "3",
                   server.address, check=False).stdout
    for storm in storms:
        storm.join()
    got = re.search(r"(\d+) received", said)
    t.equal(got and int(got.group(1)), pings, "pings answered: " + said)
    counters = rig.gateway.counters()
    t.check(counters["drop.arp-limit"] > 1000, "every request was answered: %s" % counters)
    t.check(counters["packets.answered"] < STORM_PER_SECOND * STORM_S, "the bound of answers")
    t.equal(rig.gateway.call("status")["attention"], [], "attention")
    t.ask(pod, server)


if __name__ == "__main__":
    main()
