"""Builds and reads Ethernet, ARP, IPv4, UDP, TCP, ICMP, VXLAN and Geneve: what the cases send by
hand, and what captures hold. Written anew here so that the gateway's own packet code is not its own
judge."""
import socket
import struct

ETH_IP, ETH_ARP, ETH_IPV6, ETH_VLAN = 0x0800, 0x0806, 0x86dd, 0x8100
ICMP, TCP, UDP = 1, 6, 17
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
VXLAN_PORT, GENEVE_PORT = 4789, 6081
BROADCAST = "ff:ff:ff:ff:ff:ff"
ICMP_ERRORS = (3, 4, 5, 11, 12)


def ip4(text):
    return socket.inet_aton(text)


def ip4_text(packed):
    return socket.inet_ntoa(packed)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def mac_text(packed):
    return ":".join("%02x" % byte for byte in packed)


def checksum(data):
    """The Internet checksum (RFC 1071); 0 over data that holds its own right checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


# ---- building

def ethernet(dst, src, kind, payload):
    return mac(dst) + mac(src) + struct.pack("!H", kind) + payload


def arp(operation, sender_mac, sender, target_mac, target):
    return (struct.pack("!HHBBH", 1, ETH_IP, 6, 4, operation) + mac(sender_mac) + ip4(sender) +
            mac(target_mac) + ip4(target))


def ip_packet(src, dst, protocol, payload, ttl=64, ident=0, flags=0x4000):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, flags, ttl, protocol, 0,
                       ip4(src), ip4(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def _pseudo(src, dst, protocol, length):
    return ip4(src) + ip4(dst) + struct.pack("!BBH", 0, protocol, length)


def udp(src, dst, sport, dport, data=b"", **ip):
    body = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    total = checksum(_pseudo(src, dst, UDP, len(body)) + body) or 0xffff
    return ip_packet(src, dst, UDP, body[:6] + struct.pack("!H", total) + body[8:], **ip)


def tcp(src, dst, sport, dport, flags, seq=0, ack=0, options=b"", data=b"", window=65535, **ip):
    offset = (20 + len(options)) // 4 << 4
    body = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, offset, flags, window, 0, 0)
    body += options + data
    total = checksum(_pseudo(src, dst, TCP, len(body)) + body)
    return ip_packet(src, dst, TCP, body[:16] + struct.pack("!H", total) + body[18:], **ip)


def icmp(src, dst, kind, code, rest=b"\0\0\0\0", data=b"", **ip):
    body = struct.pack("!BBH", kind, code, 0) + rest + data
    return ip_packet(src, dst, ICMP, body[:2] + struct.pack("!H", checksum(body)) + body[4:], **ip)


def echo_request(src, dst, ident, sequence, data=b"", **ip):
    return icmp(src, dst, 8, 0, struct.pack("!HH", ident, sequence), data, **ip)


def vxlan(vni, inner_frame, flags=0x08):
    return struct.pack("!B3xI", flags, vni << 8) + inner_frame


# ---- reading

class Packet:
    """An Ethernet frame taken apart, without the VLAN tag that it had. Fields that it does not have
    are None."""

    def __init__(self, frame):
        self.vlan = None
        if frame[12:14] == ETH_VLAN.to_bytes(2, "big"):
            self.vlan = struct.unpack("!H", frame[14:16])[0] & 0xfff
            frame = frame[:12] + frame[16:]
        self.frame = frame
        self.dst_mac, self.src_mac = mac_text(frame[0:6]), mac_text(frame[6:12])
        self.kind = struct.unpack("!H", frame[12:14])[0]
        self.src = self.dst = self.protocol = self.sport = self.dport = self.flags = None
        self.type = self.code = self.ident = self.ttl = self.operation = self.tos = None
        self.seq = self.ack = None
        self.data = self.ip = b""
        if self.kind == ETH_ARP and len(frame) >= 42:
            self.operation = struct.unpack("!H", frame[20:22])[0]
            self.sender_mac, self.target_mac = mac_text(frame[22:28]), mac_text(frame[32:38])
            self.src, self.dst = ip4_text(frame[28:32]), ip4_text(frame[38:42])
        if self.kind == ETH_IP and len(frame) >= 34:
            self._read_ip(frame[14:])

    def _read_ip(self, packet):
        length = struct.unpack("!H", packet[2:4])[0]
        self.ip = packet[:length]
        self.total_length = length
        self.tos, self.ttl, self.protocol = packet[1], packet[8], packet[9]
        self.src, self.dst = ip4_text(packet[12:16]), ip4_text(packet[16:20])
        header = (packet[0] & 15) * 4
        body = self.ip[header:]
        if struct.unpack("!H", packet[6:8])[0] & 0x1fff:
            return
        if self.protocol in (TCP, UDP) and len(body) >= 8:
            self.sport, self.dport = struct.unpack("!HH", body[:4])
        if self.protocol == UDP:
            self.data = body[8:]
        if self.protocol == TCP and len(body) >= 20:
            self.seq, self.ack = struct.unpack("!II", body[4:12])
            self.flags = body[13]
            self.options = body[20:(body[12] >> 4) * 4]
            self.data = body[(body[12] >> 4) * 4:]
        if self.protocol == ICMP and len(body) >= 8:
            self.type, self.code = body[0], body[1]
            self.ident = struct.unpack("!H", body[4:6])[0]
            self.data = body[8:]

    @property
    def is_icmp_error(self):
        return self.protocol == ICMP and self.type in ICMP_ERRORS

    def quoted(self):
        """The packet that an ICMP error quotes (perhaps cut)."""
        return Packet(b"\0" * 12 + b"\x08\x00" + self.data.ljust(28, b"\0"))

    def inner(self):
        """The frame inside a tunnel packet, None when this is none."""
        if self.protocol != UDP or self.dport not in (VXLAN_PORT, GENEVE_PORT):
            return None
        begin = 8 + len(self.tunnel_options)
        return Packet(self.data[begin:]) if len(self.data) >= begin + 34 else None

    @property
    def tunnel_options(self):
        """Geneve's options; VXLAN has none."""
        if self.dport != GENEVE_PORT or not self.data:
            return b""
        return self.data[8:8 + (self.data[0] & 0x3f) * 4]

    @property
    def vni(self):
        return int.from_bytes(self.data[4:7], "big")

    def mss(self):
        """The MSS option of a SYN, None without one."""
        at = 0
        while at < len(self.options) and self.options[at]:
            if self.options[at] == 1:
                at += 1
                continue
            if self.options[at] == 2:
                return struct.unpack("!H", self.options[at + 2:at + 4])[0]
            at += max(self.options[at + 1], 2)
        return None

    def fault(self):
        """What is wrong with lengths or checksums of a whole frame; None when all is right."""
        if self.kind != ETH_IP:
            return None
        packet = self.ip
        if len(packet) != self.total_length:
            return "IP length %d, %d bytes there" % (self.total_length, len(packet))
        header = (packet[0] & 15) * 4
        if checksum(packet[:header]):
            return "bad IP checksum"
        if struct.unpack("!H", packet[6:8])[0] & 0x3fff:
            return None
        return self._body_fault(packet[header:])

    def _body_fault(self, body):
        if self.protocol == ICMP and checksum(body):
            return "bad ICMP checksum"
        pseudo = _pseudo(self.src, self.dst, self.protocol, len(body))
        if self.protocol == TCP and checksum(pseudo + body):
            return "bad TCP checksum"
        if self.protocol == UDP:
            if struct.unpack("!H", body[4:6])[0] != len(body):
                return "bad UDP length"
            if body[6:8] != b"\0\0" and checksum(pseudo + body):
                return "bad UDP checksum"
        if self.is_icmp_error and checksum(self.data[:(self.data[0] & 15) * 4]):
            return "bad IP checksum in the quoted packet"
        return None

    def __repr__(self):
        if self.kind == ETH_ARP:
            return "ARP %s %s -> %s" % (
                {1: "request", 2: "reply"}.get(self.operation, "?"), self.src, self.dst)
        if self.kind != ETH_IP:
            return "frame of type 0x%04x from %s" % (self.kind, self.src_mac)
        name = {ICMP: "icmp", TCP: "tcp", UDP: "udp"}.get(self.protocol, str(self.protocol))
        ports = "" if self.sport is None else " %d -> %d" % (self.sport, self.dport)
        extra = "" if self.type is None else " type %d code %d" % (self.type, self.code)
        extra += "" if self.flags is None else " flags 0x%02x" % self.flags
        return "%s %s -> %s%s%s ttl %d, %d bytes" % (
            name, self.src, self.dst, ports, extra, self.ttl, self.total_length)


def read_pcap(path):
    """(seconds, frame, length on the wire) of each record of a pcap file; a cut tail is not."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 24:
        return
    magic = struct.unpack("<I", data[:4])[0]
    order = "<" if magic in (0xa1b2c3d4, 0xa1b23c4d) else ">"
    fraction = 1e-9 if magic in (0xa1b23c4d, 0x4d3cb2a1) else 1e-6
    at = 24
    while at + 16 <= len(data):
        seconds, part, kept, length = struct.unpack(order + "IIII", data[at:at + 16])
        frame = data[at + 16:at + 16 + kept]
        if len(frame) < kept:
            return
        yield seconds + part * fraction, frame, length
        at += 16 + kept
