#!/usr/bin/python3
"""Scanners and forgers with real tools: nmap from pods and from outside, hping3 into transfers."""
import hashlib
import os
import re
import signal
import time

from rig import frames, topology
from rig.case import main
from rig.streams import Stream

ODD_SCANS = ("-sA", "-sN", "-sX", "-sF")  # ACK, null, xmas, FIN
PORTS = "80,443,7000-7050"
PORT_COUNT = 53
BLOB_BYTES, RATE = 24 << 20, "6M"         # a transfer of four seconds
FORGERS_S, APART_US = 1.5, 5000
LEAST_RESETS = 100                        # of each forger
# How far the forged numbers are from what is expected next: behind, near, ahead, far off.
OFFSETS = (-100_003, 7, 30_011, 1 << 30)


def _nmap(namespace, device, source, target, *options, ports=PORTS):
    return namespace.run("nmap", "-n", "-Pn", "--send-ip", "--max-retries", "1", "-T5",
                         "--min-rate", "500", "-p", ports, *options, "-e", device, "-S", source,
                         target, timeout=60).stdout


def _sessions(rig):
    return rig.gateway.call("sessions.count")["count"]


def test_odd_scans_of_a_pod_find_nothing(t):
    """-sA, -sN, -sX and -sF towards a server with an open port: no answer, no session, nothing
    leaves; -sS finds the port, so the way is there."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    for number, scan in enumerate(ODD_SCANS, 1):
        said = _nmap(pod.namespace, "vx0", pod.address, server.address, scan)
        t.check("%d " % PORT_COUNT in said and "filtered tcp ports (no-response)" in said, said)
        t.dropped(rig, "bad-tcp-state", number * PORT_COUNT)
    t.equal([p for p in rig.left() if p.kind == frames.ETH_IP], [], "what left")
    t.equal(_sessions(rig), 0, "sessions")
    said = _nmap(pod.namespace, "vx0", pod.address, server.address, "-sS")
    t.check("%d/tcp open" % server.port in said and "52 closed" in said, said)


def test_scans_from_outside_find_nothing(t):
    """The same and -sS towards an egress address with a live session: no answer, nothing reaches
    the node, the session goes on."""
    rig = t.rig(nodes=1).start()
    server = rig.echo()
    sock, _ = t.dial(rig.pod(), server)
    stream, wire = Stream(sock), rig.node_wire()
    for number, scan in enumerate(("-sS",) + ODD_SCANS, 1):
        said = _nmap(rig.outside, "e0", topology.OUTSIDE, topology.PAYMENTS_IP, scan)
        t.check("%d " % PORT_COUNT in said and "filtered tcp ports (no-response)" in said, said)
        t.dropped(rig, "no-session", number * PORT_COUNT)

    def is_of_the_scanner(packet):
        inner = packet.inner()
        return inner is not None and inner.src == topology.OUTSIDE
    t.equal(list(wire.arriving(is_of_the_scanner, 0.2)), [], "what came to the node")
    t.equal(_sessions(rig), 1, "sessions")
    t.equal(stream.finish(), None, "the live session")


def test_scans_in_the_name_of_the_remote_change_nothing(t):
    """Null, xmas and FIN scans that bear the address and port of a session's remote."""
    rig = t.rig(nodes=1).start()
    server = rig.echo()
    stream = Stream(t.dial(rig.pod(), server)[0])
    row, = rig.gateway.call("sessions.list")["rows"]
    port = str(row["translated"]["sport"])
    for number, scan in enumerate(("-sN", "-sX", "-sF"), 1):
        said = _nmap(rig.outside, "e0", server.address, topology.PAYMENTS_IP, scan, "-g",
                     str(server.port), ports=port)
        t.check("open|filtered" in said, said)
        t.dropped(rig, "bad-tcp-state", number)
    t.equal(stream.finish(), None, "the live session")


def _reset(namespace, device, source, sport, target, dport, sequence):
    """hping3 that sends RSTs at one number."""
    return namespace.popen(
        "hping3", "-I", device, "-n", "-q", "-R", "-a", source, "-s", str(sport), "-k", "-p",
        str(dport), "-M", str(sequence % (1 << 32)), "-i", "u%d" % APART_US, target,
        stdout=-3, stderr=-1, text=True)


def _forge(t, rig, pod, server, transfer):
    """RSTs at wrong numbers in both directions while the transfer runs; how many."""
    def carrying():
        seen = [p for p in rig.left() if p.protocol == frames.TCP and p.dport == 80]
        return seen[-1] if len(seen) > 50 else None
    last = t.eventually(carrying, "the transfer runs", within_s=5)
    row, = rig.gateway.call("sessions.list", filter="port 80")["rows"]
    egress_port, pod_port = row["translated"]["sport"], row["original"]["sport"]
    forgers = []
    for offset in OFFSETS:
        forgers.append(_reset(rig.outside, "e0", server, 80, topology.PAYMENTS_IP, egress_port,
                              last.ack + offset))
        forgers.append(_reset(pod.namespace, "vx0", pod.address, pod_port, server, 80,
                              last.seq + offset))
    time.sleep(FORGERS_S)
    forged = 0
    for forger in forgers:
        forger.send_signal(signal.SIGINT)
        said = forger.communicate(timeout=10)[1]
        sent = re.search(r"(\d+) packets transmitted", said)
        t.check(sent and int(sent.group(1)) >= LEAST_RESETS, "hping3 sent too few: " + said)
        forged += int(sent.group(1))
    t.check(transfer.poll() is None, "the transfer ended before the forgers did")
    return forged


def test_resets_at_wrong_numbers_leave_a_transfer_alone(t):
    """hping3 from outside and from the pod's node into a download and an upload: all bytes arrive,
    every forged RST is dropped and counted."""
    rig = t.rig(nodes=1, headers_only=True).start()
    pod, server = rig.pod(), topology.SERVERS[0]
    blob = os.urandom(BLOB_BYTES)
    digest = hashlib.sha256(blob).hexdigest()
    rig.http(blob)
    path, got = rig.ground.path("blob"), rig.ground.path("got")
    with open(path, "wb") as file:
        file.write(blob)
    forged = 0
    for how in (("-o", got), ("-T", path)):
        transfer = pod.namespace.popen(
            "curl", "-sS", "--fail", "--max-time", "60", "--limit-rate", RATE, "--interface",
            pod.address, *how, "http://%s/blob" % server, stdout=-1, text=True)
        forged += _forge(t, rig, pod, server, transfer)
        said = transfer.communicate(timeout=60)[0]
        t.equal(transfer.returncode, 0, "exit of curl %s" % how[0])
        if how[0] == "-T":
            t.equal(said, digest, "SHA-256 of what the server got")
        t.dropped(rig, "bad-tcp-sequence", forged, within_s=5)
        rig.gateway.call("sessions.delete", filter="port 80")
    with open(got, "rb") as file:
        t.equal(hashlib.sha256(file.read()).hexdigest(), digest, "SHA-256 of what the pod got")


if __name__ == "__main__":
    main()
