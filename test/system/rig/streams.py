"""Traffic that runs beside a case and is held to account: questions by UDP, a stream by TCP."""
import threading
import time

STREAM_CHUNK = bytes(range(256)) * 16


class Questions(threading.Thread):
    """Asks an Echo by UDP all the time, numbered, every tenth time from a fresh port; remembers
    which numbers were answered."""

    def __init__(self, pod, server, gap_s=0.002):
        super().__init__(daemon=True)
        self._pod, self._server, self._gap_s = pod, server, gap_s
        self.asked, self.answered, self.sources = 0, set(), set()
        self._ending = False
        self._socks = [pod.udp(timeout_s=0)]
        self.start()

    def _collect(self, socks):
        for sock in socks:
            try:
                while True:
                    source, _, number = sock.recv(2048).split(b"|")
                    self.answered.add(int(number))
                    self.sources.add(source.decode())
            except BlockingIOError:
                pass

    def run(self):
        while not self._ending:
            if self.asked % 10 == 0:
                self._socks.append(self._pod.udp(timeout_s=0))
            sock = self._socks[0] if self.asked % 2 else self._socks[-1]
            sock.sendto(b"%d" % self.asked, (self._server.address, self._server.port))
            self.asked += 1
            self._collect({self._socks[0], *self._socks[-5:]})
            time.sleep(self._gap_s)

    def finish(self):
        """Waits for what is still under way; the numbers without an answer."""
        self._ending = True
        self.join(5)
        end = time.monotonic() + 2
        while len(self.answered) < self.asked and time.monotonic() < end:
            time.sleep(0.02)
            self._collect(self._socks)
        for sock in self._socks:
            sock.close()
        return sorted(set(range(self.asked)) - self.answered)


class Stream(threading.Thread):
    """A TCP connection that sends and compares what comes back until it is told to end."""

    def __init__(self, sock):
        super().__init__(daemon=True)
        self._sock, self._ending = sock, False
        self.bytes, self.fault = 0, None
        self.start()

    def run(self):
        try:
            while not self._ending:
                self._sock.sendall(STREAM_CHUNK)
                got = b""
                while len(got) < len(STREAM_CHUNK):
                    part = self._sock.recv(65536)
                    if not part:
                        raise ConnectionError("closed by the other side")
                    got += part
                if got != STREAM_CHUNK:
                    raise ValueError("the echo differs after %d bytes" % self.bytes)
                self.bytes += len(got)
                time.sleep(0.002)
        except (OSError, ValueError) as error:
            self.fault = error

    def finish(self):
        self._ending = True
        self.join(5)
        self._sock.close()
        return self.fault


def nothing_lost(t, questions, addresses, streams, least):
    """Ends them all: every question was answered, more than `least` each, from its own address,
    and no stream broke."""
    for question, address in zip(questions, addresses):
        lost = question.finish()
        t.check(question.asked > least, "only %d questions were asked" % question.asked)
        t.equal(lost[:20], [], "questions without an answer (of %d)" % question.asked)
        t.equal(question.sources, {address}, "sources")
    for stream in streams:
        t.equal(stream.finish(), None, "the TCP stream")
        t.check(stream.bytes > 100000, "only %d bytes went round" % stream.bytes)
