"""The end of a tunnel of some IP protocol, in a namespace: what the kernel sends into a TUN device
leaves wrapped behind a header, by a raw socket of the protocol, and what comes is unwrapped. So any
program of the kernel's own stack speaks through GRE, IP in IP, or what looks like ESP, also where
the kernel has no such device."""
import errno
import fcntl
import os
import selectors
import socket
import struct
import threading

IPIP, GRE, ESP, SCTP = 4, 47, 50, 132
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 0x0001, 0x1000
# RFC 2784: nothing optional, IPv4 inside. What stands for ESP: an SPI and a sequence number.
HEADERS = {IPIP: b"", GRE: b"\0\0\x08\0", ESP: struct.pack("!II", 0x1001, 1)}


class End:
    """`local` talks to `remote`; the device `name` gets the address `inside`/30."""

    def __init__(self, namespace, name, protocol, local, remote, inside, mtu=1400):
        self.heard, self._header, self._remote = 0, HEADERS[protocol], remote
        self._socket = namespace.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
        self._socket.bind((local, 0))
        with namespace.enter():
            self._tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(self._tun, TUNSETIFF, struct.pack("16sH14x", name.encode(),
                                                          IFF_TUN | IFF_NO_PI))
        namespace.ip("addr add %s/30 dev %s" % (inside, name),
                     "link set %s mtu %d up" % (name, mtu))
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ, self._unwrap)
            selector.register(self._tun, selectors.EVENT_READ, self._wrap)
            while not self._ending:
                for key, _ in selector.select(0.1):
                    try:
                        key.data()
                    except OSError as error:
                        # What the network says of earlier packets, and frames that no host sent.
                        if error.errno in (errno.EBADF, errno.ENODEV):
                            return

    def _wrap(self):
        self._socket.sendto(self._header + os.read(self._tun, 65536), (self._remote, 0))

    def _unwrap(self):
        packet, (source, _) = self._socket.recvfrom(65536)
        body = packet[(packet[0] & 15) * 4:]
        if source == self._remote and body.startswith(self._header):
            self.heard += 1
            os.write(self._tun, body[len(self._header):])

    def close(self):
        self._ending = True
        self._thread.join(2)
        os.close(self._tun)
        self._socket.close()


def between(rig, protocol, pod, server, number, outside_sees, mtu=1400):
    """A tunnel from a pod to a server outside, which sees the pod as `outside_sees`: the ends and
    the address of the server inside."""
    inside = "172.20.%d." % number
    ends = [End(pod.namespace, "wp%d" % number, protocol, pod.address, server, inside + "1", mtu),
            End(rig.outside, "ws%d" % number, protocol, server, outside_sees, inside + "2", mtu)]
    for end in ends:
        rig.ground.add(end)
    return ends, inside + "2"


def crc32c(data):
    """Castagnoli's, as SCTP has it (RFC 9260 appendix A)."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def sctp(sport, dport, chunks, tag=0):
    """An SCTP packet: common header with its checksum, and chunks (type, flags, value)."""
    body = b"".join(struct.pack("!BBH", kind, flags, 4 + len(value)) + value +
                    b"\0" * (-len(value) % 4) for kind, flags, value in chunks)
    head = struct.pack("!HHII", sport, dport, tag, 0)
    return head[:8] + struct.pack("<I", crc32c(head + body)) + body


def sctp_parts(packet):
    """(source port, destination port, whether the checksum is right) of an SCTP packet."""
    sport, dport = struct.unpack("!HH", packet[:4])
    right = struct.unpack("<I", packet[8:12])[0] == crc32c(packet[:8] + b"\0" * 4 + packet[12:])
    return sport, dport, right
