#!/usr/bin/python3
"""gateway.state_dir: pods set over the socket outlive the process, however it ends."""
import os
import stat

from rig import gateway as gateways
from rig import topology
from rig.case import main
from rig.ground import run

NEW_POD = "10.128.0.40"


def _state_rig(t, folder):
    rig = t.rig(nodes=1)
    rig.start(gateway={"name": "gw-test", "control_socket": rig.gateway.socket_path,
                       "state_dir": folder(rig)})
    rig.nodes[0].namespace.ip("addr add %s/32 dev vx0" % NEW_POD)
    return rig


def _plain_folder(rig):
    folder = rig.ground.path("state")
    os.mkdir(folder, 0o700)
    return folder


class SmallDisk:
    """A file system of 64 KiB, mounted at a folder."""

    def __init__(self, folder):
        self._folder = folder
        run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder])

    def close(self):
        run(["umount", "--lazy", self._folder])


def _file(rig):
    return rig.ground.path("state") + "/pods.state"


def _refused(t, rig, *words):
    """Starts the gateway, which must say these words and end with status 2."""
    before = len(rig.gateway.log())
    rig.gateway.launch()
    t.equal(rig.gateway.wait_exit(gateways.START_PATIENCE_S), 2, "exit status")
    said = rig.gateway.log()[before:]
    for word in words:
        t.check(word in said, "%r is not in: %s" % (word, said))


def test_patched_pods_outlive_a_crash_and_a_stop(t):
    """Patch, kill -9, start: served and removed as before. The same after SIGTERM and a reset."""
    rig = _state_rig(t, _plain_folder)
    server, pod, gone = rig.echo(), rig.pod_at(NEW_POD), rig.pod("web")
    rig.gateway.call("namespaces.patch", add={"payments": [NEW_POD]},
                     remove={"web": [gone.address]})
    t.equal(stat.S_IMODE(os.stat(_file(rig)).st_mode), 0o600, "mode of the file")
    for end in (rig.gateway.kill, rig.gateway.stop):
        end()
        rig.restart()
        t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, "the pod that was added")
        t.check(t.silent(gone, server), "the pod that was removed is served")
    rig.gateway.call("namespaces.patch", reset=True)
    rig.gateway.kill()
    rig.restart()
    t.check(t.silent(pod, server), "served after the reset")
    t.equal(t.ask(gone, server)[0], topology.WEB_IP, "what the file says")


def test_a_damaged_file_is_refused_whole(t):
    """Cut, changed or foreign: exit 2, the file and what to do are named, nothing is touched."""
    rig = _state_rig(t, _plain_folder)
    rig.gateway.call("namespaces.patch", add={"payments": [NEW_POD, "10.128.0.41"]})
    rig.gateway.kill()
    path = _file(rig)
    with open(path, encoding="ascii") as file:
        text = file.read()
    for broken, word in ((text[:-9], "cut short"), (text.replace("0.41", "0.42"), "damaged"),
                         (text.replace("+ 10", "* 10", 1), path + ":4: "),
                         (text.replace("state 1", "state 9"), "this postern knows 1"),
                         ("", "damaged")):
        with open(path, "w", encoding="ascii") as file:
            file.write(broken)
        _refused(t, rig, path, word, "mv %s %s.bad" % (path, path))
        with open(path, encoding="ascii") as file:
            t.equal(file.read(), broken, "the file")
    os.rename(path, path + ".bad")
    rig.restart()
    t.check(t.silent(rig.pod_at(NEW_POD), rig.echo()), "served without its file")


def test_a_folder_that_cannot_be_used_is_refused(t):
    """Missing, or in use by another gateway: exit 2 and advice."""
    rig = _state_rig(t, _plain_folder)
    folder = rig.ground.path("state")
    model = rig.model(gateway={"name": "gw-test", "control_socket": rig.ground.path("two.sock"),
                               "state_dir": folder})
    second = gateways.Gateway(rig.ground, rig.gateway_ns, t.options.bin)
    second.config_path = rig.ground.path("second.cfg")
    second.log_path = rig.ground.path("second.log")
    second.write(model)
    second.launch()
    t.equal(second.wait_exit(gateways.START_PATIENCE_S), 2, "exit status of the second")
    t.check("in use by another gateway" in second.log(), second.log())
    rig.gateway.stop()
    os.rename(folder, folder + ".away")
    _refused(t, rig, "gateway.state_dir: %s is not there" % folder, "mkdir -m 0700 -p " + folder)
    os.rename(folder + ".away", folder)
    rig.restart()


def test_a_full_disk_is_said_and_mended(t):
    """In force at once; the answer and status warn until the disk has room again."""
    def full_folder(rig):
        folder = _plain_folder(rig)
        rig.ground.add(SmallDisk(folder))
        return folder
    rig = _state_rig(t, full_folder)
    server, pod = rig.echo(), rig.pod_at(NEW_POD)
    ballast = rig.ground.path("state") + "/ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    answer = rig.gateway.call("namespaces.patch", add={"payments": [NEW_POD]})
    t.check("No space left" in answer["warnings"][0]["text"], "answer: %s" % answer)
    t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, "in force")
    t.check(any("No space left" in text for text in rig.gateway.call("status")["attention"]),
            "attention")
    os.unlink(ballast)
    t.eventually(lambda: not rig.gateway.call("status")["attention"], "the attention goes", 5.0)
    rig.gateway.kill()
    rig.restart()
    t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, "after the restart")


def test_a_file_that_was_edited_meanwhile_holds(t):
    """A pod kept for one namespace that the file gives to another: warned of, left out, started."""
    rig = _state_rig(t, _plain_folder)
    server, pod = rig.echo(), rig.pod_at(NEW_POD)
    rig.gateway.call("namespaces.patch", add={"payments": [NEW_POD, "10.128.0.41"]})
    rig.gateway.kill()
    model = rig.model(gateway={"name": "gw-test", "control_socket": rig.gateway.socket_path,
                               "state_dir": rig.ground.path("state")})
    model["namespaces"][1]["pods"].append(NEW_POD)
    rig.gateway.write(model)
    rig.restart()
    t.equal(t.ask(pod, server)[0], topology.WEB_IP, "the file's word")
    t.check(any("left out" in text for text in rig.gateway.call("status")["attention"]),
            "attention: %s" % rig.gateway.call("status")["attention"])
    t.check("belongs to namespace \"web\"" in rig.gateway.log(), "the log")


if __name__ == "__main__":
    main()
