#!/usr/bin/python3
"""Ports in VLANs, with kernel peers that speak tagged frames and nothing else."""
import hashlib
import json
import os

from rig import frames, peers, topology, vlan
from rig.case import main

BLOB_BYTES = 4 * 1000 * 1000
SETTLE_S = 10.0


def _traffic(t, rig):
    """Ping in two sizes, UDP, and curl down and up."""
    pod = rig.pod()
    for size in ("56", "1472"):
        said = pod.run("ping", "-c", "5", "-i", "0.05", "-W", "2", "-M", "do", "-s", size, "-I",
                       pod.address, topology.SERVERS[0]).stdout
        t.check("5 received" in said, said)
    t.equal(t.ask(pod, rig.echo())[0], topology.PAYMENTS_IP, "the pod outside")
    t.equal(t.ask(rig.pod("web"), rig.echo(topology.SERVERS[1]))[0], topology.WEB_IP,
            "the other pod outside")
    blob = os.urandom(BLOB_BYTES)
    digest = hashlib.sha256(blob).hexdigest()
    rig.http(blob)
    path, got = rig.ground.path("blob"), rig.ground.path("got")
    with open(path, "wb") as file:
        file.write(blob)
    url = "http://%s/blob" % topology.SERVERS[0]
    curl = ("curl", "-sS", "--fail", "--max-time", "60", "--interface", pod.address)
    pod.run(*curl, "-o", got, url, timeout=70)
    with open(got, "rb") as file:
        t.equal(hashlib.sha256(file.read()).hexdigest(), digest, "SHA-256 of what the pod got")
    t.equal(pod.run(*curl, "-T", path, url, timeout=70).stdout, digest,
            "SHA-256 of what the server got")
    t.check(len(rig.left()) > BLOB_BYTES // 1500, "too few frames on the uplink")


def test_traffic_in_two_vlans(t):
    """net_af_packet: the kernel takes the tags off, and the driver puts them on."""
    rig = t.rig(vlan.Plan).start()
    _traffic(t, rig)
    rows = rig.gateway.call("ports.list")["rows"]
    t.equal([row["vlan"] for row in rows], [vlan.UNDERLAY_VLAN, vlan.UPLINK_VLAN], "ports.list")
    said = rig.gateway_ns.run(rig.gateway.program("posternctl"), "-s", rig.gateway.socket_path,
                              "show", "ports").stdout.splitlines()
    t.check("VLAN" in said[0].split() and "12" in said[2].split(), "show ports: %s" % said)
    told = rig.gateway.call("explain", src=rig.pod().address, dst=topology.SERVERS[0],
                            protocol="udp", dport=53)
    t.equal(told["verdict"], "forward", "explain: %s" % json.dumps(told))


def test_tap_ports_in_two_vlans(t):
    """net_tap: the gateway takes tags off and puts them on itself."""
    rig = t.rig(vlan.Plan, nodes=1, device="tap").start()
    pod, server = rig.pod(), rig.echo(port=7008)
    t.eventually(lambda: not t.silent(pod, server), "traffic passes", SETTLE_S)
    pod.run("ping", "-c", "3", "-i", "0.1", "-W", "3", "-s", "1472", "-M", "do", "-I", pod.address,
            topology.SERVERS[0])
    sock, seen = t.dial(pod, rig.echo())
    t.equal(seen, topology.PAYMENTS_IP, "by TCP")
    sock.close()


def test_answers_of_the_gateway_are_tagged(t):
    """ARP and echo for its own addresses, and time exceeded for traceroute."""
    rig = t.rig(vlan.Plan, nodes=1).start()
    rig.outside.run("ping", "-c", "2", "-i", "0.1", "-W", "2", topology.UPLINK)
    rig.nodes[0].namespace.run("ping", "-c", "2", "-i", "0.1", "-W", "2", topology.VTEP)
    said = rig.pod().run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "3", topology.SERVERS[0],
                         timeout=40).stdout
    hops = [line.split()[1] for line in said.splitlines()[1:]]
    t.equal(hops, [topology.VTEP, topology.SERVERS[0]], "hops of traceroute")


def test_other_frames_are_dropped(t):
    """Untagged frames, other VLANs', priorities without a VLAN, and a second tag."""
    rig = t.rig(vlan.Plan, nodes=1).start()
    pod = rig.pod("raw")
    question = frames.udp(pod.address, topology.NOBODY, 3000, 53, b"x")
    sides = (
        (peers.Wire(rig.outside, "e0", bare=True), vlan.UPLINK_VLAN, vlan.UNDERLAY_VLAN,
         vlan.arp_request(topology.OUTSIDE_MAC, topology.OUTSIDE, topology.PAYMENTS_IP)),
        (peers.Wire(rig.nodes[0].namespace, "u0", bare=True), vlan.UNDERLAY_VLAN, vlan.UPLINK_VLAN,
         rig.tunnelled(question)))
    sent = 0
    for wire, own, other, frame in sides:
        rig.ground.add(wire)
        for stranger in (frame, vlan.tagged(frame, other), vlan.tagged(frame, own + 1),
                         vlan.tagged(frame, 0xe000), vlan.tagged(vlan.tagged(frame, 99), own)):
            wire.send(stranger)
            sent += 1
    t.dropped(rig, "wrong-vlan", sent)
    sides[1][0].send(vlan.tagged(sides[1][3], 4095))
    t.dropped(rig, "wrong-vlan", sent + 1)
    t.equal(rig.gateway.drops()["wrong-vlan"], sent + 1, "dropped for their VLAN")
    t.check(not any(p.dst == topology.NOBODY for p in rig.left()), "a stranger's packet left")
    last = rig.gateway.call("drops.list")["rows"][0]["last"]
    t.equal((last["port"], last["ethertype"], last["vlan"]), ("underlay", "0x0800", 4095),
            "the last one")
    # The same frames in their VLANs pass.
    for wire, own, _, frame in sides:
        wire.send(vlan.tagged(frame, own | 0x6000))
    t.eventually(lambda: any(p.dst == topology.NOBODY for p in rig.left()), "the question leaves")
    t.check(any(p.operation == 2 and p.src == topology.PAYMENTS_IP for p in rig.left()),
            "no answer to ARP")


def test_a_port_without_a_vlan_hears_priorities(t):
    """A tag with VLAN id 0 is a priority; any other is not the port's."""
    rig = t.rig(nodes=1).start()
    wire, outside = rig.node_wire(), rig.outside_wire()
    pod = rig.pod("raw")

    def question(port):
        return rig.tunnelled(frames.udp(pod.address, topology.NOBODY, 3000, port, b"x"))
    wire.send(vlan.tagged(question(53), 7))
    t.dropped(rig, "wrong-vlan", 1)
    wire.send(vlan.tagged(question(54), 0xa000))
    seen = outside.wait(lambda p: p.protocol == frames.UDP and p.dport in (53, 54))
    t.equal(seen and seen.dport, 54, "what left")


if __name__ == "__main__":
    main()
