#!/usr/bin/python3
"""Kinds of ports (net_tap, net_memif, net_ring, net_pcap; net_af_packet is in every other file)
and kinds of memory."""
import os
import struct

from rig import frames, topology
from rig.case import main

HUGE_PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
NEEDED_PAGES = 320                       # of 2 MiB: memory_mb = 512 and some room
ENVIRONMENT = 2


def _starts_and_stops(t, rig, devices, **over):
    """Starts with these two devices, asks for the state, and leaves the end to the runner."""
    model = rig.model(**over)
    for port, device in zip(model["ports"], devices):
        port["device"] = device
    rig.learn(model)
    rig.gateway.write(model)
    rig.gateway.launch()
    rig.gateway.wait_ready()
    status = rig.gateway.call("status")
    t.equal([port["name"] for port in status["ports"]], ["underlay", "uplink"], "ports in status")
    return status


def _traffic(t, rig):
    """Ping, UDP and some TCP of a pod."""
    pod, server = rig.pod(), rig.echo()
    pod.run("ping", "-c", "3", "-i", "0.1", "-W", "3", "-I", pod.address, topology.SERVERS[0])
    for _ in range(10):
        t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, "by UDP")
    sock, seen = t.dial(pod, server)
    t.equal(seen, topology.PAYMENTS_IP, "by TCP")
    for _ in range(50):
        sock.sendall(b"z" * 4096)
        left = 4096
        while left:
            left -= len(sock.recv(left))
    sock.close()


def test_tap_ports_carry_traffic(t):
    """net_tap: the kernel ends are moved to the node's bridge and to the outside."""
    rig = t.rig(nodes=1, device="tap").start()
    t.eventually(lambda: not t.silent(rig.pod(), rig.echo(port=7008)), "traffic passes", 10.0)
    _traffic(t, rig)


def test_jumbo_underlay(t):
    """Ports with an MTU beyond 1500 carry whole inner packets of 1500 bytes."""
    rig = t.rig(nodes=1, underlay_mtu=1600).start()
    pod = rig.pod()
    pod.run("ping", "-c", "3", "-i", "0.1", "-W", "2", "-M", "do", "-s", "1472", "-I", pod.address,
            topology.SERVERS[0])
    t.check(any(p.type == 8 and p.total_length == 1500 for p in rig.left()), "no packet of 1500")


JUMBO = 9000


def _jumbo(t, device):
    rig = t.rig(nodes=1, underlay_mtu=JUMBO, uplink_mtu=JUMBO, device=device).start()
    rig.nodes[0].namespace.ip("link set vx0 mtu %d" % (JUMBO - 50))
    pod, server = rig.pod(), rig.echo()
    t.eventually(lambda: not t.silent(pod, server), "traffic passes", 10.0)
    said = pod.run("ping", "-c", "3", "-i", "0.1", "-W", "2", "-M", "do", "-s",
                   str(JUMBO - 50 - 28), "-I", pod.address, topology.SERVERS[0]).stdout
    t.check("3 received" in said, said)
    return rig, pod, server


def test_jumbo_frames(t):
    """Frames of 9,000 bytes: whole packets, TCP with as large segments, path MTU to the byte."""
    rig, pod, server = _jumbo(t, "af_packet")
    blob = os.urandom(8 << 20)
    rig.http(blob)
    got = rig.ground.path("got")
    pod.run("curl", "-sS", "--fail", "--max-time", "30", "--interface", pod.address, "-o", got,
            "http://%s/blob" % topology.SERVERS[0], timeout=40)
    with open(got, "rb") as file:
        t.check(file.read() == blob, "other bytes came")
    syns = [p for p in rig.left() if p.protocol == frames.TCP and p.flags & frames.SYN]
    t.equal({p.mss() for p in syns}, {JUMBO - 50 - 40}, "MSS on the uplink")
    largest = max(p.total_length for p in rig.tunnelled_back() if p.kind == frames.ETH_IP)
    t.equal(largest, JUMBO, "the largest packet in the underlay")
    with pod.udp() as sock:
        address, port = t.ask(pod, server, sock)
        wire = rig.outside_wire()
        wire.send(rig.from_outside(frames.udp(server.address, address, server.port, port,
                                              b"j" * (JUMBO - 50 + 1 - 28))))
        error = wire.wait(lambda p: p.is_icmp_error)
    t.equal(error and (error.type, error.code, int.from_bytes(error.ip[26:28], "big")),
            (3, 4, JUMBO - 50), "fragmentation needed")


