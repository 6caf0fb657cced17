"""Servers with ordinary sockets, and the raw end of a wire for frames made by hand."""
import hashlib
import http.server
import selectors
import socket
import threading
import time

from . import frames

PACKET_IGNORE_OUTGOING = 23
PACKET_QDISC_BYPASS = 20
SOL_PACKET = 263
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER_BYTES = 16 << 20


class Echo:
    """UDP and TCP on one address and port. UDP answers begin with "ADDRESS|PORT|", the source as
    the server saw it, and a TCP connection with that as its first line; the rest is an echo."""

    def __init__(self, namespace, address, port):
        self.address, self.port = address, port
        self._selector = selectors.DefaultSelector()
        self._udp = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        self._udp.bind((address, port))
        self._listener = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(1024)
        for sock, serve in ((self._udp, self._datagrams), (self._listener, self._accept)):
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ, serve)
        self.seen = set()
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending:
            for key, _ in self._selector.select(0.1):
                try:
                    key.data(key.fileobj)
                except BlockingIOError:
                    pass
                except OSError:
                    if key.fileobj not in (self._udp, self._listener):
                        self._drop(key.fileobj)

    def _datagrams(self, sock):
        while True:
            data, peer = sock.recvfrom(65536)
            self.seen.add(peer[0])
            sock.sendto(b"%s|%d|" % (peer[0].encode(), peer[1]) + data, peer)

    def _accept(self, sock):
        connection, peer = sock.accept()
        self.seen.add(peer[0])
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ, self._stream)
        connection.send(b"%s|%d\n" % (peer[0].encode(), peer[1]))

    def _stream(self, sock):
        data = sock.recv(65536)
        if data:
            sock.send(data)
            return
        self._drop(sock)

    def _drop(self, sock):
        self._selector.unregister(sock)
        sock.close()

    def close(self):
        self._ending = True
        self._thread.join(2)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()


class Http:
    """GET answers `blob` (or what blob(address) returns for the client's address), PUT answers the
    SHA-256 of what came."""

    def __init__(self, namespace, address, port, blob):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self, body):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self._answer(blob(self.client_address[0]) if callable(blob) else blob)

            def do_PUT(self):
                left, digest = int(self.headers["Content-Length"]), hashlib.sha256()
                while left:
                    part = self.rfile.read(min(left, 1 << 18))
                    digest.update(part)
                    left -= len(part)
                self._answer(digest.hexdigest().encode())

            def log_message(self, *_):
                pass

        with namespace.enter():
            self._server = http.server.ThreadingHTTPServer((address, port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Wire:
    """AF_PACKET on one interface: sends frames made by hand, sees only what arrives there, without
    VLAN tags. `bare`: what it sends goes straight to the link, past the kernel's programs."""

    def __init__(self, namespace, device, bare=False):
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self._socket.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, bare)
        with namespace.enter():
            self._socket.bind((device, 3))

    def send(self, frame):
        self._socket.send(frame)

    def wait(self, wanted, timeout_s=2.0):
        """The first packet that arrives and that `wanted` accepts; None in vain."""
        return next(self.arriving(wanted, timeout_s), None)

    def arriving(self, wanted, timeout_s):
        """Every accepted packet that arrives within the time."""
        end = time.monotonic() + timeout_s
        while True:
            left = end - time.monotonic()
            self._socket.settimeout(max(left, 0.001))
            try:
                packet = frames.Packet(self._socket.recv(65536))
            except (TimeoutError, BlockingIOError):
                if left <= 0:
                    return
                continue
            if wanted(packet):
                yield packet

    def storm(self, made, count, per_second):
        """Sends `count` of the frames in turn, evenly over the time that they take at that rate;
        the seconds it took."""
        began, sent = time.monotonic(), 0
        while sent < count:
            due = min(count, int((time.monotonic() - began) * per_second) + 1)
            for number in range(sent, due):
                self._socket.send(made[number % len(made)])
            sent = max(sent, due)
            time.sleep(0.001)
        return time.monotonic() - began

    def flush(self):
        for _ in self.arriving(lambda packet: True, 0.0):
            pass

    def close(self):
        self._socket.close()


class ArpAnswerer:
    """Hosts that are there for ARP alone: answers for each address of `macs` ({address: MAC})."""

    def __init__(self, namespace, device, macs):
        self.macs, self.asked = dict(macs), set()
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self._socket.settimeout(0.1)
        with namespace.enter():
            self._socket.bind((device, frames.ETH_ARP))
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending:
            try:
                packet = frames.Packet(self._socket.recv(2048))
            except TimeoutError:
                continue
            mac = self.macs.get(packet.dst)
            if packet.operation != 1 or mac is None:
                continue
            self.asked.add(packet.dst)
            self._socket.send(frames.ethernet(packet.sender_mac, mac, frames.ETH_ARP, frames.arp(
                2, mac, packet.dst, packet.sender_mac, packet.src)))

    def close(self):
        self._ending = True
        self._thread.join(2)
        self._socket.close()
