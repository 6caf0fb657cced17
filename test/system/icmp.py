#!/usr/bin/python3
"""ICMP errors through the gateway in both directions, time exceeded, and the MSS clamp."""
import struct

from rig import frames, topology
from rig.case import main

SERVER, ROUTER = topology.NOBODY, topology.OUTSIDE
UNREACHABLE, TIME_EXCEEDED = 3, 11


def _open(t, rig, packet, wanted):
    """Sends a pod's packet into the tunnel; (node's wire, outside's wire, the packet that left)."""
    wire, outside = rig.node_wire(), rig.outside_wire()
    wire.send(rig.tunnelled(packet))
    seen = outside.wait(wanted)
    t.check(seen is not None, "the packet did not leave")
    return wire, outside, seen


def _error(kind, code, src, quoted, rest=b"\0\0\0\0", quote_bytes=28, **ip):
    return frames.icmp(src, quoted.src, kind, code, rest, quoted.ip[:quote_bytes], **ip)


def _to_pod(wire):
    back = wire.wait(lambda p: p.inner() is not None and p.inner().is_icmp_error)
    return back and back.inner()


def _check_quote(t, error, pod, original):
    """The error goes to the pod and quotes the packet as the pod had sent it."""
    t.check(error is not None, "no error came to the node")
    quote, sent = error.quoted(), frames.Packet(b"\0" * 12 + b"\x08\x00" + original)
    t.equal((error.dst, quote.src, quote.dst), (pod.address, pod.address, sent.dst), "the quote")
    t.equal(frames.checksum(error.data[:20]), 0, "checksum of the quoted IP header")
    t.equal((quote.sport, quote.dport, quote.ident), (sent.sport, sent.dport, sent.ident), "ports")


def test_errors_from_outside_come_to_the_pod(t):
    """Unreachable (port, host, 3/4) and time exceeded, for UDP and TCP, by server or router."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod("raw")
    kinds = [(UNREACHABLE, 3, SERVER, b"\0" * 4), (UNREACHABLE, 1, ROUTER, b"\0" * 4),
             (UNREACHABLE, 4, ROUTER, struct.pack("!HH", 0, 1400)),
             (TIME_EXCEEDED, 0, ROUTER, b"\0" * 4)]
    for number, (kind, code, source, rest) in enumerate(kinds):
        for original in (frames.udp(pod.address, SERVER, 3000 + number, 53, b"x" * 40),
                         frames.tcp(pod.address, SERVER, 3000 + number, 443, frames.SYN, 1000)):
            ports = (53, 443)
            wire, outside, seen = _open(t, rig, original, lambda p: p.dport in ports)
            outside.send(rig.from_outside(_error(kind, code, source, seen, rest)))
            error = _to_pod(wire)
            _check_quote(t, error, pod, original)
            t.equal((error.type, error.code, error.src), (kind, code, source), "the error")
            t.equal(error.ip[24:28], rest, "the rest of the header (next-hop MTU)")
            quoted_sum = error.data[26:28] if error.quoted().protocol == frames.UDP else None
            if quoted_sum:
                t.equal(quoted_sum, original[26:28], "quoted UDP checksum")
    t.check(rig.gateway.counters()["icmp.error_translated"] >= 2 * len(kinds), "not counted")


def test_errors_about_echo_come_to_the_pod(t):
    """Time exceeded about an echo request: the identifier is the pod's own again."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod("raw")
    original = frames.echo_request(pod.address, SERVER, 77, 1, b"y" * 30)
    wire, outside, seen = _open(t, rig, original, lambda p: p.type == 8)
    t.equal(seen.src, topology.PAYMENTS_IP, "source of the request")
    outside.send(rig.from_outside(_error(TIME_EXCEEDED, 0, ROUTER, seen)))
    _check_quote(t, _to_pod(wire), pod, original)


