#!/usr/bin/python3
"""Which capabilities each kind of port needs: those that docs/operating.md names carry traffic for
an ordinary user, and with one of them missing the gateway says what to type."""
import os
import re
import shutil
import struct

from rig import topology
from rig.case import main

NOBODY, ENVIRONMENT, OK = "65534", 2, 0
SOCKET_RIGHTS = ("net_admin", "net_raw", "ipc_lock")
XDP_RIGHTS = SOCKET_RIGHTS + ("sys_admin",)
SETCAP = re.compile(r"sudo setcap (\S+) ")


def _as_user(*capabilities, locked_bytes=65536):
    """The command that runs another as nobody with these capabilities and no way to more."""
    words = ",".join(["-all"] + ["+" + name for name in capabilities])
    return ("prlimit", "--memlock=%d:%d" % (locked_bytes, locked_bytes),
            "setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs",
            "--inh-caps", words, "--ambient-caps", words, "--bounding-set", words)


def _rig(t, driver="net_af_packet", device="af_packet"):
    """A gateway that is not started; its folder and its files are for an ordinary user, too."""
    rig = t.rig(nodes=1, device=device)
    os.chown(rig.ground.folder, int(NOBODY), int(NOBODY))
    os.chmod(rig.ground.folder, 0o755)
    model = rig.model()
    for port in model["ports"]:
        port["device"] = port["device"].replace("net_af_packet", driver)
    _write(rig, model)
    return rig


def _write(rig, model):
    rig.learn(model)
    rig.gateway.write(model)
    os.chmod(rig.gateway.config_path, 0o644)


def _carries(t, rig, what):
    server, pod = rig.echo(), rig.pod()
    t.eventually(lambda: not t.silent(pod, server), "%s: traffic passes" % what, 10.0)
    t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, what)


def _refuses(t, rig, capabilities, words):
    rig.gateway.launch(*_as_user(*capabilities))
    t.equal(rig.gateway.wait_exit(10.0), ENVIRONMENT, "exit status with %s" % (capabilities,))
    t.check(re.search(words, rig.gateway.log()), "with %s: no word of %s in\n%s" % (
        capabilities, words, rig.gateway.log()))


def test_files_rings_and_shared_memory_need_none(t):
    """net_pcap, net_ring and net_memif start for a user without any capability."""
    for kind in ("net_ring%d", "net_memif%d,role=server,id=0,socket={},socket-abstract=no",
                 "net_pcap%d,rx_pcap={}.in,tx_pcap={}.out"):
        rig = _rig(t)
        model = rig.model()
        for number, port in enumerate(model["ports"]):
            path = rig.ground.path("end%d" % number)
            port["device"] = (kind % number).replace("{}", path)
            with open(path + ".in", "wb") as file:
                file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        _write(rig, model)
        rig.restart(*_as_user())
        t.equal(rig.gateway.stop()[0], OK, kind)


def test_tap_needs_net_admin(t):
    """net_tap: CAP_NET_ADMIN, and /dev/net/tun, which everybody may open."""
    mode = os.stat("/dev/net/tun").st_mode
    if mode & 0o006 != 0o006:
        t.skip("/dev/net/tun is not for everybody here")
    rig = _rig(t, "net_tap", "tap")
    _refuses(t, rig, ("net_raw",), "net_tap needs CAP_NET_ADMIN")
    rig.restart(*_as_user("net_admin"))
    _carries(t, rig, "net_tap")


def test_af_packet_needs_three(t):
    """net_af_packet: CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK for its rings."""
    rig = _rig(t)
    _refuses(t, rig, ("net_raw", "ipc_lock"), "needs CAP_NET_ADMIN and CAP_NET_RAW")
    _refuses(t, rig, ("net_admin", "ipc_lock"), "needs CAP_NET_ADMIN and CAP_NET_RAW")
    _refuses(t, rig, ("net_admin", "net_raw"), "locked memory")
    rig.restart(*_as_user(*SOCKET_RIGHTS))
    _carries(t, rig, "net_af_packet")


def test_small_rings_need_no_lock(t):
    """Where the rings fit into the limit on locked memory, CAP_IPC_LOCK is not needed."""
    rig = _rig(t)
    model = rig.model()
    for port in model["ports"]:
        port["device"] += ",blocksz=4096,framesz=2048,framecnt=512"
    _write(rig, model)
    rig.restart(*_as_user("net_admin", "net_raw", locked_bytes=4 << 20))
    _carries(t, rig, "small rings")


def test_af_xdp_needs_four(t):
    """net_af_xdp: as net_af_packet, and CAP_SYS_ADMIN; CAP_BPF does not do."""
    rig = _rig(t, "net_af_xdp")
    for missing in XDP_RIGHTS:
        rest = [name for name in XDP_RIGHTS if name != missing] + ["bpf"]
        _refuses(t, rig, rest, "locked memory" if missing == "ipc_lock" else "CAP_SYS_ADMIN")
    rig.restart(*_as_user(*XDP_RIGHTS))
    _carries(t, rig, "net_af_xdp")


def test_root_without_more_than_these(t):
    """Root in a container: the same capabilities and no others."""
    for driver, capabilities in (("net_af_packet", SOCKET_RIGHTS), ("net_af_xdp", XDP_RIGHTS)):
        rig = _rig(t, driver)
        os.chown(rig.ground.folder, 0, 0)
        words = ",".join(["-all"] + ["+" + name for name in capabilities])
        rig.restart("setpriv", "--no-new-privs", "--inh-caps", words, "--bounding-set", words)
        _carries(t, rig, driver)


def test_the_advice_for_setcap_works(t):
    """What the complaint says to type makes the program start for an ordinary user."""
    rig = _rig(t)
    _refuses(t, rig, (), "run it as root, or: sudo setcap")
    advised = SETCAP.search(rig.gateway.log()).group(1)
    program = rig.ground.path("postern")
    shutil.copy(rig.gateway.program("postern"), program)
    rig.gateway_ns.run("setcap", advised, program)
    rig.gateway.program = lambda name: rig.ground.path(name)
    rig.restart("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups")
    _carries(t, rig, "after setcap " + advised)


if __name__ == "__main__":
    main()
