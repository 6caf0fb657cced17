#!/usr/bin/python3
"""Fragments and path MTUs with real peers: large pings, large datagrams, links that are too small,
a flood of fragments."""
import hashlib
import json
import os

from rig import frames, peers, topology
from rig.case import main

IPERF_PORT = 5201
FAR_LINK_MTU = 1280
MORE = 0x2000
HELD_PER_SOURCE = 256  # a worker


def _ping(pod, server, *options, count=10, **kwargs):
    return pod.run("ping", "-c", str(count), "-i", "0.1", "-W", "3", "-I", pod.address, *options,
                   server, timeout=40, **kwargs).stdout


def test_ping_of_65000_bytes_comes_back(t):
    """45 fragments each way and none is lost, with room in the tunnel and without."""
    for underlay_mtu in (1600, 1500):
        rig = t.rig(nodes=1, underlay_mtu=underlay_mtu, headers_only=True).start()
        pod = rig.pod()
        for size in ("2000", "9000", "65000"):
            said = _ping(pod, topology.SERVERS[0], "-s", size)
            t.check(" 0% packet loss" in said, said)
        counters = rig.gateway.counters()
        t.equal((counters["fragment.held"], counters["fragment.followed"]), (0, 0), "left behind")
        t.check(any(p.kind == frames.ETH_IP and p.src == topology.PAYMENTS_IP and
                    p.total_length > 1400 for p in rig.left()), "no large fragment left")


def test_iperf3_with_datagrams_of_8_kilobytes(t):
    """40 Mbit/s of UDP in datagrams of 8 KB, each way, nothing lost."""
    rig = t.rig(nodes=1, underlay_mtu=1500, headers_only=True).start()
    pod = rig.pod()
    for direction in ((), ("-R",)):
        server = rig.outside.popen("iperf3", "-s", "-1", "-B", topology.SERVERS[0],
                                   "-p", str(IPERF_PORT), stdout=-3, stderr=-3)
        t.eventually(lambda: ":%d" % IPERF_PORT in rig.outside.run("ss", "-tlnH").stdout,
                     "iperf3 listens")
        said = pod.run("iperf3", "-c", topology.SERVERS[0], "-p", str(IPERF_PORT), "-B",
                       pod.address, "-J", "-u", "-b", "40M", "-l", "8192", "-t", "2", *direction,
                       timeout=40).stdout
        server.wait(5)
        end = json.loads(said)["end"]["sum_received"]
        t.check(end["packets"] > 800, "%s: only %s datagrams" % (direction, end["packets"]))
        t.check(end["bytes"] > 800 * 8192, "%s: only %s bytes came" % (direction, end["bytes"]))
        t.equal(end["lost_packets"], 0, "lost of %d" % end["packets"])


def test_tracepath_finds_the_small_link(t):
    """tracepath sees the gateway, the router and the server, and the link of 1,280 bytes."""
    rig = t.rig(nodes=1, far=True).start()
    rig.outside.ip("link set x1 mtu %d" % FAR_LINK_MTU)
    said = rig.pod().run("tracepath", "-4", "-n", "-m", "6", topology.FAR_SERVER, timeout=40).stdout
    for hop in (topology.VTEP, topology.OUTSIDE, topology.FAR_SERVER):
        t.check(hop in said, "no %s in:\n%s" % (hop, said))
    t.check("pmtu %d hops 3 back 3" % FAR_LINK_MTU in said, said)


def test_tracepath_finds_the_small_uplink(t):
    """An uplink smaller than what the pod sends is told by the gateway (F6)."""
    rig = t.rig(nodes=1, uplink_mtu=1400).start()
    said = rig.pod().run("tracepath", "-4", "-n", "-m", "4", topology.SERVERS[0], timeout=40).stdout
    t.check("pmtu 1400 hops 2 back 2" in said, said)


def _curl(pod, *words):
    return pod.run("curl", "-sS", "--fail", "--max-time", "30", "--interface", pod.address, *words,
                   timeout=40).stdout


def test_upload_through_the_small_link(t):
    """The pod's kernel learns the link's MTU from the router's errors, and all bytes arrive."""
    rig = t.rig(nodes=1, far=True, headers_only=True).start()
    rig.outside.ip("link set x1 mtu %d" % FAR_LINK_MTU)
    blob = os.urandom(4 << 20)
    rig.ground.add(peers.Http(rig.far, topology.FAR_SERVER, 80, blob))
    path = rig.ground.path("blob")
    with open(path, "wb") as file:
        file.write(blob)
    pod, url = rig.pod(), "http://%s/blob" % topology.FAR_SERVER
    t.equal(_curl(pod, "-T", path, url), hashlib.sha256(blob).hexdigest(), "SHA-256 at the server")
    t.check(rig.gateway.counters()["icmp.error_translated"] > 0, "no error was translated")