def test_errors_about_no_session_are_dropped(t):
    """An error that quotes no live session, or a TCP sequence far off, goes nowhere."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod("raw")
    original = frames.tcp(pod.address, SERVER, 3000, 443, frames.SYN, 1000)
    wire, outside, seen = _open(t, rig, original, lambda p: p.dport == 443)
    strange = frames.Packet(frames.ethernet(
        topology.OUTSIDE_MAC, topology.UPLINK_MAC, frames.ETH_IP,
        frames.udp(seen.src, SERVER, 5555, 53, b"never sent")))
    outside.send(rig.from_outside(_error(UNREACHABLE, 3, SERVER, strange)))
    far_off = frames.Packet(frames.ethernet(
        topology.OUTSIDE_MAC, topology.UPLINK_MAC, frames.ETH_IP,
        frames.tcp(seen.src, SERVER, seen.sport, 443, frames.SYN, 1000 + (1 << 30))))
    outside.send(rig.from_outside(_error(UNREACHABLE, 3, SERVER, far_off)))

    def both():
        drops = rig.gateway.drops()
        return drops.get("no-session", 0) + drops.get("bad-icmp-error", 0) >= 2
    t.eventually(both, "both errors are dropped by name")
    t.equal(_to_pod(wire), None, "what came to the node")


def test_errors_of_the_pod_go_out(t):
    """A pod's port unreachable, about a reply that came, leaves with the egress address."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod("raw")
    original = frames.udp(pod.address, SERVER, 3000, 53, b"question")
    wire, outside, seen = _open(t, rig, original, lambda p: p.dport == 53)
    reply = frames.udp(SERVER, seen.src, 53, seen.sport, b"late answer")
    outside.send(rig.from_outside(reply))
    came = wire.wait(lambda p: p.inner() is not None and p.inner().protocol == frames.UDP).inner()
    t.equal((came.src, came.dst, came.sport, came.dport), (SERVER, pod.address, 53, 3000), "reply")
    wire.send(rig.tunnelled(frames.icmp(pod.address, SERVER, UNREACHABLE, 3, data=came.ip[:28])))
    error = outside.wait(lambda p: p.is_icmp_error)
    t.check(error is not None, "the error did not leave")
    quote = error.quoted()
    t.equal((error.src, error.dst, error.type, error.code),
            (topology.PAYMENTS_IP, SERVER, UNREACHABLE, 3), "the error")
    t.equal((quote.src, quote.dst, quote.sport, quote.dport),
            (SERVER, seen.src, 53, seen.sport), "the quote")
    t.equal(frames.checksum(error.data[:20]), 0, "checksum of the quoted IP header")


def test_kernel_errors_reach_the_program_in_the_pod(t):
    """A closed port outside is refused in the pod, a path MTU is learned by its kernel."""
    rig = t.rig(nodes=1, far=True).start()
    pod = rig.pod()
    with pod.udp() as sock:
        sock.connect((topology.SERVERS[0], 9))
        sock.send(b"x")
        try:
            sock.recv(10)
            t.check(False, "an answer from a closed port")
        except ConnectionRefusedError:
            pass
    rig.outside.ip("link set x1 mtu 1300")
    server = rig.echo(topology.FAR_SERVER, namespace=rig.far)
    said = pod.run("ping", "-c", "2", "-i", "0.2", "-M", "do", "-s", "1400", "-W", "1", "-I",
                   pod.address, server.address, check=False)
    t.check("1300" in said.stdout + said.stderr, "no path MTU was reported: " + said.stdout)
    route = pod.run("ip", "route", "get", server.address, "from", pod.address).stdout
    t.check("mtu 1300" in route, "the kernel of the pod did not learn the path MTU: " + route)
    sock, _ = t.dial(pod, server)
    sock.sendall(b"z" * 50000)
    left = 50000
    while left:
        left -= len(sock.recv(left))
    sock.close()


