"""A client of the control socket: JSON-RPC 2.0, one JSON value a line."""
import json
import socket
import time


class RpcError(RuntimeError):
    """The gateway answered with an error; `error` is it as sent."""

    def __init__(self, method, error):
        super().__init__("%s: %s" % (method, json.dumps(error)[:1000]))
        self.error = error


class Client:
    """One connection. One thread at a time."""

    def __init__(self, path, timeout_s=10.0):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        self._socket.connect(path)
        self._received, self._last_id = b"", 0
        self.hello = self._line()

    def _line(self):
        while b"\n" not in self._received:
            more = self._socket.recv(1 << 20)
            if not more:
                raise ConnectionError("the control socket was closed")
            self._received += more
        line, self._received = self._received.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, **params):
        """The result of a method; RpcError for an error answer."""
        self._last_id += 1
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self._line()
            if answer.get("id") == self._last_id:
                break
        if "error" in answer:
            raise RpcError(method, answer["error"])
        return answer["result"]

    def close(self):
        self._socket.close()


def connect(path, wait_s, alive):
    """Connects as soon as the socket answers; None when `alive()` turns false or time is up."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        try:
            return Client(path)
        except (OSError, ConnectionError, ValueError):
            if not alive():
                return None
            time.sleep(0.02)
    return None
