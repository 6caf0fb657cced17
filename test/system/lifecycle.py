#!/usr/bin/python3
"""Start and end: exit codes, refused starts, SIGTERM, SIGKILL, SIGHUP, what leaves meanwhile."""
import os
import re
import shutil
import signal
import socket
import threading
import time

from rig import frames, settings, topology
from rig.case import main
from rig.freeze import frozen
from rig.streams import Stream

ROUNDS = 5
NEW_IP = "192.0.2.70"
OK, CONFIGURATION, ENVIRONMENT, DEVICE = 0, 1, 2, 3
ERROR_LINE = re.compile(r"^(\S+):(\d+): error: (\S+): .+", re.MULTILINE)


class Sender(threading.Thread):
    """A pod that sends all the time, each datagram from another port, whoever listens."""

    def __init__(self, rig, pod):
        super().__init__(daemon=True)
        self._wire, self._rig, self._pod = rig.node_wire(), rig, pod
        self._ending = False
        self.start()

    def run(self):
        number = 0
        while not self._ending:
            number += 1
            for part in range(10):
                port = 1024 + (number * 10 + part) % 60000
                self._wire.send(self._rig.tunnelled(frames.udp(
                    self._pod.address, topology.NOBODY, port, 53, b"x")))
            time.sleep(0.002)

    def close(self):
        self._ending = True
        self.join(2)


def _translated(packet):
    return packet.protocol == frames.UDP and packet.src == topology.PAYMENTS_IP


def _stops(t, rig, what):
    """SIGTERM: status 0 within two seconds, the socket gone."""
    status, seconds = rig.gateway.stop()
    t.equal(status, OK, "%s: exit status" % what)
    t.check(seconds <= 2.0, "%s: the stop took %.1f s" % (what, seconds))
    t.check(not os.path.lexists(rig.gateway.socket_path), "%s: the socket file is left" % what)


def test_sigterm_and_restart_under_traffic(t):
    """Five times: traffic passes, SIGTERM ends it in time, nothing leaves after the end."""
    rig = t.rig(nodes=1).start()
    sender = rig.ground.add(Sender(rig, rig.pod("raw")))
    outside = rig.outside_wire()
    for number in range(ROUNDS):
        what = "round %d" % number
        t.check(outside.wait(_translated, 5.0), "%s: no traffic passes" % what)
        _stops(t, rig, what)
        outside.flush()
        t.equal(outside.wait(lambda p: True, 0.15), None, "%s: what left after the end" % what)
        if number < ROUNDS - 1:
            rig.restart()
    sender.close()


def test_a_killed_gateway_is_silent_and_starts_again(t):
    """SIGKILL under traffic: nothing leaves; the stale socket does not hinder the next start."""
    rig = t.rig(nodes=1).start()
    sender = rig.ground.add(Sender(rig, rig.pod("raw")))
    outside = rig.outside_wire()
    t.check(outside.wait(_translated, 5.0), "no traffic passes")
    rig.gateway.kill()
    outside.flush()
    t.equal(outside.wait(lambda p: True, 0.3), None, "what left after the end")
    t.check(os.path.exists(rig.gateway.socket_path), "a killed process removed its socket")
    rig.restart()
    t.check(outside.wait(_translated, 5.0), "no traffic passes after the restart")
    sender.close()


