#!/usr/bin/python3
"""Real programs through the gateway: curl, iperf3, ping, traceroute, dig."""
import hashlib
import json
import os
import time

from rig import topology
from rig.case import main

BLOB_BYTES = 100 * 1000 * 1000
IPERF_PORT = 5201


def test_curl_carries_100_megabytes_both_ways(t):
    """100 MB down and 100 MB up arrive with the same SHA-256."""
    rig = t.rig(nodes=1, headers_only=True).start()
    pod = rig.pod("payments")
    blob = os.urandom(1 << 20) * (BLOB_BYTES >> 20) + os.urandom(BLOB_BYTES % (1 << 20))
    digest = hashlib.sha256(blob).hexdigest()
    rig.http(blob)
    path, got = rig.ground.path("blob"), rig.ground.path("got")
    url = "http://%s/blob" % topology.SERVERS[0]
    curl = ("curl", "-sS", "--fail", "--max-time", "60", "--interface", pod.address)
    pod.run(*curl, "-o", got, url, timeout=70)
    with open(got, "rb") as file:
        t.equal(hashlib.sha256(file.read()).hexdigest(), digest, "SHA-256 of what the pod got")
    with open(path, "wb") as file:
        file.write(blob)
    answer = pod.run(*curl, "-T", path, url, timeout=70).stdout
    t.equal(answer, digest, "SHA-256 of what the server got")


def _iperf(t, rig, pod, *options):
    server = rig.outside.popen("iperf3", "-s", "-1", "-B", topology.SERVERS[0],
                               "-p", str(IPERF_PORT), stdout=-3, stderr=-3)
    t.eventually(lambda: ":%d" % IPERF_PORT in rig.outside.run("ss", "-tlnH").stdout,
                 "iperf3 listens")
    said = pod.run("iperf3", "-c", topology.SERVERS[0], "-p", str(IPERF_PORT), "-B", pod.address,
                   "-J", *options, timeout=40).stdout
    server.wait(5)
    return json.loads(said)["end"]


def test_iperf3_tcp_both_directions(t):
    """A TCP stream each way moves data for two seconds."""
    rig = t.rig(nodes=1, headers_only=True).start()
    pod = rig.pod("web")
    for direction in ((), ("-R",)):
        end = _iperf(t, rig, pod, "-t", "2", *direction)
        rate = end["sum_received"]["bits_per_second"] / 1e6
        t.check(rate > 20, "iperf3 %s: %.0f Mbit/s" % (" ".join(direction) or "forward", rate))


def test_iperf3_udp_loses_nothing_at_a_modest_rate(t):
    """20 Mbit/s of UDP each way, nothing lost."""
    rig = t.rig(nodes=1, headers_only=True).start()
    pod = rig.pod("payments")
    for direction in ((), ("-R",)):
        end = _iperf(t, rig, pod, "-u", "-b", "20M", "-l", "1200", "-t", "2", *direction)
        t.check(end["sum"]["packets"] > 3000, "only %s packets" % end["sum"]["packets"])
        t.equal(end["sum"]["lost_packets"], 0, "lost of %d" % end["sum"]["packets"])


def test_ping_comes_back(t):
    """Echoes of several sizes come back, and the server sees the egress address."""
    rig = t.rig(nodes=2).start()
    for name, node in (("payments", 1), ("web", 2)):
        pod = rig.pod(name, node)
        pod.run("ping", "-c", "1", "-W", "3", "-I", pod.address, topology.SERVERS[0])
        for size in ("0", "56", "1400"):
            said = pod.run("ping", "-c", "5", "-i", "0.02", "-W", "2", "-s", size, "-I",
                           pod.address, topology.SERVERS[0]).stdout
            t.check("5 received" in said, said)
    seen = {packet.src for packet in rig.left() if packet.type == 8}
    t.equal(seen, {topology.PAYMENTS_IP, topology.WEB_IP}, "sources of the echo requests")


def test_traceroute_shows_gateway_router_server(t):
    """By UDP, ICMP and TCP: the gateway's VTEP, the router, the server behind it."""
    rig = t.rig(nodes=1, far=True).start()
    pod = rig.pod("payments")
    t.ask(pod, rig.echo(topology.FAR_SERVER, namespace=rig.far))
    for way in ("-U", "-I", "-T"):
        said = pod.run("traceroute", "-n", way, "-q", "1", "-w", "2", "-m", "5", "-s", pod.address,
                       topology.FAR_SERVER, timeout=40).stdout
        hops = [line.split()[1] for line in said.splitlines()[1:]]
        t.equal(hops, [topology.VTEP, topology.OUTSIDE, topology.FAR_SERVER],
                "hops of traceroute %s" % way)


def test_names_are_resolved_over_udp(t):
    """dig in a pod asks dnsmasq outside."""
    rig = t.rig(nodes=2).start()
    rig.outside.popen(
        "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
        "--pid-file=", "--user=root", "--bind-interfaces",
        "--listen-address=" + topology.SERVERS[1], "--except-interface=lo", "--port=53",
        "--address=/db.example.com/203.0.113.77", stdout=-3, stderr=-3)
    time.sleep(0.3)
    for node in (1, 2):
        pod = rig.pod("web", node)
        for _ in range(5):
            said = pod.run("dig", "+short", "+tries=1", "+time=3", "-b", pod.address,
                           "@" + topology.SERVERS[1], "db.example.com").stdout
            t.equal(said.strip(), "203.0.113.77", "the answer of the name server")


if __name__ == "__main__":
    main()
