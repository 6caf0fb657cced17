#!/usr/bin/python3
"""The image, and docker/compose.yaml without docker: both stages are built on a Debian 12 made from
this machine's own package sources, the services run in network namespaces with the capabilities
that the file gives them and no others, and a session goes from the pod to the server."""
import json
import os
import re
import subprocess
import sys

from rig import capture
from rig.case import main
from rig.ground import run

try:
    import yaml
except ImportError:
    yaml = None

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
DOCKER = os.path.join(ROOT, "docker")
TOOLS = ("mmdebstrap", "buildah", "podman", "crun", "unshare")
BUILD_PATIENCE_S, RUN_PATIENCE_S = 2400, 60
ROOM_MB = 100                     # what the image may have more than its base
COMPILERS = "cc c++ gcc g++ clang clang++ cpp as ld ld.lld make ninja cmake"
BUILDING = re.compile(r"^(gcc|g\+\+|clang|cpp|binutils|cmake|make|ninja-build)(-\d+)?$|-dev$")
EGRESS, SERVER, POD = "192.0.2.50", "192.0.2.80", "10.128.0.11"
INSIDE = "POSTERN_CONTAINER_TEST"


def _package_sources():
    """This machine's Debian sources, one a line, as apt itself reads them."""
    lines = run(["apt-get", "indextargets", "--format",
                 "$(ORIGIN)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
                 "Created-By: Packages"]).stdout.splitlines()
    return sorted({line.split("|", 1)[1] for line in lines if line.startswith("Debian|")})


class Engine:
    """buildah and podman over a store of their own. Closed with the ground."""

    def __init__(self, ground):
        self._ground = ground
        self._config = ground.path("containers.conf")
        with open(self._config, "w", encoding="ascii") as file:
            file.write("[containers]\ndefault_ulimits = []\n")
        self._store = ("--root", ground.path("store"), "--runroot", ground.path("running"),
                       "--storage-driver", "overlay")
        ground.add(self)

    def __call__(self, tool, *words, check=True, patience_s=RUN_PATIENCE_S):
        ran = subprocess.run((tool, *self._store, *words), stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=patience_s, check=False,
                             env=os.environ | {"CONTAINERS_CONF": self._config})
        if check and ran.returncode:
            raise RuntimeError("%s %s: exit %d\n%s" % (
                tool, " ".join(words), ran.returncode, (ran.stdout + ran.stderr)[-4000:]))
        return ran

    def podman(self, *words, **options):
        return self("podman", *words, **options)

    def make_base(self, name):
        sources, tar = self._ground.path("sources.list"), self._ground.path("base.tar")
        with open(sources, "w", encoding="ascii") as file:
            file.write("\n".join(_package_sources()) + "\n")
        run(["mmdebstrap", "--quiet", "--variant=minbase",
             "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
             "--dpkgopt=path-exclude=/usr/share/locale/*", "bookworm", tar, sources],
            timeout=BUILD_PATIENCE_S)
        self.podman("import", tar, name, patience_s=300)
        os.unlink(tar)

    def build(self, name, base, dockerfile, context):
        words = ["bud", "--format", "docker", "--isolation", "chroot", "--build-arg",
                 "BASE=" + base, "-t", name, "-f", dockerfile]
        cache = os.environ.get("CCACHE_DIR") or os.path.expanduser("~/.cache/ccache")
        if os.path.isdir(cache):  # what was compiled once is not compiled again
            words += ["--volume", cache + ":/root/.cache/ccache"]
        self("buildah", *words, context, patience_s=BUILD_PATIENCE_S)

    def size_mb(self, name):
        images = json.loads(self.podman("image", "inspect", name).stdout)
        return images[0]["Size"] / 1e6

    def close(self):
        self.podman("rm", "--all", "--force", "--time", "0", check=False)
        self.podman("rmi", "--all", "--force", check=False)


class Lab:
    """docker/compose.yaml: its networks are bridges, its services run where their addresses are."""

    def __init__(self, ground, engine):
        with open(os.path.join(DOCKER, "compose.yaml"), encoding="utf-8") as file:
            self.compose = yaml.safe_load(file)
        self.ground, self._engine = ground, engine
        self.namespaces, self._bridges = {}, {}
        for name in self.compose["networks"]:
            self._bridges[name] = ground.namespace(name)
            self._bridges[name].ip("link add br0 type bridge", "link set br0 up")
        for name, service in self.compose["services"].items():
            self._connect(name, service)

    def _connect(self, name, service):
        """Interfaces in the reverse order of the file: the scripts must not count on any."""
        namespace = self.namespaces[name] = self.ground.namespace(name)
        for number, network in enumerate(reversed(list(service["networks"]))):
            bridge, config = self._bridges[network], self.compose["networks"][network]
            subnet = config["ipam"]["config"][0]["subnet"]
            address = service["networks"][network]["ipv4_address"]
            far = "to-" + name
            run(["ip", "link", "add", "eth%d" % number, "netns", namespace.name, "type", "veth",
                 "peer", "name", far, "netns", bridge.name])
            bridge.ip("link set %s master br0" % far, "link set %s up" % far)
            namespace.ip("addr add %s/%s dev eth%d" % (address, subnet.split("/")[1], number),
                         "link set eth%d up" % number)
        for key, value in service.get("sysctls", {}).items():
            namespace.sysctl(key, value)

    def start(self, name):
        """`docker compose up NAME`, as far as the file says anything."""
        service = self.compose["services"][name]
        words = ["run", "--detach", "--name", name, "--network",
                 "ns:/run/netns/" + self.namespaces[name].name, "--ulimit", "host",
                 "--cgroups", "disabled", "--no-hosts"]
        words += ["--cap-drop=" + each for each in service.get("cap_drop", [])]
        words += ["--cap-add=" + each for each in service.get("cap_add", [])]
        words += ["--tmpfs=" + each for each in service.get("tmpfs", [])]
        if "no-new-privileges:true" in service.get("security_opt", []):
            words += ["--security-opt", "no-new-privileges"]
        if service.get("read_only"):
            words += ["--read-only", "--read-only-tmpfs=false"]
        for volume in service.get("volumes", []):
            here, rest = volume.split(":", 1)
            words += ["--volume", os.path.normpath(os.path.join(DOCKER, here)) + ":" + rest]
        if "entrypoint" in service:
            words += ["--entrypoint", json.dumps(service["entrypoint"])]
        self._engine.podman(*words, "localhost/" + service["image"], *service.get("command", []))

    def exec(self, name, *words, check=True):
        return self._engine.podman("exec", name, *words, check=check)

    def logs(self, name):
        said = self._engine.podman("logs", name, check=False)
        return said.stdout + said.stderr

    def stop(self, name):
        """The exit status of a service that was told to stop."""
        self._engine.podman("stop", "--time", "5", name)
        return int(self._engine.podman("inspect", "--format", "{{.State.ExitCode}}", name).stdout)


