"""Captures on both sides of the gateway, and the judgement over them: nothing untranslated, no
foreign address, nothing but our own tunnel to known nodes, and every checksum right."""
import os
import re
import signal
import time

from . import frames

SNAP_HEADERS = 128
MOST_COMPLAINTS = 6


class Capture:
    """tcpdump of what arrives at the far end of a gateway's port, that is, of what it sent."""

    def __init__(self, namespace, device, path, headers_only=False, only=None):
        self.path, self._ground = path, namespace.ground
        self.whole = not headers_only
        self._said = path + ".log"
        # Bulk is read from the kernel in blocks; otherwise each frame is there at once.
        how = ["-s", str(SNAP_HEADERS)] if headers_only else ["--immediate-mode"]
        with open(self._said, "w", encoding="utf-8") as said:
            self._process = namespace.popen(
                "tcpdump", "-i", device, "-Q", "in", "-n", "-U", "-B", "65536", *how,
                "-w", path, "-Z", "root", *([only] if only else []), stderr=said)
        end = time.monotonic() + 10
        while "listening on" not in self._log():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("tcpdump on %s did not start: %s" % (device, self._log()))
            time.sleep(0.01)

    def _log(self):
        with open(self._said, encoding="utf-8") as said:
            return said.read()

    def stop(self):
        """Ends it; the number of frames that the kernel could not hand over."""
        if self._process.poll() is None:
            time.sleep(0.05)
            self._ground.stop(self._process, signal.SIGINT)
        lost = re.search(r"(\d+) packets? dropped by kernel", self._log())
        return int(lost.group(1)) if lost else 0

    close = stop

    def packets(self):
        """The frames so far, in order."""
        if not os.path.exists(self.path):
            return
        for _, frame, length in frames.read_pcap(self.path):
            packet = frames.Packet(frame)
            packet.cut = len(frame) < length
            yield packet


def uplink_complaints(packets, allowed, own):
    """What on an uplink breaks the promise: sources must be in `allowed`; `own` (the uplink's
    address) may send ICMP and ARP."""
    for packet in packets:
        if packet.kind == frames.ETH_ARP:
            if packet.src not in allowed and packet.src != own:
                yield "uplink: foreign sender in %r" % packet
            continue
        if packet.kind != frames.ETH_IP:
            yield "uplink: %r" % packet
            continue
        if packet.src not in allowed and not (
                packet.src == own and packet.protocol == frames.ICMP):
            yield "uplink: LEAK: %r" % packet
        if not packet.cut and packet.fault():
            yield "uplink: %s: %r" % (packet.fault(), packet)


def _tunnel_header_is_odd(packet):
    """Whether reserved bits are set, or the header says more than a VNI and an Ethernet frame."""
    head = packet.data
    if packet.dport == frames.GENEVE_PORT:
        return bool(head[0] >> 6 or head[1] & ~0x40 or head[2:4] != b"\x65\x58" or head[7])
    return head[:4] != b"\x08\0\0\0" or bool(head[7])


def underlay_complaints(packets, vtep, nodes):
    """The same for the underlay: only tunnels and ICMP from our VTEP to known nodes, and ARP."""
    for packet in packets:
        if packet.kind == frames.ETH_ARP:
            if packet.src != vtep:
                yield "underlay: foreign sender in %r" % packet
            continue
        inner = packet.inner()
        if packet.kind != frames.ETH_IP or packet.src != vtep or packet.dst not in nodes or (
                inner is None and packet.protocol != frames.ICMP):
            yield "underlay: unexpected %r" % packet
            continue
        if packet.cut:
            continue
        if packet.fault():
            yield "underlay: %s: %r" % (packet.fault(), packet)
        if inner is not None:
            if _tunnel_header_is_odd(packet):
                yield "underlay: odd tunnel header: %s" % packet.data[:8].hex()
            if inner.fault():
                yield "underlay: inner %s: %r" % (inner.fault(), inner)


def few(complaints):
    """The first of many complaints, with their number."""
    found = list(complaints)
    more = len(found) - MOST_COMPLAINTS
    return found[:MOST_COMPLAINTS] + (["... and %d more like these" % more] if more > 0 else [])