def test_jumbo_frames_through_taps(t):
    """The same room with net_tap."""
    _jumbo(t, "tap")


def _attention(rig):
    return " ".join(rig.gateway.call("status")["attention"])


def test_links_whose_mtu_changes(t):
    """An MTU that the kernel's side makes too small or too large is told until it fits again."""
    rig = t.rig(nodes=1).start()
    t.equal(_attention(rig), "", "attention at the start")
    rig.gateway_ns.ip("link set upl mtu 1400")
    t.eventually(lambda: "interface upl has MTU 1400, mtu is 1500" in _attention(rig), "too small")
    for namespace, device in ((rig.gateway_ns, "upl"), (rig.outside, "e0")):
        namespace.ip("link set %s mtu %d" % (device, JUMBO))
    t.eventually(lambda: "interface upl has MTU 9000, buffers have room for packets of 1960 bytes"
                 in _attention(rig), "too large")
    # Such a packet is lost by name; the others go on.
    rig.outside_wire().send(rig.from_outside(frames.udp(
        topology.SERVERS[0], topology.PAYMENTS_IP, 53, 1024, b"l" * 4000)))
    t.dropped(rig, "parse-short", 1)
    t.equal(t.ask(rig.pod(), rig.echo())[0], topology.PAYMENTS_IP, "by UDP")
    rig.gateway_ns.ip("link set upl mtu 1500")
    t.eventually(lambda: _attention(rig) == "", "it fits again")
    t.check("error: port \"uplink\": interface upl has MTU 1400" in rig.gateway.log(), "the log")
    t.check("port uplink: the MTU of its link fits again" in rig.gateway.log(), "the log")


def test_memif_ports(t):
    """net_memif as server on both sides, without and with a socket on disk."""
    rig = t.rig(nodes=1)
    for kind in ("", ",socket-abstract=no"):
        sockets = [rig.ground.path("memif%d.sock" % n) for n in range(2)]
        _starts_and_stops(t, rig, ["net_memif%d,role=server,id=0,socket=%s%s" % (n, path, kind)
                                   for n, path in enumerate(sockets)])
        t.equal(rig.gateway.stop()[0], 0, "exit status")


def test_ring_ports(t):
    """net_ring sends to itself: what it makes comes back and is accounted for."""
    rig = t.rig(nodes=1)
    _starts_and_stops(t, rig, ["net_ring0", "net_ring1"])


