"""The frames that every peer gets: UDP from pods, smallest frames, inside VXLAN or plain.

The flows are those of bench/conversation.h and bench/scenario.h, number by number: pods on nodes of
a hundred, servers all over 198.18.0.0/15. Inner and outer checksums are right. One seed decides the
order in which sessions come: every session once, in random order, then again in another order.
"""
import random
import struct

PODS_PER_NODE = 100
MIN_PODS, MAX_PODS, SESSIONS_PER_POD = 1000, 16000, 8
FIRST_SOURCE_PORT, REMOTE_PORT = 1024, 443
REMOTES, REMOTES_MASK = 0xC6120000, 0x0001FFFF  # 198.18.0.0/15
VTEP, VNI, VXLAN_PORT, FIRST_ENTROPY_PORT = 0x0A00FFFE, 100, 4789, 49152
CLUSTER_MAC = bytes((2, 0, 0, 0, 0, 0x10))
INNER_MAC = bytes((2, 0, 0, 0, 1, 1))  # the pods' gateway
IP_BYTES = 64 - 14 - 4  # of the smallest frame, whose checksum of 4 bytes is in no buffer
UDP_BYTES = IP_BYTES - 20
PLAIN_BYTES = 14 + IP_BYTES
TUNNEL_BYTES = 14 + 20 + 8 + 8
PROTOCOL_UDP = 17


def pods_of(sessions):
    return min(max(sessions // SESSIONS_PER_POD, MIN_PODS), MAX_PODS)


def nodes_of(sessions):
    return (pods_of(sessions) + PODS_PER_NODE - 1) // PODS_PER_NODE


def node_vtep(node):
    return 0x0A000001 + node


def node_mac(node):
    return bytes((2, 1, 0, 0, node >> 8 & 255, node & 255))


def conversation(pods, number):
    """(node, pod's address, source port, server's address) of a session."""
    pod = number % pods
    mixed = number * 0x9E3779B1 & 0xFFFFFFFF
    mixed = (mixed ^ mixed >> 15) * 0x85EBCA6B & 0xFFFFFFFF
    mixed ^= mixed >> 13
    node = pod // PODS_PER_NODE
    address = 0x0A800000 + (node << 8) + 1 + pod % PODS_PER_NODE
    return (node, address, FIRST_SOURCE_PORT + number // pods, REMOTES | mixed & REMOTES_MASK)


def folded(total):
    """The Internet checksum of a sum of 16-bit words (RFC 1071)."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def sum_of(data):
    return sum(struct.unpack("!%dH" % (len(data) // 2), data))


def _address_sum(source, destination):
    return (source >> 16) + (source & 0xFFFF) + (destination >> 16) + (destination & 0xFFFF)


def ip_header(source, destination, length, protocol=PROTOCOL_UDP):
    fixed = (0x4500, length, 0, 0, 64 << 8 | protocol)
    checksum = folded(sum(fixed) + _address_sum(source, destination))
    return struct.pack("!6H2I", *fixed, checksum, source, destination)


def tunnel_headers(node):
    """What stands before the pod's frame: Ethernet, IPv4, UDP, VXLAN."""
    inside = 8 + 8 + PLAIN_BYTES
    return (CLUSTER_MAC + node_mac(node) + b"\x08\x00"
            + ip_header(node_vtep(node), VTEP, 20 + inside)
            + struct.pack("!4H", FIRST_ENTROPY_PORT + node, VXLAN_PORT, inside, 0)
            + struct.pack("!2I", 0x08000000, VNI << 8))


_IP_FIXED = 0x4500 + IP_BYTES + (64 << 8 | PROTOCOL_UDP)
_UDP_FIXED = PROTOCOL_UDP + UDP_BYTES + UDP_BYTES + REMOTE_PORT
_PACKET = struct.Struct("!6H2I4H%dx" % (UDP_BYTES - 8))


def packet(source, source_port, destination):
    """The pod's IPv4 packet; its payload is zero."""
    addresses = _address_sum(source, destination)
    udp = folded(_UDP_FIXED + addresses + source_port) or 0xFFFF
    return _PACKET.pack(0x4500, IP_BYTES, 0, 0, 64 << 8 | PROTOCOL_UDP,
                        folded(_IP_FIXED + addresses), source, destination,
                        source_port, REMOTE_PORT, UDP_BYTES, udp)


def frames(sessions, encapsulated, inner_mac=INNER_MAC):
    """One frame a session, in the order of their numbers."""
    pods, before = pods_of(sessions), []
    for node in range(nodes_of(sessions)):
        inner = inner_mac + node_mac(node) + b"\x08\x00"
        before.append(tunnel_headers(node) + inner if encapsulated else inner)
    for number in range(sessions):
        node, pod, port, remote = conversation(pods, number)
        yield before[node] + packet(pod, port, remote)


def frame_bytes(encapsulated):
    return PLAIN_BYTES + (TUNNEL_BYTES if encapsulated else 0)


PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def write_pcap(path, sessions, encapsulated, orders, seed):
    """Every session `orders` times, each time in another random order. Returns the packets."""
    length = frame_bytes(encapsulated)
    record = struct.pack("<4I", 0, 0, length, length)
    records = [record + frame for frame in frames(sessions, encapsulated)]
    shuffle = random.Random(seed).shuffle
    with open(path, "wb") as file:
        file.write(PCAP_HEADER)
        for _ in range(orders):
            shuffle(records)
            file.write(b"".join(records))
    return sessions * orders
