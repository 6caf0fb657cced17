#!/usr/bin/python3
"""How long questions about a million live sessions take, and who waits meanwhile: sessions.count,
sessions.top, and config.apply with `revalidate`.

  sudo bench/many_sessions.py [--bin DIR] [--remotes 16]

A pod begins 62,000 UDP sessions with each of the remotes. Needs root: it makes network namespaces,
as the system tests do, and uses their rig.
"""
import os
import struct
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../test/system"))

from rig import case, frames  # noqa: E402
from rig.topology import SERVERS  # noqa: E402
from scale import met_during, run  # noqa: E402

SPORTS = range(2000, 64000)
# Ethernet, IPv4, UDP and VXLAN of the tunnel, Ethernet and IPv4 of the pod.
UDP_AT = 14 + 20 + 8 + 8 + 14 + 20


def open_sessions(rig, remotes):
    """One packet for each; what the kernel loses is sent again."""
    pod = rig.pod("lab", 1)
    frame = bytearray(rig.tunnelled(frames.udp(pod.address, SERVERS[0], 1, 1, b"first")))
    struct.pack_into("!H", frame, UDP_AT + 6, 0)  # no checksum
    struct.pack_into("!H", frame, 14 + 20 + 6, 0)
    wire = rig.node_wire()
    wanted = len(SPORTS) * remotes
    for _ in range(4):
        for remote in range(remotes):
            for n, sport in enumerate(SPORTS):
                struct.pack_into("!HH", frame, UDP_AT, sport, 10000 + remote)
                wire.send(bytes(frame))
                if n % 200 == 199:
                    time.sleep(0.002)
        if rig.gateway.counters()["session.active"] >= wanted:
            break
    print("%d live sessions" % rig.gateway.counters()["session.active"])


def measure(test, options):
    rig = test.rig(headers_only=True)
    policy = {"egress_ips": rig.model()["egress_ips"] + [
        {"name": "lab-out", "namespaces": ["lab"], "addresses": ["192.0.2.57"]}]}
    rig.start(sessions={"max": 1 << 20}, eal={"memory_mb": 512}, **policy)
    server = rig.echo()
    print("no questions, for comparison")
    met_during(rig, server, lambda: time.sleep(3), "rpc.discover")
    open_sessions(rig, options.remotes)

    def ask(method, **params):
        print("%s %s" % (method, " ".join("%s=%s" % each for each in params.items())))

        def work():
            begin = time.monotonic()
            rig.gateway.call(method, **params)
            print("  took %.2f s" % (time.monotonic() - begin))
        met_during(rig, server, work, "rpc.discover")

    ask("sessions.count", filter="namespace lab")
    ask("tunnels.list")
    for by in ("pods", "destinations"):
        ask("sessions.top", by=by)
    ask("config.apply", revalidate=True)


def main():
    line = case.parser(__doc__)
    line.add_argument("--remotes", type=int, default=16)
    run(line, measure)


if __name__ == "__main__":
    main()