def test_download_that_does_not_fit_the_tunnel(t):
    """Without a clamped MSS the server is told what fits the tunnel (F5), and learns it."""
    rig = t.rig(nodes=1, underlay_mtu=1500, headers_only=True)
    rig.start(sessions={"max": 65536, "mss_clamp": "off"})
    rig.nodes[0].namespace.ip("route change default via %s dev vx0 onlink advmss 1460" %
                              topology.INNER_HOP)  # an MSS that does not fit
    blob = os.urandom(4 << 20)
    rig.http(blob)
    pod, got = rig.pod(), rig.ground.path("got")
    _curl(pod, "-o", got, "http://%s/blob" % topology.SERVERS[0])
    with open(got, "rb") as file:
        t.check(file.read() == blob, "other bytes came")
    route = rig.outside.run("ip", "route", "get", topology.PAYMENTS_IP, "from",
                            topology.SERVERS[0]).stdout
    t.check("mtu 1450" in route, "the server did not learn the MTU: " + route)
    t.check(rig.gateway.drops().get("mtu-exceeded", 0) > 0, "nothing was refused")


def _udp_piece(pod, ident, first, end, data, server=topology.NOBODY):
    """Bytes first..end of a datagram from the pod, as a fragment."""
    whole = frames.udp(pod.address, server, 3000, 53, data)[20:]
    flags = first // 8 | (MORE if end < len(whole) else 0)
    return frames.ip_packet(pod.address, server, frames.UDP, whole[first:end], ident=ident,
                            flags=flags)


def test_a_flood_of_fragments_from_one_pod(t):
    """Fragments without a first one fill their pod's share; large pings of others go on."""
    rig = t.rig(nodes=1, headers_only=True).start()
    wire, raw, other = rig.node_wire(), rig.pod("raw"), rig.pod("web")
    flood = [rig.tunnelled(_udp_piece(raw, ident, 8, 16, b"x" * 100)) for ident in range(4096)]
    pinging = other.namespace.popen("ping", "-c", "20", "-i", "0.1", "-W", "3", "-s", "8000", "-I",
                                    other.address, topology.SERVERS[0], stdout=-1)
    most = 0
    while pinging.poll() is None:
        for frame in flood[:512]:
            wire.send(frame)
        flood = flood[512:] + flood[:512]
        most = max(most, rig.gateway.counters()["fragment.held"])
    said = pinging.stdout.read()
    said = said if isinstance(said, str) else said.decode()
    t.check(" 0% packet loss" in said, said)
    bound = HELD_PER_SOURCE * len(rig.gateway.call("workers.list")["rows"])
    t.check(0 < most <= bound + 16, "%d fragments were held" % most)
    t.dropped(rig, "fragment-limit", 1000)


def test_bad_fragments_are_dropped_by_name(t):
    """Overlaps, empty ones, ends beyond 65,535 bytes, and those that nobody completes."""
    rig = t.rig(nodes=1).start(sessions={"max": 65536, "fragments": {"timeout": "1s"}})
    wire, outside, raw = rig.node_wire(), rig.outside_wire(), rig.pod("raw")
    data = b"y" * 200

    def send(ident, first, end):
        wire.send(rig.tunnelled(_udp_piece(raw, ident, first, end, data)))
    send(1, 104, 208)
    send(1, 96, 112)
    send(1, 0, 104)
    t.dropped(rig, "fragment-overlap", 3)
    wire.send(rig.tunnelled(frames.ip_packet(raw.address, topology.NOBODY, frames.UDP, b"",
                                             ident=2, flags=MORE | 4)))
    wire.send(rig.tunnelled(frames.ip_packet(raw.address, topology.NOBODY, frames.UDP, data,
                                             ident=3, flags=0x1fff)))
    t.dropped(rig, "fragment-bad", 2)
    send(4, 104, 208)
    t.dropped(rig, "fragment-timeout", 1)
    send(5, 104, 208)
    send(5, 104, 208)
    send(5, 0, 104)
    t.check(outside.wait(lambda p: p.dport == 53) is not None, "the first did not leave")
    t.equal(rig.gateway.counters()["fragment.held"], 0, "fragments held")


if __name__ == "__main__":
    main()
