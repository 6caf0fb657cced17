#!/usr/bin/python3
"""The judge of the system tests is judged: each kind of leak and damage must be complained of, and
good traffic must not. Needs neither root nor a gateway."""
import os
import struct
import tempfile
import unittest

from rig import capture, frames, settings

ALLOWED, OWN, VTEP, NODE = {"192.0.2.50"}, "192.0.2.10", "10.0.0.254", "10.0.0.1"
MAC = "02:00:00:00:00:01"


def _packet(ip, cut=False):
    packet = frames.Packet(frames.ethernet(MAC, MAC, frames.ETH_IP, ip))
    packet.cut = cut
    return packet


def _arp(sender):
    packet = frames.Packet(frames.ethernet(MAC, MAC, frames.ETH_ARP, frames.arp(
        1, MAC, sender, MAC, "192.0.2.1")))
    packet.cut = False
    return packet


def _damaged(ip, at):
    changed = bytearray(ip)
    changed[at] ^= 0x41
    return bytes(changed)


def _tunnelled(inner, src=VTEP, dst=NODE):
    frame = frames.ethernet(MAC, MAC, frames.ETH_IP, inner)
    return _packet(frames.udp(src, dst, 50000, frames.VXLAN_PORT, frames.vxlan(100, frame)))


GOOD = frames.udp("192.0.2.50", "203.0.113.1", 4000, 53, b"question")


class Uplink(unittest.TestCase):
    def complaints(self, *packets):
        return list(capture.uplink_complaints(packets, ALLOWED, OWN))

    def test_good_traffic(self):
        syn = frames.tcp("192.0.2.50", "203.0.113.1", 4000, 80, frames.SYN, options=b"\2\4\5\xb4")
        echo = frames.echo_request("192.0.2.50", "203.0.113.1", 7, 1, b"abc")
        error = frames.icmp(OWN, "203.0.113.1", 11, 0, data=GOOD[:28])
        self.assertEqual(self.complaints(_packet(GOOD), _packet(syn), _packet(echo),
                                         _packet(error), _arp(OWN), _arp("192.0.2.50")), [])

    def test_leaks(self):
        for source in ("10.128.0.11", "192.0.2.51", OWN):
            leak = frames.udp(source, "203.0.113.1", 4000, 53)
            self.assertIn("LEAK", self.complaints(_packet(leak))[0])
            self.assertIn("LEAK", self.complaints(_packet(leak, cut=True))[0])

    def test_foreign_arp_and_other_kinds_of_frame(self):
        self.assertEqual(len(self.complaints(_arp("192.0.2.1"))), 1)
        other = frames.Packet(frames.ethernet(MAC, MAC, frames.ETH_IPV6, b"\x60" + b"\0" * 60))
        self.assertEqual(len(self.complaints(other)), 1)

    def test_damage(self):
        tcp = frames.tcp("192.0.2.50", "203.0.113.1", 4000, 80, frames.ACK, data=b"data")
        error = frames.icmp("192.0.2.50", "203.0.113.1", 3, 3, data=_damaged(GOOD[:28], 8))
        for ip, words in ((_damaged(GOOD, 8), "IP checksum"), (_damaged(GOOD, -1), "UDP checksum"),
                          (_damaged(tcp, -1), "TCP checksum"), (error, "quoted packet"),
                          (_damaged(frames.echo_request("192.0.2.50", "203.0.113.1", 1, 1), -1),
                           "ICMP checksum"), (GOOD[:-3], "IP length")):
            self.assertIn(words, " ".join(self.complaints(_packet(ip))))
            self.assertEqual(self.complaints(_packet(ip, cut=True)), [])


class Underlay(unittest.TestCase):
    def complaints(self, *packets):
        for packet in packets:
            packet.cut = False
        return list(capture.underlay_complaints(packets, VTEP, {NODE}))

    def test_good_traffic(self):
        echo = _packet(frames.icmp(VTEP, NODE, 0, 0))
        self.assertEqual(self.complaints(_tunnelled(GOOD), echo, _arp(VTEP)), [])

    def test_what_does_not_belong_there(self):
        for packet in (_tunnelled(GOOD, dst="10.0.0.9"), _tunnelled(GOOD, src="10.0.0.9"),
                       _packet(GOOD), _arp("192.0.2.50"), _tunnelled(_damaged(GOOD, -1)),
                       _packet(frames.udp(VTEP, NODE, 1, 53))):
            self.assertEqual(len(self.complaints(packet)), 1, packet)

    def test_reserved_bits(self):
        frame = frames.ethernet(MAC, MAC, frames.ETH_IP, GOOD)
        odd = frames.vxlan(100, frame, flags=0x0c)
        packet = _packet(frames.udp(VTEP, NODE, 50000, frames.VXLAN_PORT, odd))
        self.assertIn("odd tunnel header", self.complaints(packet)[0])


class Captures(unittest.TestCase):
    def test_a_cut_tail_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.pcap")
            record = struct.pack("<IIII", 1, 500000, 4, 60) + b"abcd"
            with open(path, "wb") as file:
                file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
                file.write(record + record[:-1])
            self.assertEqual(list(frames.read_pcap(path)), [(1.5, b"abcd", 60)])

    def test_many_complaints_are_cut_short(self):
        self.assertEqual(capture.few(iter("ab")), ["a", "b"])
        self.assertEqual(len(capture.few(iter("abcdefghijkl"))), capture.MOST_COMPLAINTS + 1)


class Settings(unittest.TestCase):
    def test_libconfig_text(self):
        text = settings.text({"version": 1, "eal": {"args": [], "big": 1 << 40, "on": True},
                              "nodes": [{"name": "a\"b", "pod_cidrs": ["10.0.0.0/8"]}]})
        self.assertEqual(text, 'version = 1;\neal : {\n  args = [  ];\n  big = 1099511627776L;\n'
                         '  on = true;\n};\nnodes = (\n  {\n    name = "a\\"b";\n'
                         '    pod_cidrs = [ "10.0.0.0/8" ];\n  }\n);\n')


if __name__ == "__main__":
    unittest.main()