def _pcap(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(packets):
            file.write(struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame)


def test_pcap_ports_read_and_write_captures(t):
    """net_pcap: every recorded frame is received and accounted for; what is sent is written."""
    rig = t.rig(nodes=1)
    pod = rig.pod()
    stray = [rig.tunnelled(frames.udp("10.128.0.99", topology.NOBODY, 1000 + n, 53))
             for n in range(20)]
    ask = frames.ethernet(frames.BROADCAST, topology.OUTSIDE_MAC, frames.ETH_ARP, frames.arp(
        1, topology.OUTSIDE_MAC, topology.OUTSIDE, "00:00:00:00:00:00", topology.PAYMENTS_IP))
    _pcap(rig.ground.path("in0"), stray)
    _pcap(rig.ground.path("in1"), [ask])
    _starts_and_stops(t, rig, ["net_pcap%d,rx_pcap=%s,tx_pcap=%s" % (
        n, rig.ground.path("in%d" % n), rig.ground.path("out%d" % n)) for n in range(2)])
    t.eventually(lambda: rig.gateway.counters()["port.underlay.received"] == len(stray), "received")
    t.eventually(lambda: rig.gateway.counters()["packets.answered"] == 1, "the ARP request")
    # The MAC of a net_pcap port is its own, so unicast to another one may be refused before that.
    t.equal(sum(rig.gateway.drops().values()), len(stray), "dropped: %s" % rig.gateway.drops())
    t.equal(rig.gateway.stop()[0], 0, "exit status")
    sent = [frames.Packet(frame) for _, frame, _ in frames.read_pcap(rig.ground.path("out1"))]
    t.check(any(p.operation == 2 and p.src == topology.PAYMENTS_IP for p in sent),
            "no ARP reply in %s" % sent)
    t.check(pod.address not in [p.src for p in sent], "a leak")


def _huge_pages(kind):
    try:
        with open(HUGE_PAGES + kind, encoding="ascii") as file:
            return int(file.read())
    except FileNotFoundError:
        return 0


def _with_memory(t, memory):
    rig = t.rig(nodes=1).start(eal={"memory": memory})
    _traffic(t, rig)


def test_memory_no_huge(t):
    """no-huge needs nothing of the machine."""
    _with_memory(t, "no-huge")


def test_memory_auto(t):
    """auto takes what there is, on every machine."""
    _with_memory(t, "auto")


def _need_huge_pages(t):
    free = _huge_pages("free_hugepages")
    if free < NEEDED_PAGES:
        t.skip("%d free huge pages of 2 MiB, %d are needed: sysctl -w vm.nr_hugepages=%d" % (
            free, NEEDED_PAGES, NEEDED_PAGES))


def test_memory_in_memory(t):
    """in-memory takes huge pages without files."""
    _need_huge_pages(t)
    _with_memory(t, "in-memory")


def test_memory_hugepages(t):
    """hugepages takes them from a mounted hugetlbfs, here one that only the gateway sees."""
    _need_huge_pages(t)
    rig = t.rig(nodes=1)
    folder = rig.ground.path("huge")
    os.mkdir(folder)
    model = rig.model(eal={"memory": "hugepages"})
    rig.learn(model)
    rig.gateway.write(model)
    rig.gateway.launch("unshare", "--mount", "sh", "-c",
                       'mount -t hugetlbfs nodev "$0" && exec "$@"', folder)
    rig.gateway.wait_ready()
    _traffic(t, rig)


def test_memory_that_is_not_there(t):
    """hugepages or in-memory where there are none: exit 2, and what to type."""
    if any(_huge_pages(kind) for kind in ("nr_hugepages", "nr_overcommit_hugepages")):
        t.skip("this machine has huge pages")
    rig = t.rig(nodes=1)
    for memory in ("hugepages", "in-memory"):
        rig.gateway.write(rig.model(eal={"memory": memory}))
        done = rig.gateway_ns.run(rig.gateway.program("postern"), "-c", rig.gateway.config_path,
                                  check=False)
        t.equal(done.returncode, ENVIRONMENT, "exit status with %s: %s" % (memory, done.stderr))
        t.check("nr_hugepages" in done.stderr + done.stdout, "no advice: " + done.stderr)


def test_an_interface_too_small_for_the_mtu(t):
    """A port's MTU beyond its interface's: exit 2, the port is named, and what to type."""
    rig = t.rig(nodes=1)
    model = rig.model()
    model["ports"][1]["mtu"] = 9216
    rig.gateway.write(model)
    rig.gateway.launch()
    t.equal(rig.gateway.wait_exit(20), ENVIRONMENT, "exit status")
    for words in ("uplink", "ip link set dev upl mtu 9216"):
        t.check(words in rig.gateway.log(), "the log lacks %s: %s" % (words, rig.gateway.log()))
    t.check(not os.path.lexists(rig.gateway.socket_path), "a socket is there")


if __name__ == "__main__":
    main()
