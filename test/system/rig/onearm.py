"""One segment that nodes, the gateway's only port and the outside share.

  node-1, node-2 (u0)   gateway (und)   outside (e0; servers on lo)
        \\__________________|_______________/
            a bridge: 10.0.0.0/24 and 192.0.2.0/24

NEAR is a server on the segment itself, the others are behind the router 192.0.2.1."""
from . import capture, frames, topology

NEAR = "192.0.2.30"


class Plan(topology.Rig):
    """`local`: where the nodes' tunnels end."""

    def __init__(self, ground, options, local=topology.VTEP, **kwargs):
        self._local = local
        super().__init__(ground, options, **kwargs)

    def _build_node(self, node):
        super()._build_node(node)
        if self._local != topology.VTEP:
            node.namespace.ip("route add %s/32 dev u0" % self._local,
                              "link set vx0 type vxlan remote %s" % self._local)

    def _build(self):
        self.underlay.ip("link add br0 type bridge mcast_snooping 0",
                         "link set br0 mtu %d up" % self.underlay_mtu)
        for node in self.nodes:
            self._build_node(node)
        self._veth(self.gateway_ns, "und", self.underlay, "ug", self.underlay_mtu,
                   topology.UNDERLAY_MAC)
        self._veth(self.outside, "e0", self.underlay, "oe", self.underlay_mtu,
                   topology.OUTSIDE_MAC)
        self.underlay.ip("link set ug master br0", "link set oe master br0")
        self.outside.ip(
            "addr add %s/%d dev e0" % (topology.OUTSIDE, topology.UPLINK_BITS),
            "addr add %s/%d dev e0" % (NEAR, topology.UPLINK_BITS),
            *["addr add %s/32 dev lo" % server for server in topology.SERVERS],
            "route add %s via %s dev e0" % (topology.ROUTED, topology.UPLINK))
        self._watch = capture.Capture(self.underlay, "ug", self.ground.path("segment.pcap"),
                                      self._headers_only)

    def model(self, **over):
        port = {"name": "lan", "device": "net_af_packet0,iface=und", "role": "both",
                "addresses": ["%s/%d" % (topology.UPLINK, topology.UPLINK_BITS),
                              "%s/%d" % (topology.VTEP, topology.UNDERLAY_BITS)],
                "gateway": topology.OUTSIDE, "mtu": self.underlay_mtu}
        tunnel = {"name": "overlay", "type": "vxlan", "local": self._local, "vni": topology.VNI}
        return super().model(**{"ports": [port], "tunnels": [tunnel], **over})

    def from_lan(self, packet):
        """The frame with which somebody on the segment sends this IP packet to the gateway."""
        return frames.ethernet(topology.UNDERLAY_MAC, topology.OUTSIDE_MAC, frames.ETH_IP, packet)

    def sent(self):
        """What the gateway has sent so far."""
        return list(self._watch.packets())

    def complaints(self):
        """Each frame is judged as on an underlay or as on an uplink, by where it goes."""
        yield from self.gateway.end_complaints()
        lost = self._watch.stop()
        if lost:
            yield "the capture lost %d frames" % lost
        own = {topology.VTEP, topology.UPLINK}
        to_nodes, others = [], []
        for packet in self.sent():
            if packet.kind == frames.ETH_ARP and packet.src in own:
                continue
            (to_nodes if packet.dst in self._known_nodes and packet.kind == frames.ETH_IP
             else others).append(packet)
        yield from capture.few(
            capture.underlay_complaints(to_nodes, self._local, self._known_nodes))
        yield from capture.few(
            capture.uplink_complaints(others, self.allowed, topology.UPLINK))
