"""A topology whose links are VLANs: the gateway's ports are tagged, and so are the kernel's peers.

The kernel's own VLAN code puts tags on and takes them off, called by two small BPF programs: VLAN
devices are not in every kernel. Captures see the frames as they are on the link."""
import os

from . import capture, frames, topology
from .ground import run

UNDERLAY_VLAN, UPLINK_VLAN = 7, 12
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vlan_tags.c")
COMPILER = ("clang", "-O2", "-target", "bpf", "-I/usr/include/x86_64-linux-gnu")


def put_into_vlan(ground, namespace, device, vlan):
    """From now on the kernel's interface speaks that VLAN and nothing else."""
    program = ground.path("vlan%d.o" % vlan)
    if not os.path.exists(program):
        run([*COMPILER, "-DVLAN=%d" % vlan, "-c", SOURCE, "-o", program])
    namespace.run("tc", "qdisc", "add", "dev", device, "clsact")
    for hook, section in (("egress", "out"), ("ingress", "in")):
        namespace.run("tc", "filter", "add", "dev", device, hook, "bpf", "da", "obj", program,
                      "sec", section)


def _untagged(packets, side, vlan, complaints):
    """The frames without their tags; what has none, or another, becomes a complaint."""
    for packet in packets:
        if packet.vlan != vlan:
            complaints.append("%s: in VLAN %s, not %d: %r" % (side, packet.vlan, vlan, packet))
        yield packet


class Plan(topology.Rig):
    """The usual ground plan in two VLANs."""

    def _attach(self):
        super()._attach()
        put_into_vlan(self.ground, self.outside, "e0", UPLINK_VLAN)
        for node in self.nodes:
            put_into_vlan(self.ground, node.namespace, "u0", UNDERLAY_VLAN)

    def model(self, **over):
        model = super().model(**over)
        if "ports" not in over:
            for port, vlan in zip(model["ports"], (UNDERLAY_VLAN, UPLINK_VLAN)):
                port["vlan"] = vlan
        return model

    def complaints(self):
        """And that nothing left without its port's tag."""
        found = []
        uplink, underlay = self._captures
        for watch, side, vlan in ((uplink, "uplink", UPLINK_VLAN),
                                  (underlay, "underlay", UNDERLAY_VLAN)):
            list(_untagged(watch.packets(), side, vlan, found))
        yield from super().complaints()
        yield from capture.few(found)


def tagged(frame, vlan, kind=0x8100):
    """A frame with a tag in it."""
    return frame[:12] + kind.to_bytes(2, "big") + vlan.to_bytes(2, "big") + frame[12:]


def arp_request(sender_mac, sender, target):
    return frames.ethernet(frames.BROADCAST, sender_mac, frames.ETH_ARP, frames.arp(
        1, sender_mac, sender, "00:00:00:00:00:00", target))