def test_ttl_counts_down_and_ends_at_the_gateway(t):
    """TTL falls by one each way; at its end the gateway answers from its VTEP."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod("raw")
    wire, outside, seen = _open(t, rig, frames.udp(pod.address, SERVER, 3000, 53, ttl=2),
                                lambda p: p.dport == 53)
    t.equal(seen.ttl, 1, "TTL outside")
    outside.send(rig.from_outside(frames.udp(SERVER, seen.src, 53, seen.sport, b"r", ttl=9)))
    t.equal(wire.wait(lambda p: p.inner() is not None).inner().ttl, 8, "TTL of the reply")
    for ttl in (1, 0):
        original = frames.udp(pod.address, SERVER, 3100 + ttl, 53, b"end", ttl=ttl)
        wire.send(rig.tunnelled(original))
        error = _to_pod(wire)
        _check_quote(t, error, pod, original)
        t.equal((error.type, error.code, error.src), (TIME_EXCEEDED, 0, topology.VTEP), "error")
    t.dropped(rig, "ttl-expired", 2)
    outside.send(rig.from_outside(frames.udp(SERVER, seen.src, 53, seen.sport, b"r", ttl=1)))
    back = outside.wait(lambda p: p.is_icmp_error)
    t.equal(back and (back.src, back.dst, back.type), (topology.UPLINK, SERVER, TIME_EXCEEDED),
            "time exceeded towards the outside")


def _mss_options(mss):
    return struct.pack("!BBH", 2, 4, mss) + b"\x01\x01\x04\x02"


def test_mss_is_clamped_both_ways(t):
    """The smaller of tunnel and uplink decides; a smaller MSS stays; other options stay."""
    rig = t.rig(nodes=1, uplink_mtu=1400).start()
    pod, expected = rig.pod("raw"), 1400 - 40
    wire, outside = rig.node_wire(), rig.outside_wire()
    for number, (sent, wanted) in enumerate(((1460, expected), (8960, expected), (1000, 1000))):
        syn = frames.tcp(pod.address, SERVER, 3000 + number, 443, frames.SYN, 5,
                         options=_mss_options(sent))
        wire.send(rig.tunnelled(syn))
        seen = outside.wait(lambda p: p.dport == 443 and p.flags == frames.SYN)
        t.equal(seen and seen.mss(), wanted, "MSS %d as seen at the server" % sent)
        t.equal(seen.options[4:], b"\x01\x01\x04\x02", "the other options")
        answer = frames.tcp(SERVER, seen.src, 443, seen.sport, frames.SYN | frames.ACK, 9, 6,
                            options=_mss_options(sent))
        outside.send(rig.from_outside(answer))
        back = wire.wait(lambda p: p.inner() is not None and p.inner().flags == 0x12)
        t.equal(back and back.inner().mss(), wanted, "MSS %d as seen by the pod" % sent)


def test_mss_of_real_connections(t):
    """ss at the server shows the clamped size on a pod's connection; mss_clamp = off lets it be."""
    rig = t.rig(nodes=1, uplink_mtu=1400)
    rig.start()
    server, outside = rig.echo(), rig.outside_wire()
    sock, _ = t.dial(rig.pod(), server)
    said = rig.outside.run("ss", "-tinH", "sport", "=", ":%d" % server.port).stdout
    t.check("mss:" in said and int(said.split("mss:")[1].split()[0]) <= 1360, said)
    sock.close()
    rig.apply(sessions={"mss_clamp": "off"})
    wire = rig.node_wire()
    wire.send(rig.tunnelled(frames.tcp(rig.pod("raw").address, SERVER, 4000, 443, frames.SYN, 5,
                                       options=_mss_options(1460))))
    seen = outside.wait(lambda p: p.dport == 443)
    t.equal(seen and seen.mss(), 1460, "MSS with the clamp off")


def test_the_gateway_answers_echo_to_its_own_addresses(t):
    """Echo to the VTEP from a node and to the uplink from outside; none to an egress address."""
    rig = t.rig(nodes=1).start()
    node, outside = rig.nodes[0].namespace, rig.outside
    node.run("ping", "-c", "2", "-i", "0.1", "-W", "2", topology.VTEP)
    outside.run("ping", "-c", "2", "-i", "0.1", "-W", "2", topology.UPLINK)
    silent = outside.run("ping", "-c", "2", "-i", "0.1", "-W", "1", topology.PAYMENTS_IP,
                         check=False)
    t.check(silent.returncode == 1, "an egress address answered an echo: " + silent.stdout)


if __name__ == "__main__":
    main()
