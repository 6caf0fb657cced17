"""Runs the cases of one file: every function `test_...(t)` of the program's main module.

  NAME.py --bin DIR [CASE...]     CASE: a part of a case's name; --list names them

POSTERN_VERDICTS names a folder for a file NAME.py.txt with a line "PASS test_..." for each case.

A case gets a Test: it builds rigs, and after it, passed or failed, each gateway is stopped and
judged. Exit status 0: all passed; 1: a case failed; 77: every case was skipped.
"""
import argparse
import os
import sys
import time
import traceback

from . import topology
from .ground import Ground, signals_raise, signals_wait, sweep

SKIPPED = 77


class Failed(AssertionError):
    """An expectation was not met."""


class Skipped(Exception):
    """The machine cannot show what the case asks; the text says why."""


class Test:
    """What a case works with."""

    def __init__(self, options):
        self.options = options
        self._grounds, self._rigs = [], []

    def ground(self):
        ground = Ground(keep=self.options.keep)
        self._grounds.append(ground)
        return ground

    def rig(self, plan=topology.Rig, **kwargs):
        rig = plan(self.ground(), self.options, **kwargs)
        self._rigs.append(rig)
        return rig

    # ---- expectations

    @staticmethod
    def check(holds, text):
        if not holds:
            raise Failed(text)

    @staticmethod
    def equal(seen, expected, what):
        if seen != expected:
            raise Failed("%s: expected %r, seen %r" % (what, expected, seen))

    @staticmethod
    def eventually(condition, what, within_s=3.0, every_s=0.03):
        """Waits for a true value and returns it."""
        end = time.monotonic() + within_s
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise Failed("not within %.1f s: %s" % (within_s, what))
            time.sleep(every_s)

    def dropped(self, rig, reason, least=1, within_s=2.0):
        """Waits until a drop reason has counted that many; returns the count."""
        def enough():
            count = rig.gateway.drops().get(reason, 0)
            return count if count >= least else 0
        try:
            return self.eventually(enough, "", within_s)
        except Failed:
            raise Failed("drop reason %s: expected at least %d, seen %s" % (
                reason, least, rig.gateway.drops())) from None

    @staticmethod
    def skip(why):
        raise Skipped(why)

    # ---- asking a server how it sees a pod

    @staticmethod
    def ask(pod, server, sock=None, data=b"who am I"):
        """The source that an Echo sees when a pod asks it by UDP once: (address, port)."""
        own = sock or pod.udp()
        try:
            own.sendto(data, (server.address, server.port))
            answer = own.recvfrom(65536)[0].split(b"|", 2)
        except TimeoutError:
            raise Failed("no answer from %s to %s" % (server.address, pod.address)) from None
        finally:
            if sock is None:
                own.close()
        if answer[2] != data:
            raise Failed("the answer differs: %r, not %r" % (answer[2], data))
        return answer[0].decode(), int(answer[1])

    @staticmethod
    def silent(pod, server, wait_s=0.4):
        """True when a pod's question by UDP stays without an answer."""
        with pod.udp(timeout_s=wait_s) as sock:
            sock.sendto(b"anyone?", (server.address, server.port))
            try:
                sock.recvfrom(2048)
                return False
            except (TimeoutError, ConnectionRefusedError):
                return True

    def unserved(self, sock, server, what, wait_s=0.1):
        """Fails when what a socket sends from now on is answered."""
        sock.settimeout(wait_s)
        sock.sendto(b"still there?", (server.address, server.port))
        try:
            self.check(False, "%s: %r" % (what, sock.recv(100)))
        except TimeoutError:
            pass

    def passes(self, pod, server, expected):
        """Whether a question by UDP is answered; waits long where that is expected."""
        return not self.silent(pod, server, 3.0 if expected else 0.4)

    @staticmethod
    def dial(pod, server, timeout_s=4.0):
        """A TCP connection to an Echo: (socket, the source address that it sees)."""
        sock = pod.tcp(timeout_s=timeout_s)
        sock.connect((server.address, server.port))
        line = b""
        while not line.endswith(b"\n"):
            line += sock.recv(64)
        return sock, line.split(b"|")[0].decode()

    # ---- the end

    def complaints(self):
        for rig in self._rigs:
            yield from rig.complaints()

    def describe(self):
        return "\n".join(rig.gateway.describe() for rig in self._rigs)

    def close(self):
        for ground in self._grounds:
            ground.close()


def _run(case, options):
    """(verdict, text) of one case."""
    test = Test(options)
    verdict, text, facts = "PASS", "", ""
    try:
        try:
            case(test)
        except Skipped as why:
            verdict, text = "SKIP", str(why)
        except Exception as error:
            plain = isinstance(error, Failed)
            verdict = "FAIL"
            text = str(error) if plain else traceback.format_exc()
            facts = test.describe()
        found = list(test.complaints())
        if found:
            facts = facts or test.describe()
            verdict = "FAIL"
            text = "\n".join(filter(None, [text] + found))
    finally:
        with signals_wait():
            test.close()
    return verdict, "\n".join(filter(None, [text, facts]))


def _keep(verdicts, module):
    """For test/behaviour: what the cases said."""
    folder = os.environ.get("POSTERN_VERDICTS")
    if not folder:
        return
    os.makedirs(folder, exist_ok=True)
    name = os.path.basename(module.__file__) + ".txt"
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.writelines("%s %s\n" % verdict for verdict in verdicts)


def default_folder():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.normpath(os.path.join(here, "../../../build/release/bin"))


def parser(text):
    options = argparse.ArgumentParser(description=text)
    options.add_argument("--bin", default=os.environ.get("POSTERN_BIN") or default_folder(),
                         help="folder of postern and posternctl (or POSTERN_BIN)")
    options.add_argument("--memory", default="no-huge", help="eal.memory of the gateways")
    options.add_argument("--cpus", default="",
                         help="workers.cpus of the gateways (default: the last CPU)")
    options.add_argument("--keep", action="store_true", help="keep captures, logs, configuration")
    return options


def main():
    module = sys.modules["__main__"]
    line = parser(module.__doc__)
    line.add_argument("--list", action="store_true", help="name the cases")
    line.add_argument("case", nargs="*", help="part of a case's name")
    options = line.parse_args()
    options.bin = os.path.abspath(options.bin)
    cases = [value for name, value in vars(module).items() if name.startswith("test_")]
    if options.case:
        cases = [c for c in cases if any(part in c.__name__ for part in options.case)]
    if options.list:
        for case in cases:
            print("%s: %s" % (case.__name__, " ".join((case.__doc__ or "").split())))
        return
    if not cases:
        sys.exit("no such case")
    if os.geteuid():
        sys.exit("run this as root: it makes network namespaces")
    if not os.access(os.path.join(options.bin, "postern"), os.X_OK):
        sys.exit("no postern in %s: build it, or name its folder with --bin" % options.bin)
    sweep()
    verdicts, named = [], []
    with signals_raise():
        try:
            for case in cases:
                began = time.monotonic()
                verdict, text = _run(case, options)
                verdicts.append(verdict)
                named.append((verdict, case.__name__))
                print("%s %s (%.1f s)%s" % (verdict, case.__name__, time.monotonic() - began,
                                            "\n  " + text.replace("\n", "\n  ") if text else ""),
                      flush=True)
        except KeyboardInterrupt:
            sys.exit("interrupted")
    _keep(named, module)
    if "FAIL" in verdicts:
        sys.exit(1)
    sys.exit(0 if "PASS" in verdicts else SKIPPED)
