#!/usr/bin/python3
"""What a service manager hears on NOTIFY_SOCKET: start, reload, refused reload, stop, watchdog."""
import os
import signal
import socket
import time

from rig import topology
from rig.case import main
from rig.ground import run

START_LIMIT_S, NEWS_LIMIT_S = 20.0, 5.0
NEW_IP = "192.0.2.70"


class ServiceManager:
    """The end of NOTIFY_SOCKET that systemd holds."""

    def __init__(self, rig):
        self._rig, self.path = rig, rig.ground.path("notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        rig.ground.add(self._socket)

    def start(self, model, *environment):
        self._rig.learn(model)
        self._rig.gateway.write(model)
        self._rig.gateway.launch("env", "NOTIFY_SOCKET=" + self.path, *environment)

    def heard(self, within_s):
        """One notification as {name: value}; {} where none came in time."""
        self._socket.settimeout(max(within_s, 0.001))
        try:
            lines = self._socket.recv(65536).decode().splitlines()
        except TimeoutError:
            return {}
        return dict(line.split("=", 1) for line in lines)

    def wait(self, name, within_s=NEWS_LIMIT_S):
        """The next notification that says this, and those before it."""
        end, passed = time.monotonic() + within_s, []
        while time.monotonic() < end:
            news = self.heard(end - time.monotonic())
            if name in news:
                return news, passed
            passed.append(news)
        raise AssertionError("%s was not said, but %s:\n%s" % (
            name, passed, self._rig.gateway.log_tail()))


def test_ready_means_ready(t):
    """READY=1 comes once: the socket answers then, at once, and traffic passes."""
    rig = t.rig(nodes=1)
    manager = ServiceManager(rig)
    manager.start(rig.model())
    news, before = manager.wait("READY", START_LIMIT_S)
    answer = rig.gateway.call("status")
    t.equal((news["READY"], answer["generation"]), ("1", 1), "READY and generation")
    t.check("gw-test" in news["STATUS"] and "generation 1" in news["STATUS"], news["STATUS"])
    t.check(all(set(each) <= {"STATUS"} for each in before), "before READY: %s" % before)
    t.equal(t.ask(rig.pod(), rig.echo())[0], topology.PAYMENTS_IP, "traffic")


def test_reload_is_said_from_its_begin_to_its_end(t):
    """RELOADING=1 with the time of the request, then READY=1 when the new configuration is used."""
    rig = t.rig(nodes=1)
    manager, server, pod = ServiceManager(rig), rig.echo(), rig.pod()
    manager.start(rig.model())
    manager.wait("READY", START_LIMIT_S)
    changed = rig.model(egress_ips=[{"name": "payments-out", "namespaces": ["payments"],
                                     "addresses": [NEW_IP]}])
    rig.learn(changed)
    rig.gateway.write(changed)
    asked_us = time.monotonic_ns() // 1000
    rig.gateway.signal(signal.SIGHUP)
    news, _ = manager.wait("RELOADING")
    since_us = int(news["MONOTONIC_USEC"])
    t.check(asked_us <= since_us <= time.monotonic_ns() // 1000, "reloading since %d" % since_us)
    news, _ = manager.wait("READY")
    t.equal(t.ask(pod, server)[0], NEW_IP, "the address in use when READY came")
    t.check("generation 2" in news["STATUS"], news["STATUS"])


def test_a_refused_reload_ends_and_says_why(t):
    """READY=1 follows a refusal too, with a status that says so until a reload is taken."""
    rig = t.rig(nodes=1)
    manager = ServiceManager(rig)
    manager.start(rig.model())
    manager.wait("READY", START_LIMIT_S)
    rig.gateway.write(rig.model(version=7))
    rig.gateway.signal(signal.SIGHUP)
    manager.wait("RELOADING")
    news, _ = manager.wait("READY")
    t.check("generation 1; reload refused: " in news["STATUS"], news["STATUS"])
    attention = rig.gateway.call("status")["attention"]
    t.check(any("the last reload of" in text for text in attention), "attention: %s" % attention)
    rig.gateway.write(rig.model())
    rig.gateway.signal(signal.SIGHUP)
    manager.wait("RELOADING")
    news, _ = manager.wait("READY")
    t.check("refused" not in news["STATUS"], news["STATUS"])
    t.equal(rig.gateway.call("status")["attention"], [], "attention")


def test_stop_is_said_before_it_happens(t):
    """SIGTERM and the method: STOPPING=1, then the end."""
    for how in ("signal", "method"):
        rig = t.rig(nodes=1)
        manager = ServiceManager(rig)
        manager.start(rig.model())
        manager.wait("READY", START_LIMIT_S)
        if how == "signal":
            rig.gateway.signal(signal.SIGTERM)
        else:
            rig.gateway.call("shutdown")
        news, _ = manager.wait("STOPPING")
        t.equal(news["STOPPING"], "1", how)
        rig.gateway.disconnect()
        t.equal(rig.gateway.wait_exit(NEWS_LIMIT_S), 0, "exit status, by " + how)


def test_a_failed_start_is_never_ready(t):
    """What stands in the way is the last status; READY=1 is not said."""
    rig = t.rig(nodes=1)
    manager = ServiceManager(rig)
    model = rig.model(gateway={"control_group": "no-such-group"})
    manager.start(model)
    t.check(rig.gateway.wait_exit(START_LIMIT_S), "it started")
    news = []
    while True:
        news.append(manager.heard(0.1))
        if not news[-1]:
            break
    t.check(not any("READY" in each for each in news), "READY of a failed start: %s" % news)
    t.check("no-such-group" in news[-2]["STATUS"], "the last status: %s" % news)


def test_the_watchdog_is_fed_until_the_end(t):
    """With WATCHDOG_USEC, WATCHDOG=1 comes again and again, and nothing while the process rests."""
    rig = t.rig(nodes=1)
    manager = ServiceManager(rig)
    manager.start(rig.model(), "WATCHDOG_USEC=400000")
    manager.wait("READY", START_LIMIT_S)
    for _ in range(3):
        manager.wait("WATCHDOG")
    os.kill(rig.gateway.pid, signal.SIGSTOP)
    while manager.heard(0.3):
        pass
    t.equal(manager.heard(1.0), {}, "said by a process that stands still")
    os.kill(rig.gateway.pid, signal.SIGCONT)
    manager.wait("WATCHDOG")


def test_huge_pages_are_reserved_and_never_given_back(t):
    """The script of postern-hugepages.service, on the kernel's own file and on one in its place."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "../../docker/systemd/reserve-hugepages")
    ground = t.ground()

    def reserve(pages, *file):
        return run(["env", "POSTERN_HUGEPAGES=%s" % pages, script, *file], check=False)

    with open("/proc/sys/vm/nr_hugepages", encoding="ascii") as file:
        there = int(file.read())
    done = reserve(there)
    t.equal((done.returncode, done.stderr), (0, ""), "as many as there are")
    path = ground.path("pages")
    for before, pages, status, after in ((7, 5, 0, 7), (7, 9, 0, 9), (7, "many", 1, 7)):
        with open(path, "w", encoding="ascii") as file:
            file.write("%d\n" % before)
        done = reserve(pages, path)
        with open(path, encoding="ascii") as file:
            t.equal((done.returncode, int(file.read())), (status, after), "%s pages" % pages)
        t.equal(bool(done.stderr), bool(status), "said: " + done.stderr)


if __name__ == "__main__":
    main()