def test_packets_pass_while_the_control_thread_stands_still(t):
    """What is in force stays in force: live and new sessions go on, others stay out; afterwards the
    waiting question is answered."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    stream = Stream(t.dial(pod, server)[0])
    asking = rig.gateway.client()
    asked = threading.Thread(target=asking.call, args=("status",), daemon=True)
    with frozen(rig.gateway.pid):
        asked.start()
        before = stream.bytes
        for _ in range(50):
            t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, "a new session")
        t.check(t.silent(rig.pod("lab"), server), "lab got out without an entry")
        t.eventually(lambda: stream.bytes > before + 100000, "the live connection goes on")
        t.check(asked.is_alive(), "the control thread answers: it does not stand still")
    asked.join(5)
    t.check(not asked.is_alive(), "no answer afterwards")
    t.equal(stream.finish(), None, "the TCP stream")
    t.dropped(rig, "no-policy")


def test_a_start_under_traffic_lets_nothing_slip(t):
    """Known, unknown and forged pods send before the gateway runs; the capture judges."""
    rig = t.rig(nodes=1)
    senders = [rig.ground.add(Sender(rig, pod)) for pod in (
        rig.pod("raw"), rig.pod("lab"), rig.pod("stray"), rig.pod_at("10.128.9.9"))]
    rig.start()
    t.check(rig.outside_wire().wait(_translated, 5.0), "no traffic passes")
    time.sleep(0.3)
    for sender in senders:
        sender.close()
    t.equal({p.src for p in rig.left() if p.kind == frames.ETH_IP}, {topology.PAYMENTS_IP},
            "sources that left")


def test_a_refused_configuration_does_not_start(t):
    """Exit 1, every error in one run with file, line and path; nothing answers, nothing leaves."""
    rig = t.rig(nodes=1)
    model = rig.model()
    model["egress_ips"][0]["namespaces"] = ["nobody"]
    model["egress_ips"][1]["adresses"] = ["192.0.2.51"]
    model["ports"][1]["gateway"] = "198.18.7.7"
    model["tunnels"][0]["vni"] = 1 << 24
    rig.gateway.write(model)
    sender = rig.ground.add(Sender(rig, rig.pod("raw")))
    rig.gateway.launch()
    t.equal(rig.gateway.wait_exit(10), CONFIGURATION, "exit status")
    sender.close()
    found = ERROR_LINE.findall(rig.gateway.log())
    t.check(len(found) >= 4, "expected four errors at least:\n" + rig.gateway.log())
    t.equal({name for name, _, _ in found}, {rig.gateway.config_path}, "the file named")
    t.check("addresses" in rig.gateway.log(), "no advice for the unknown setting")
    t.check(not os.path.lexists(rig.gateway.socket_path), "a socket is there")
    t.equal(rig.left(), [], "what left")
    check = rig.gateway_ns.run(rig.gateway.program("postern"), "--check", "-c",
                               rig.gateway.config_path, check=False)
    t.equal((check.returncode, len(ERROR_LINE.findall(check.stdout + check.stderr))),
            (CONFIGURATION, len(found)), "--check: exit status and number of errors")


def test_a_missing_file_is_a_configuration_error(t):
    """Exit 1 and a message that names the file."""
    rig = t.rig(nodes=1)
    done = rig.gateway_ns.run(rig.gateway.program("postern"), "-c", "/nowhere/postern.cfg",
                              check=False)
    t.equal(done.returncode, CONFIGURATION, "exit status")
    t.check("/nowhere/postern.cfg: error:" in done.stdout + done.stderr, done.stderr)


def test_check_needs_no_root_and_no_device(t):
    """--check as an ordinary user says FILE: ok; --print-config gives what loads again."""
    rig = t.rig(nodes=1)
    folder, program = _readable_copy(rig)
    path = os.path.join(folder, "good.cfg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(settings.text(rig.model()))
    as_nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    done = rig.gateway_ns.run(*as_nobody, program, "--check", "-c", path, check=False)
    t.equal((done.returncode, done.stdout.strip()), (OK, path + ": ok"), "--check " + done.stderr)
    printed = rig.gateway_ns.run(*as_nobody, program, "--print-config", "-c", path).stdout
    t.check("tcp_established" in printed and "2h4m" in printed, "no defaults: " + printed)
    again = os.path.join(folder, "again.cfg")
    with open(again, "w", encoding="utf-8") as file:
        file.write(printed)
    once_more = rig.gateway_ns.run(*as_nobody, program, "--print-config", "-c", again).stdout
    t.equal(once_more, printed, "--print-config of what --print-config gave")


def _readable_copy(rig):
    """A folder and a copy of postern that an ordinary user can read."""
    os.chmod(rig.ground.folder, 0o755)
    program = rig.ground.path("postern")
    shutil.copy(rig.gateway.program("postern"), program)
    return rig.ground.folder, program


def test_exit_code_of_the_environment(t):
    """Without the rights for a packet socket: exit 2, and a message that says what to type."""
    rig = t.rig(nodes=1)
    _, program = _readable_copy(rig)
    rig.gateway.write(rig.model())
    os.chmod(rig.gateway.config_path, 0o644)
    done = rig.gateway_ns.run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                              program, "-c", rig.gateway.config_path, check=False)
    t.equal(done.returncode, ENVIRONMENT, "exit status " + done.stdout + done.stderr)
    t.check(re.search("root|sudo|cap_net", done.stderr + done.stdout), "no advice: " + done.stderr)


def test_exit_code_of_a_device(t):
    """A port whose interface or driver is not there: exit 3, and the port's name in the message."""
    rig = t.rig(nodes=1)
    for device in ("net_af_packet1,iface=nowhere", "net_no_such_driver0"):
        model = rig.model()
        model["ports"][1]["device"] = device
        rig.gateway.write(model)
        done = rig.gateway_ns.run(rig.gateway.program("postern"), "-c", rig.gateway.config_path,
                                  check=False)
        t.equal(done.returncode, DEVICE, "exit status with %s: %s" % (device, done.stderr))
        t.check("uplink" in done.stderr + done.stdout, "the port is not named: " + done.stderr)


def test_sighup_applies_the_file(t):
    """SIGHUP is config.apply of the same file; a bad file changes nothing and is complained of."""
    rig = t.rig(nodes=1).start()
    server, pod = rig.echo(), rig.pod()
    t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, "before")
    changed = rig.model(egress_ips=[{"name": "payments-out", "namespaces": ["payments"],
                                     "addresses": [NEW_IP]}])
    rig.learn(changed)
    rig.gateway.write(changed)
    rig.gateway.signal(signal.SIGHUP)
    t.eventually(lambda: "generation 2" in rig.gateway.log(), "the log tells of the change")
    t.equal(t.ask(pod, server)[0], NEW_IP, "the new address is used")
    changed["version"] = 7
    rig.gateway.write(changed)
    rig.gateway.signal(signal.SIGHUP)
    t.eventually(lambda: "error" in rig.gateway.log(), "the log complains of the bad file")
    t.equal(t.ask(pod, server)[0], NEW_IP, "after the bad file")


def test_shutdown_over_the_socket(t):
    """The method ends the process as SIGTERM does."""
    rig = t.rig(nodes=1).start()
    rig.gateway.call("shutdown")
    t.equal(rig.gateway.wait_exit(2.0), OK, "exit status")
    t.check(not os.path.lexists(rig.gateway.socket_path), "the socket file is left")


def test_a_second_gateway_does_not_take_a_live_socket(t):
    """Started on the socket of a running one, the second refuses, and the first goes on."""
    rig = t.rig(nodes=1).start()
    done = rig.gateway_ns.run(rig.gateway.program("postern"), "-c", rig.gateway.config_path,
                              check=False, timeout=20)
    t.equal(done.returncode, ENVIRONMENT, "exit status of the second " + done.stderr)
    probe = socket.socket(socket.AF_UNIX)
    probe.connect(rig.gateway.socket_path)
    probe.close()
    t.equal(t.ask(rig.pod(), rig.echo())[0], topology.PAYMENTS_IP, "the first goes on")


if __name__ == "__main__":
    main()
