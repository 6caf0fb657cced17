"""What has to be on the machine for each peer, by package of Debian 12."""
import os
import shutil

PROGRAMS = {
    "testpmd": (("dpdk-testpmd", "dpdk-dev"), ("stdbuf", "coreutils")),
    "ovs": (("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk", "openvswitch-switch-dpdk"),
            ("ovsdb-server", "openvswitch-switch"), ("ovsdb-tool", "openvswitch-common"),
            ("ovs-vsctl", "openvswitch-switch"), ("ovs-ofctl", "openvswitch-common"),
            ("ovs-appctl", "openvswitch-common")),
    "linux": (("ip", "iproute2"), ("ethtool", "ethtool"), ("nft", "nftables")),
    "postern": (),
}
ALWAYS = (("ip", "iproute2"), ("setpriv", "util-linux"))
PATH = "/usr/sbin:/sbin"


def found(program):
    if program.startswith("/"):
        return os.access(program, os.X_OK)
    return shutil.which(program) or shutil.which(program, path=PATH)


def missing(peers, is_there=found):
    """Packages that are missing for these peers, sorted."""
    wanted = [each for peer in peers for each in PROGRAMS[peer]] + list(ALWAYS)
    return sorted({package for program, package in wanted if not is_there(program)})


def apt_command(packages):
    return "apt-get install --no-install-recommends " + " ".join(packages)
