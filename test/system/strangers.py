#!/usr/bin/python3
"""Strangers in the tunnel and outside: each is dropped under its reason, and nothing leaves."""
from rig import frames, topology
from rig.case import main

SERVER = topology.NOBODY
COUNT = 10


def _nothing_left(t, outside):
    t.equal(list(outside.arriving(lambda p: p.kind == frames.ETH_IP, 0.2)), [], "what left")


def _question(pod, port, data=b"x"):
    return frames.udp(pod.address, SERVER, port, 53, data)


def _open_session(t, rig, pod, port=3000):
    """A session to an address that no kernel answers; the packet as it left."""
    wire, outside = rig.node_wire(), rig.outside_wire()
    wire.send(rig.tunnelled(_question(pod, port)))
    seen = outside.wait(lambda p: p.protocol == frames.UDP and p.dport == 53)
    t.check(seen is not None, "a good packet does not pass")
    return wire, outside, seen


def test_unknown_node(t):
    """A tunnel packet of no configured node is dropped, unanswered, and moves no session."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod("raw")
    wire, outside, seen = _open_session(t, rig, pod)
    for number in range(COUNT):
        for port in (3000, 4000 + number):
            wire.send(rig.tunnelled(_question(pod, port, b"stranger"), src="10.0.0.77"))
    t.dropped(rig, "tunnel-unknown-node", 2 * COUNT)
    _nothing_left(t, outside)
    outside.send(rig.from_outside(frames.udp(SERVER, seen.src, 53, seen.sport, b"reply")))
    back = wire.wait(lambda p: p.inner() is not None)
    t.equal(back and back.dst, rig.nodes[0].vtep, "where the reply went")
    t.check(all(p.dst != "10.0.0.77" for p in rig.tunnelled_back()), "the stranger was answered")


def test_wrong_vni(t):
    """A VNI that no tunnel has."""
    rig = t.rig(nodes=1).start()
    wire, outside, _ = _open_session(t, rig, rig.pod("raw"))
    for vni in (0, 99, 101, 0xffffff):
        wire.send(rig.tunnelled(_question(rig.pod("raw"), 4000), vni=vni))
    t.dropped(rig, "tunnel-unknown-vni", 4)
    _nothing_left(t, outside)


def test_forged_pod(t):
    """A pod of another node, an address of no node, and one of the node that is no pod."""
    rig = t.rig().start()
    wire, outside, _ = _open_session(t, rig, rig.pod("raw", 1))
    for number in range(COUNT):
        for source in (rig.pod("raw", 2).address, "10.128.9.9", "8.8.8.8"):
            wire.send(rig.tunnelled(frames.udp(source, SERVER, 4000 + number, 53, b"forged")))
        wire.send(rig.tunnelled(frames.udp(rig.pod("stray").address, SERVER, 4000, 53, b"stray")))
    t.dropped(rig, "source-not-on-node", 3 * COUNT)
    t.dropped(rig, "source-unknown", COUNT)
    _nothing_left(t, outside)


def test_forged_pod_does_not_enter_a_live_session(t):
    """A node that uses the exact tuple of another node's session gets nothing through."""
    rig = t.rig().start()
    _, outside, seen = _open_session(t, rig, rig.pod("raw", 1))
    other = rig.node_wire(2)
    for _ in range(COUNT):
        other.send(rig.tunnelled(_question(rig.pod("raw", 1), 3000), node=rig.nodes[1]))
    t.dropped(rig, "source-not-on-node", COUNT)
    _nothing_left(t, outside)
    t.equal(seen.src, topology.PAYMENTS_IP, "the session itself")


def test_vxlan_on_the_uplink_is_not_opened(t):
    """A tunnel packet that arrives by the uplink, for the VTEP or the uplink's own address."""
    rig = t.rig(nodes=1).start()
    wire, outside, _ = _open_session(t, rig, rig.pod("raw"))
    inner = frames.ethernet(topology.INNER_HOP_MAC, rig.nodes[0].inner_mac, frames.ETH_IP,
                            _question(rig.pod("raw"), 4000))
    for target in (topology.VTEP, topology.UPLINK, topology.PAYMENTS_IP):
        packet = frames.udp(rig.nodes[0].vtep, target, 49152, frames.VXLAN_PORT,
                            frames.vxlan(topology.VNI, inner))
        for _ in range(COUNT):
            outside.send(rig.from_outside(packet))
    t.dropped(rig, "tunnel-wrong-port", COUNT)
    t.dropped(rig, "no-session", COUNT)
    _nothing_left(t, outside)
    t.equal(list(wire.arriving(lambda p: p.inner() is not None, 0.2)), [], "what came to the node")


