"""What a case puts on the machine, and how all of it is taken away again.

A Ground owns a folder, network namespaces and processes. Nothing of it outlives the program:
`close` ends processes by their own handle and deletes namespaces; children carry a parent death
signal; and what a killed predecessor left is swept by the pid in its name.
"""
import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

CLONE_NEWNET = 0x40000000
NETNS_DIR = "/run/netns"
DPDK_DIR = "/run/dpdk"               # a folder for each file prefix, which DPDK leaves there
NAME = "postern-%d-%d-%s"            # pid, number of the ground, role
NAME_PATTERN = re.compile(r"postern-(\d+)-\d+-")
IP_COMMAND_TIMEOUT_S = 30
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(RuntimeError):
    """A command that had to succeed did not."""


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def run(argv, check=True, stdin=None, timeout=IP_COMMAND_TIMEOUT_S):
    """Runs a command to its end; the CompletedProcess, its output as text."""
    done = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=timeout, errors="replace", check=False)
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise CommandFailed("%s: exit %d: %s" % (" ".join(argv)[:200], done.returncode, said[:800]))
    return done


class Namespace:
    """A network namespace. `enter` moves the calling thread, so each thread has its own view."""

    def __init__(self, ground, name):
        self.ground, self.name = ground, name
        run(["ip", "netns", "add", name])
        self._fd = os.open(os.path.join(NETNS_DIR, name), os.O_RDONLY | os.O_CLOEXEC)
        for scope in ("all", "default"):
            self.sysctl("net.ipv6.conf.%s.disable_ipv6" % scope, 1)
            self.sysctl("net.ipv4.conf.%s.rp_filter" % scope, 0)
            self.sysctl("net.ipv4.conf.%s.send_redirects" % scope, 0)
        self.sysctl("net.ipv4.icmp_ratelimit", 0)
        self.sysctl("net.ipv4.icmp_msgs_per_sec", 100000)
        self.sysctl("net.ipv4.icmp_msgs_burst", 10000)  # room grows once in 20 ms only
        self.ip("link set lo up")

    @contextlib.contextmanager
    def enter(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(self._fd)
            try:
                yield self
            finally:
                _setns(home)
        finally:
            os.close(home)

    def sysctl(self, key, value):
        """Sets a key of this namespace; a key that the kernel does not have here is passed over."""
        with self.enter(), contextlib.suppress(OSError):
            with open("/proc/sys/" + key.replace(".", "/"), "w", encoding="ascii") as file:
                file.write(str(value))

    def ip(self, *lines, check=True):
        """`ip` commands, one a line, in one process."""
        with self.enter():
            return run(["ip", "-batch", "-"], check=check, stdin="\n".join(lines) + "\n")

    def run(self, *argv, check=True, stdin=None, timeout=IP_COMMAND_TIMEOUT_S):
        with self.enter():
            return run(list(argv), check=check, stdin=stdin, timeout=timeout)

    def popen(self, *argv, **kwargs):
        """Starts a process here that ends with the ground, or with us. Main thread only: the death
        signal comes when the thread that forked ends."""
        with self.enter():
            return self.ground.popen(*argv, **kwargs)

    def socket(self, *args):
        with self.enter():
            return socket.socket(*args)

    def close(self):
        with contextlib.suppress(OSError):
            os.close(self._fd)
        run(["ip", "netns", "del", self.name], check=False)


class Ground:
    """Owner of the folder, the namespaces and the processes of one case."""

    _count = 0

    def __init__(self, keep=False):
        Ground._count += 1
        self._number, self._keep = Ground._count, keep
        self.folder = tempfile.mkdtemp(prefix=NAME % (os.getpid(), self._number, ""))
        self._namespaces, self._processes, self._closers = [], [], []

    def namespace(self, role):
        namespace = Namespace(self, NAME % (os.getpid(), self._number, role))
        self._namespaces.append(namespace)
        return namespace

    def path(self, name):
        return os.path.join(self.folder, name)

    def popen(self, *argv, **kwargs):
        argv = ("setpriv", "--pdeathsig", "KILL") + argv
        process = subprocess.Popen(argv, **kwargs)
        self._processes.append(process)
        return process

    def add(self, closer):
        """Has `closer.close()` called before namespaces go."""
        self._closers.append(closer)
        return closer

    def stop(self, process, sign=signal.SIGTERM, patience_s=3.0):
        """Ends a child by its own handle: (exit status, seconds it took)."""
        began = time.monotonic()
        if process.poll() is None:
            process.send_signal(sign)
            try:
                process.wait(patience_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self._processes:
            self._processes.remove(process)
        return process.returncode, time.monotonic() - began

    def close(self):
        for closer in reversed(self._closers):
            with contextlib.suppress(Exception):
                closer.close()
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.terminate()
        for process in list(self._processes):
            with contextlib.suppress(Exception):
                self.stop(process)
        for namespace in reversed(self._namespaces):
            with contextlib.suppress(Exception):
                namespace.close()
        self._closers, self._namespaces = [], []
        self._forget_prefixes()
        if not self._keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _forget_prefixes(self):
        """DPDK's folders of programs whose file prefix began with the name of ours."""
        with contextlib.suppress(OSError):
            for name in os.listdir(DPDK_DIR):
                if name.startswith(os.path.basename(self.folder)):
                    shutil.rmtree(os.path.join(DPDK_DIR, name), ignore_errors=True)


def sweep():
    """Takes away the namespaces and folders of predecessors that were killed."""
    def remove_namespace(path):
        run(["ip", "netns", "del", os.path.basename(path)], check=False)

    def remove_folder(path):
        shutil.rmtree(path, ignore_errors=True)
    for place, remove in ((NETNS_DIR, remove_namespace), (tempfile.gettempdir(), remove_folder),
                          (DPDK_DIR, remove_folder)):
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(place):
                owner = NAME_PATTERN.match(name)
                if owner and not os.path.exists("/proc/" + owner.group(1)):
                    remove(os.path.join(place, name))


@contextlib.contextmanager
def signals_raise():
    """SIGTERM and SIGHUP end the program the way Ctrl-C does, through every `finally`; and Ctrl-C
    does so in the background, too, where shells have it ignored."""
    def interrupt(number, _frame):
        raise KeyboardInterrupt(signal.Signals(number).name)
    previous = {s: signal.signal(s, interrupt) for s in ENDING_SIGNALS}
    try:
        yield
    finally:
        for sign, handler in previous.items():
            signal.signal(sign, handler)


@contextlib.contextmanager
def signals_wait():
    """Around a clean-up: a second Ctrl-C must not leave half of it standing."""
    previous = {s: signal.signal(s, signal.SIG_IGN) for s in ENDING_SIGNALS}
    try:
        yield
    finally:
        for sign, handler in previous.items():
            signal.signal(sign, handler)
