#!/usr/bin/python3
"""A gateway of full size: 100,000 pods in 5,000 namespaces, 1,000 nodes, 1,000 egress addresses,
10,000 rules. Changes under traffic lose nothing; bench/scale.py measures how long they take."""
import resource
import subprocess
import time

from changes import Questions
from rig import large, settings, topology
from rig.case import main
from rig.clients import Bystander, Patcher

LIMIT_S = 5.0
LIMIT_MIB = 2048
PATCHES_PER_SECOND, PATCHES_FOR_S = 500, 2
FRESH_POD = "10.128.0.40"


def _write(rig, name, shift):
    model = large.grow(rig.model(), shift=shift)
    rig.learn(model)
    path = rig.ground.path(name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(settings.text(model))
    return path


def _check(t, rig, path):
    """--check within its bounds of time and memory."""
    begin = time.monotonic()
    subprocess.run([rig.gateway.program("postern"), "--check", "-c", path], check=True,
                   stdout=subprocess.DEVNULL)
    t.check(time.monotonic() - begin < LIMIT_S, "--check took too long")
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    t.check(peak_mib < LIMIT_MIB, "--check took %d MiB" % peak_mib)


def test_changes_of_a_full_gateway_lose_no_packet(t):
    """Quiet first; then 1,000 patches of one pod; then every pod replaced by config.apply."""
    rig = t.rig(headers_only=True)
    paths = [_write(rig, "%d.cfg" % shift, shift) for shift in (0, 28)]
    _check(t, rig, paths[0])
    rig.gateway.write(large.grow(rig.model()))
    rig.restart()
    server, gateway = rig.echo(), rig.gateway
    pods = [rig.pod("payments", 1), rig.pod("web", 2)]
    for pod in pods:
        t.ask(pod, server)

    def lossless(what, work):
        questions = [Questions(pod, server, gap_s=0.004) for pod in pods]
        bystander = Bystander(gateway.client())
        work()
        while min(each.asked for each in questions) < 100:
            time.sleep(0.1)
        for each in questions:
            t.equal(each.finish()[:20], [], "%s: questions without an answer" % what)
        t.check(len(bystander.finish()) > 10, "%s: another client was not served" % what)

    def patch():
        patcher = Patcher(gateway.socket_path, PATCHES_PER_SECOND, PATCHES_FOR_S)
        patcher.start()
        patcher.join()
        t.equal(patcher.faults, [], "patches refused")
        t.equal(len(patcher.visible_us), PATCHES_PER_SECOND * PATCHES_FOR_S, "patches")

    def replace():
        for path in (paths[1], paths[0]):
            begin = time.monotonic()
            t.check(gateway.call("config.check", path=path)["valid"], "config.check")
            t.check(time.monotonic() - begin < LIMIT_S, "config.check took too long")
            begin = time.monotonic()
            gateway.call("config.apply", path=path)
            t.check(time.monotonic() - begin < LIMIT_S, "config.apply took too long")

    lossless("quiet", lambda: time.sleep(1))
    lossless("patches", patch)
    lossless("config.apply", replace)
    rig.nodes[0].namespace.ip("addr add %s/32 dev vx0" % FRESH_POD)
    gateway.call("namespaces.patch", add={"payments": [FRESH_POD]})
    t.equal(t.ask(rig.pod_at(FRESH_POD), server)[0], topology.PAYMENTS_IP, "a pod patched in")


if __name__ == "__main__":
    main()
