"""Clients of the control socket that keep at it: one who patches, one who only asks."""
import json
import socket
import threading
import time

from . import large


class Patcher(threading.Thread):
    """Sends patches of one pod at a fixed rate, without waiting for answers, and reads those."""

    def __init__(self, path, rate, seconds):
        super().__init__(daemon=True)
        self._rate, self._count = rate, rate * seconds
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.connect(path)
        self._lines = self._sock.makefile("r", encoding="utf-8")
        self._lines.readline()  # the greeting
        self.visible_us, self.answered_us, self.sent_at, self.faults = [], [], [], []

    def _read(self):
        for number in range(self._count):
            answer = json.loads(self._lines.readline())
            self.answered_us.append((time.monotonic() - self.sent_at[number]) * 1e6)
            if "result" in answer and answer["result"]["changed"] == 1:
                self.visible_us.append(answer["result"]["visible_after_us"])
            else:
                self.faults.append(answer)

    def run(self):
        reader = threading.Thread(target=self._read)
        reader.start()
        begin = time.monotonic()
        for number in range(self._count):
            wait = begin + number / self._rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            pod = number // 2
            change = {"add" if number % 2 == 0 else "remove":
                      {large.namespace(pod % large.NAMESPACES): [large.spare_pod(pod)]}}
            line = json.dumps({"jsonrpc": "2.0", "id": number, "method": "namespaces.patch",
                               "params": change})
            self.sent_at.append(time.monotonic())
            self._sock.sendall(line.encode() + b"\n")
        reader.join()


class Bystander(threading.Thread):
    """Another client, who asks for something small all the time."""

    def __init__(self, client, method="tunnels.list"):
        super().__init__(daemon=True)
        self._method = method
        self._client, self._ending = client, False
        self.answered_us = []
        self.start()

    def run(self):
        while not self._ending:
            begin = time.monotonic()
            self._client.call(self._method)
            self.answered_us.append((time.monotonic() - begin) * 1e6)
            time.sleep(0.005)

    def finish(self):
        self._ending = True
        self.join(5)
        return self.answered_us
