#!/usr/bin/python3
"""IP protocols besides TCP, UDP and ICMP (nat.md O1), and that nothing unwraps them (V6): tunnels
of a pod's own with the kernel's stack at both ends, and SCTP by hand."""
import hashlib
import os
import struct

from rig import frames, topology, wrapping
from rig.case import main

SERVER, OTHER_SERVER = topology.SERVERS[0], topology.SERVERS[1]
INIT, INIT_ACK = 1, 2


def _ping(pod, inside, *options, count=10):
    return pod.run("ping", "-c", str(count), "-i", "0.05", "-W", "2", *options, inside,
                   check=False, timeout=40).stdout


def _rows(rig, words):
    return rig.gateway.call("sessions.list", filter=words)["rows"]


def test_a_pods_own_gre_tunnel(t):
    """Ping, a download and an upload through it; lists, counts and filters tell of its session."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod()
    _, inside = wrapping.between(rig, wrapping.GRE, pod, SERVER, 1, topology.PAYMENTS_IP)
    said = _ping(pod, inside)
    t.check(" 0% packet loss" in said, said)
    row, = _rows(rig, "protocol 47")
    ends = {"src": pod.address, "sport": 0, "dst": SERVER, "dport": 0}
    t.equal((row["protocol"], row["state"], row["original"], row["namespace"]),
            ("47", "active", ends, "payments"), "the session")
    t.equal(row["translated"], {**ends, "src": topology.PAYMENTS_IP}, "translated")
    t.equal((row["packets"]["out"], row["packets"]["in"]), (10, 10), "packets")
    t.check(290 <= row["expires_in_s"] <= 300, "expires in %d s" % row["expires_in_s"])
    used = rig.gateway.counters()
    t.equal([used["nat.ports_used.%s.%s" % (topology.PAYMENTS_IP, kind)]
             for kind in ("tcp", "udp", "icmp")], [0, 0, 0], "ports used")
    listed, = rig.gateway.call("egress_ips.list", name="payments-out")["rows"]
    t.equal((listed["sessions"], listed["fullest"]), (1, []), "egress_ips.list")
    top = rig.gateway.call("sessions.top", by="destinations", limit=1)["rows"]
    t.equal((top[0]["key"], top[0]["sessions"]), (SERVER, 1), "sessions.top")
    told = rig.gateway.call("explain", src=pod.address, dst=SERVER, protocol="gre")
    t.equal(told["verdict"], "forward", "explain: %s" % told)

    blob = os.urandom(1 << 20)
    rig.http(blob, address=inside)
    path, got = rig.ground.path("blob"), rig.ground.path("got")
    with open(path, "wb") as file:
        file.write(blob)
    curl = ("curl", "-sS", "--fail", "--max-time", "40")
    pod.run(*curl, "-o", got, "http://%s/blob" % inside, timeout=50)
    with open(got, "rb") as file:
        t.check(file.read() == blob, "other bytes came")
    t.equal(pod.run(*curl, "-T", path, "http://%s/blob" % inside, timeout=50).stdout,
            hashlib.sha256(blob).hexdigest(), "SHA-256 of what the server got")
    t.equal(rig.gateway.call("sessions.count", filter="protocol 47")["count"], 1, "one session")
    t.equal(rig.gateway.call("sessions.delete", filter="protocol 47")["count"], 1, "deleted")
    said = _ping(pod, inside)
    t.check(" 0% packet loss" in said, "the same pod begins again at once:\n" + said)


def test_tunnels_of_several_protocols_at_once(t):
    """GRE, IP in IP and what looks like ESP between the same two addresses."""
    rig = t.rig(nodes=1).start()
    pod = rig.pod()
    for number, protocol in enumerate((wrapping.GRE, wrapping.IPIP, wrapping.ESP), 1):
        _, inside = wrapping.between(rig, protocol, pod, SERVER, number, topology.PAYMENTS_IP)
        said = _ping(pod, inside)
        t.check(" 0% packet loss" in said, "protocol %d:\n%s" % (protocol, said))
    kinds = {row["protocol"] for row in _rows(rig, "host %s" % SERVER)}
    t.equal(kinds, {"4", "47", "50"}, "sessions")
    t.equal(rig.gateway.drops(), {}, "drops")


def test_wrapped_packets_in_fragments(t):
    """A tunnel with a larger MTU than the way: the kernel sends fragments of GRE, both ways."""
    rig = t.rig(nodes=1, underlay_mtu=1500).start()
    pod = rig.pod()
    _, inside = wrapping.between(rig, wrapping.GRE, pod, SERVER, 1, topology.PAYMENTS_IP, mtu=9000)
    said = _ping(pod, inside, "-s", "8900")
    t.check(" 0% packet loss" in said, said)
    counters = rig.gateway.counters()
    t.equal((counters["fragment.held"], counters["fragment.followed"]), (0, 0), "left behind")
    t.check(any(p.protocol == wrapping.GRE and p.total_length > 1400 for p in rig.left()),
            "no large fragment left")


def test_one_pod_for_an_address_and_a_remote(t):
    """A second pod behind the same address gets no GRE session there, and one elsewhere."""
    rig = t.rig(nodes=1).start()
    pod, second = rig.pod(), rig.pod("raw")
    _, inside = wrapping.between(rig, wrapping.GRE, pod, SERVER, 1, topology.PAYMENTS_IP)
    t.check(" 0% packet loss" in _ping(pod, inside), "the first pod's tunnel")
    wire, outside = rig.node_wire(), rig.outside_wire()

    def gre(source, destination):
        return frames.ip_packet(source, destination, wrapping.GRE, b"\0\0\x08\0" + b"x" * 40)
    wire.send(rig.tunnelled(gre(second.address, SERVER)))
    t.dropped(rig, "unsupported-protocol", 1)
    drop, = [row for row in rig.gateway.call("drops.list")["rows"]
             if row["reason"] == "unsupported-protocol"]
    t.equal((drop["last"]["src"], drop["last"]["protocol"]), (second.address, "47"), "the sample")
    told = rig.gateway.call("explain", src=second.address, dst=SERVER, protocol="gre")
    t.equal(told.get("reason"), "unsupported-protocol", "explain: %s" % told)
    wire.send(rig.tunnelled(gre(second.address, topology.NOBODY)))
    left = outside.wait(lambda p: p.dst == topology.NOBODY)
    t.equal(left and (left.src, left.protocol, left.ttl),
            (topology.PAYMENTS_IP, wrapping.GRE, 63), "to another server")
    outside.send(rig.from_outside(gre(topology.NOBODY, topology.PAYMENTS_IP)))
    t.eventually(lambda: any(p.inner() is not None and p.inner().dst == second.address
                             for p in rig.tunnelled_back()), "the reply reaches the second pod")
    t.check(" 0% packet loss" in _ping(pod, inside), "the first pod's tunnel afterwards")


def test_errors_about_them(t):
    """A kernel without that protocol says so by ICMP, and the pod hears it of its own packet."""
    rig = t.rig(nodes=1).start()
    wire, raw = rig.node_wire(), rig.pod("raw")
    body = b"\0\0\x08\0" + b"x" * 60
    wire.send(rig.tunnelled(frames.ip_packet(raw.address, OTHER_SERVER, wrapping.GRE, body)))

    def heard():
        return [p.inner() for p in rig.tunnelled_back()
                if p.inner() is not None and p.inner().is_icmp_error]
    error = t.eventually(heard, "an ICMP error in the tunnel")[0]
    quoted = error.quoted()
    t.equal((error.src, error.dst, error.type, error.code), (OTHER_SERVER, raw.address, 3, 2),
            "protocol unreachable")
    t.equal((quoted.src, quoted.dst, quoted.protocol), (raw.address, OTHER_SERVER, wrapping.GRE),
            "what it quotes")
    t.equal(rig.gateway.counters()["icmp.error_translated"], 1, "errors translated")
    t.equal(rig.gateway.call("sessions.count", filter="protocol 47")["count"], 1, "it lives on")


def test_sctp_keeps_its_ports(t):
    """Associations of two pods with one server: told apart by their ports, checksums unharmed."""
    rig = t.rig(nodes=1).start()
    wire, outside = rig.node_wire(), rig.outside_wire()
    first, second = rig.pod_at("10.128.0.11"), rig.pod("raw")
    init = (INIT, 0, struct.pack("!IIHHI", 7, 65536, 1, 1, 1))

    def send(pod, sport):
        wire.send(rig.tunnelled(frames.ip_packet(pod.address, topology.NOBODY, wrapping.SCTP,
                                                 wrapping.sctp(sport, 9, [init]))))

    def comes(sport):
        seen = outside.wait(lambda p: p.protocol == wrapping.SCTP and
                            wrapping.sctp_parts(p.ip[20:])[0] == sport)
        t.check(seen is not None, "no SCTP from port %d left" % sport)
        t.equal((seen.src, wrapping.sctp_parts(seen.ip[20:])),
                (topology.PAYMENTS_IP, (sport, 9, True)), "what left")
    send(first, 5000)
    comes(5000)
    send(second, 5001)
    comes(5001)
    send(second, 5000)
    t.dropped(rig, "unsupported-protocol", 1)
    reply = wrapping.sctp(9, 5001, [(INIT_ACK, 0, init[2])], tag=7)
    outside.send(rig.from_outside(frames.ip_packet(topology.NOBODY, topology.PAYMENTS_IP,
                                                   wrapping.SCTP, reply)))
    back = t.eventually(lambda: [p.inner() for p in rig.tunnelled_back()
                                 if p.inner() is not None and p.inner().protocol == wrapping.SCTP],
                        "the reply in the tunnel")[0]
    t.equal((back.dst, wrapping.sctp_parts(back.ip[20:])), (second.address, (9, 5001, True)),
            "the reply")
    ports = {row["original"]["sport"] for row in _rows(rig, "protocol 132 and dst port 9")}
    t.equal(ports, {5000, 5001}, "sessions by their ports")


def test_a_router_leads_sctp_on(t):
    """`PORT sctp ADDRESS`: both addresses change and no port; another port is refused aloud."""
    listen, source = "10.131.255.10", "192.0.2.70"
    rig = t.rig(nodes=1).start(egress_routers=[
        {"name": "sctp", "namespaces": ["payments"], "listen": listen, "source": source,
         "destinations": ["9 sctp %s" % topology.NOBODY]}])
    wire, outside, raw = rig.node_wire(), rig.outside_wire(), rig.pod("raw")

    def send(dport):
        wire.send(rig.tunnelled(frames.ip_packet(
            raw.address, listen, wrapping.SCTP,
            wrapping.sctp(5000, dport, [(INIT, 0, b"\0" * 16)]))))
    send(9)
    seen = outside.wait(lambda p: p.protocol == wrapping.SCTP)
    t.equal(seen and (seen.src, seen.dst, wrapping.sctp_parts(seen.ip[20:])),
            (source, topology.NOBODY, (5000, 9, True)), "what left")
    send(10)
    t.dropped(rig, "router-no-rule", 1)
    told = t.eventually(lambda: [p.inner() for p in rig.tunnelled_back()
                                 if p.inner() is not None and p.inner().is_icmp_error],
                        "an answer to the other port")[0]
    t.equal((told.src, told.type, told.code), (listen, 3, 3), "port unreachable")


def test_silent_ones_end_by_their_own_timeout(t):
    """sessions.timeouts.other."""
    rig = t.rig(nodes=1).start(sessions={"max": 65536, "timeouts": {"other": "1s"}})
    wire, raw = rig.node_wire(), rig.pod("raw")
    wire.send(rig.tunnelled(frames.ip_packet(raw.address, topology.NOBODY, wrapping.ESP,
                                             b"x" * 20)))
    t.eventually(lambda: _rows(rig, "protocol 50"), "a session")
    t.eventually(lambda: not _rows(rig, "protocol 50"), "its end", within_s=8.0)
    t.equal(rig.gateway.counters()["session.expired"], 1, "expired")


def test_nothing_is_unwrapped_on_the_uplink(t):
    """V6: strangers' packets in GRE, IP in IP, GUE and VXLAN reach no pod and no server."""
    rig = t.rig(nodes=1).start()
    outside, pod = rig.outside_wire(), rig.pod()
    victim = frames.udp(SERVER, pod.address, 53, 7777, b"inside")
    abused = frames.udp(pod.address, topology.NOBODY, 7777, 53, b"inside")
    for target in (topology.PAYMENTS_IP, topology.UPLINK, topology.VTEP):
        for inside in (victim, abused):
            inner = frames.ethernet("02:00:00:00:99:01", "02:00:00:00:04:01", frames.ETH_IP, inside)
            for packet in (
                    frames.ip_packet("10.0.0.1", target, wrapping.IPIP, inside),
                    frames.ip_packet("10.0.0.1", target, wrapping.GRE, b"\0\0\x08\0" + inside),
                    frames.ip_packet("10.0.0.1", target, wrapping.GRE, b"\0\0\x65\x58" + inner),
                    frames.udp("10.0.0.1", target, 50000, 6080, b"\0\x04\0\0" + inside),
                    frames.udp("10.0.0.1", target, 50000, 4789, frames.vxlan(topology.VNI, inner)),
                    frames.udp("10.0.0.1", target, 50000, 6081,
                               b"\0\0\x65\x58" + struct.pack("!I", topology.VNI << 8) + inner)):
                outside.send(rig.from_outside(packet))
    t.dropped(rig, "no-session", 34)
    t.dropped(rig, "tunnel-wrong-port", 2)
    t.equal(rig.gateway.counters()["packets.dropped"], 36, "drops")
    t.equal([p for p in rig.tunnelled_back() if p.kind == frames.ETH_IP], [], "in the underlay")
    t.equal([p for p in rig.left() if p.kind == frames.ETH_IP], [], "on the uplink")
    t.equal(rig.gateway.call("sessions.count")["count"], 0, "sessions")


if __name__ == "__main__":
    main()