def _missing_tools():
    return [tool for tool in TOOLS if run(["sh", "-c", "command -v " + tool],
                                          check=False).returncode] + ([] if yaml else ["yaml"])


def _check_image(t, engine, base):
    """Small, and nothing in it that compiles."""
    in_image = ("run", "--rm", "--network=none", "--cgroups=disabled", "--ulimit=host",
                "--entrypoint", "sh", "localhost/postern", "-c")
    found = engine.podman(*in_image, "for c in %s; do command -v $c; done; true" % COMPILERS).stdout
    t.equal(found, "", "compilers in the image")
    packages = engine.podman(*in_image, "dpkg-query -W -f '${Package}\\n'").stdout.split()
    t.equal([name for name in packages if BUILDING.search(name)], [], "packages for building")
    whole, below = engine.size_mb("localhost/postern"), engine.size_mb(base)
    print("image: %.0f MB, %.0f MB of them the base" % (whole, below), flush=True)
    t.check(whole - below < ROOM_MB, "%.0f MB beyond the base" % (whole - below))


def _capabilities(names):
    """The mask of /proc/PID/status for capabilities as the file names them."""
    masks = {"NET_ADMIN": 1 << 12, "NET_RAW": 1 << 13, "IPC_LOCK": 1 << 14}
    return "%016x" % sum(masks[name] for name in names)


def _check_session(t, lab):
    """curl and ping of the pod reach the server, which sees the egress address."""
    watch = capture.Capture(lab.namespaces["server"], "eth0", lab.ground.path("server.pcap"))
    answer = lab.exec("pod", "curl", "-sS", "--retry", "5", "--retry-connrefused", "-m", "10",
                      "http://%s/" % SERVER).stdout
    t.equal(answer, "you come from %s\n" % EGRESS, "the server's answer")
    lab.exec("pod", "ping", "-c", "3", "-i", "0.2", "-W", "3", SERVER)
    rows = json.loads(lab.exec("gateway", "posternctl", "-j", "sessions").stdout)["rows"]
    t.equal({row["protocol"] for row in rows} - {"tcp"}, {"icmp"}, "sessions: %s" % rows)
    for row in rows:
        t.equal((row["original"]["src"], row["translated"]["src"]), (POD, EGRESS), "session")
    watch.stop()
    sources = {p.src for p in watch.packets() if p.kind == 0x0800}
    t.equal(sources, {EGRESS}, "whom the server saw")


def test_the_image_carries_a_session(t):
    """Build, run, health, session, stop."""
    if _missing_tools():
        t.skip("not installed: %s; ./docker/install-packages.sh --list "
               "docker/packages-nightly.txt" % " ".join(_missing_tools()))
    ground = t.ground()
    engine, base = Engine(ground), "localhost/base"
    engine.make_base(base)
    engine.build("localhost/postern", base, os.path.join(DOCKER, "Dockerfile"), ROOT)
    engine.build("localhost/postern-lab", base, os.path.join(DOCKER, "lab/Dockerfile"),
                 os.path.join(DOCKER, "lab"))
    _check_image(t, engine, base)
    lab = Lab(ground, engine)
    lab.start("gateway")
    health = ("healthcheck", "run", "gateway")
    try:
        t.eventually(lambda: engine.podman(*health, check=False).returncode == 0,
                     "the gateway is healthy", 30.0, 0.5)
        status = lab.exec("gateway", "cat", "/proc/1/status").stdout
        granted = _capabilities(lab.compose["services"]["gateway"]["cap_add"])
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            t.equal(re.search(kind + r":\s*(\w+)", status).group(1), granted, kind)
        lab.start("server")
        lab.start("pod")
        t.eventually(lambda: "is up" in lab.logs("pod"), "the pod is set up", 20.0, 0.2)
        _check_session(t, lab)
        t.equal(lab.stop("gateway"), 0, "exit status of the gateway")
        t.check(engine.podman(*health, check=False).returncode != 0, "healthy after its end")
    except Exception:
        for name in lab.compose["services"]:
            print("-- %s:\n%s" % (name, lab.logs(name)), flush=True)
        raise


def _in_mounts_of_its_own():
    """Runs this program again where its mounts are nobody else's: they end with it, and crun finds
    no cgroups of two kinds."""
    if os.geteuid() == 0 and INSIDE not in os.environ and not _missing_tools():
        hide = "if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi; "
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", "sh", "-c",
                              hide + 'exec "$@"', "sh", sys.executable, "-B", *sys.argv])


if __name__ == "__main__":
    _in_mounts_of_its_own()
    main()