def test_malformed_tunnel_packets(t):
    """No I flag, cut headers, an inner frame that ends early: dropped, and traffic goes on."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod("raw")
    wire, outside, _ = _open_session(t, rig, pod)
    good = frames.ethernet(topology.INNER_HOP_MAC, rig.nodes[0].inner_mac, frames.ETH_IP,
                           _question(pod, 4000))

    def outer(payload):
        packet = frames.udp(rig.nodes[0].vtep, topology.VTEP, 49152, frames.VXLAN_PORT, payload)
        return frames.ethernet(topology.UNDERLAY_MAC, rig.nodes[0].mac, frames.ETH_IP, packet)

    wire.send(outer(frames.vxlan(topology.VNI, good, flags=0)))
    wire.send(outer(b"\x08\0\0"))
    t.dropped(rig, "tunnel-bad-header", 2)
    for length in (0, 6, 13, 14, 20, 33, 36):
        wire.send(outer(frames.vxlan(topology.VNI, good[:length])))
    broken = bytearray(good)
    broken[24] ^= 0x55                       # the inner IP checksum
    wire.send(outer(frames.vxlan(topology.VNI, bytes(broken))))
    t.dropped(rig, "parse-bad-checksum")
    _nothing_left(t, outside)
    wire.send(outer(frames.vxlan(topology.VNI, good)))
    t.check(outside.wait(lambda p: p.sport and p.dport == 53), "a good packet passes no more")


def test_unsolicited_inbound(t):
    """What nobody asked for: UDP, SYN, ACK, RST, echo, from strangers."""
    rig = t.rig(nodes=1).start()
    wire, outside, seen = _open_session(t, rig, rig.pod("raw"))
    target = seen.src
    unwanted = [
        frames.udp(SERVER, target, 53, seen.sport ^ 1, b"other port"),
        frames.udp(SERVER, target, 54, seen.sport, b"other remote port"),
        frames.udp(topology.SERVERS[1], target, 53, seen.sport, b"other remote"),
        frames.udp(SERVER, topology.WEB_IP, 53, seen.sport, b"other egress address"),
        frames.tcp(SERVER, target, 443, 5000, frames.SYN),
        frames.tcp(SERVER, target, 443, 5000, frames.ACK),
        frames.tcp(SERVER, target, 443, 5000, frames.RST),
        frames.tcp(SERVER, target, 53, seen.sport, frames.SYN),
        frames.echo_request(SERVER, target, 7, 1)]
    for packet in unwanted:
        outside.send(rig.from_outside(packet))
    t.dropped(rig, "no-session", len(unwanted))
    t.equal(list(wire.arriving(lambda p: p.inner() is not None, 0.3)), [], "what came to the node")
    _nothing_left(t, outside)
    t.equal(rig.gateway.call("sessions.count")["count"], 1, "sessions")


def test_tcp_starts_with_a_syn_only(t):
    """First packets with ACK, RST, FIN, nothing, or everything set make no session."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod("raw")
    wire, outside = rig.node_wire(), rig.outside_wire()
    odd = (frames.ACK, frames.RST, frames.FIN, frames.FIN | frames.ACK, 0, 0x3f,
           frames.SYN | frames.FIN, frames.SYN | frames.RST, frames.SYN | frames.ACK)
    for number, flags in enumerate(odd):
        wire.send(rig.tunnelled(frames.tcp(pod.address, SERVER, 5000 + number, 443, flags, 77)))
    t.dropped(rig, "bad-tcp-state", len(odd))
    _nothing_left(t, outside)
    t.equal(rig.gateway.call("sessions.count")["count"], 0, "sessions")
    wire.send(rig.tunnelled(frames.tcp(pod.address, SERVER, 5100, 443, frames.SYN, 77)))
    t.check(outside.wait(lambda p: p.flags == frames.SYN), "a plain SYN does not pass")


def test_a_blind_reset_does_not_close(t):
    """A RST with a sequence in the window but not exact is dropped; the stream goes on."""
    rig = t.rig(nodes=1).start()
    server, outside = rig.echo(), rig.outside_wire()
    sock, address = t.dial(rig.pod(), server)
    sock.sendall(b"hello")
    t.equal(sock.recv(100), b"hello", "before")
    last = [p for p in rig.left() if p.protocol == frames.TCP][-1]
    for off in (1, 1000, 30000, 1 << 30):
        outside.send(rig.from_outside(frames.tcp(
            server.address, address, server.port, last.sport, frames.RST,
            (last.ack + off) % (1 << 32))))
    t.dropped(rig, "bad-tcp-sequence", 4)
    sock.sendall(b"again")
    t.equal(sock.recv(100), b"again", "after")
    sock.close()


if __name__ == "__main__":
    main()
