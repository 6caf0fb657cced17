"""Nodes as Antrea makes them, by Open vSwitch's userspace datapath, on one segment with the gateway
and the outside (onearm.py).

  pod (eth0)  -  vpN [br-int] gnv0  ..Geneve, VNI 0..  [br-phy] u0  -  the segment

A node sends what its pods' Egress says to the egress address itself, with Antrea's MAC address as
destination inside, and gives its pods only what comes back with that MAC: Open vSwitch judges what
the gateway sends.
"""
from . import capture, onearm, ovs, topology

EGRESS, SECOND_EGRESS = topology.PAYMENTS_IP, "192.0.2.60"
ANTREA_MAC = "aa:bb:cc:dd:ee:ff"


class Plan(onearm.Plan):
    """`pods`: (last byte, egress address) on node-1."""

    def __init__(self, ground, options, pods=((11, EGRESS),), **kwargs):
        self._pods, self._first_pods, self._switches = {}, pods, {}
        super().__init__(ground, options, nodes=1, local=EGRESS, **kwargs)

    def _build(self):
        super()._build()
        for last, egress in self._first_pods:
            self._add_pod(last, egress)
        for switch in self._switches.values():
            switch.flow("br-int", "add-flow", "priority=0,actions=drop")

    def _build_node(self, node):
        node.vtep = "192.0.2.10%d" % node.number
        node.namespace = self.ground.namespace(node.name)
        far_name = "un%d" % node.number
        self._veth(node.namespace, "u0", self.underlay, far_name, self.underlay_mtu)
        self.underlay.ip("link set %s master br0" % far_name)
        switch = ovs.Switch(node.namespace, self.ground.path("ovs-%d" % node.number))
        switch.configure(
            "add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev",
            "other-config:hwaddr=\"%s\"" % node.mac, "--", "add-port", "br-phy", "u0")
        node.namespace.ip("addr add %s/%d dev br-phy" % (node.vtep, topology.UPLINK_BITS),
                          "link set br-phy mtu %d up" % self.underlay_mtu)
        switch.configure(
            "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev",
            "fail-mode=secure", "--", "add-port", "br-int", "gnv0", "--", "set", "interface",
            "gnv0", "type=geneve", "options:remote_ip=flow", "options:key=flow")
        self._switches[node.number] = switch

    def _add_pod(self, last, egress):
        node, number = self.nodes[0], len(self._pods) + 1
        pod = topology.Pod(node, "%s%d" % (node.prefix, last))
        pod.namespace = self.ground.namespace("pod-%d" % number)
        port, mac = "vp%d" % number, "02:00:00:00:05:%02x" % number
        self._veth(pod.namespace, "eth0", node.namespace, port, 1450, mac)
        pod.namespace.ip(
            "addr add %s/32 dev eth0" % pod.address,
            "neigh add %s lladdr %s dev eth0 nud permanent" % (
                topology.INNER_HOP, topology.INNER_HOP_MAC),
            "route add default via %s dev eth0 onlink" % topology.INNER_HOP)
        switch = self._switches[node.number]
        switch.configure("add-port", "br-int", port)
        switch.flow("br-int", "add-flow",
                    "in_port=%s,ip,actions=dec_ttl,set_field:%s->eth_src,set_field:%s->eth_dst,"
                    "set_field:%s->tun_dst,output:gnv0" % (
                        port, node.inner_mac, ANTREA_MAC, egress))
        switch.flow("br-int", "add-flow",
                    "in_port=gnv0,tun_id=0,tun_src=%s,ip,nw_dst=%s,dl_dst=%s,actions=dec_ttl,"
                    "set_field:%s->eth_dst,output:%s" % (
                        egress, pod.address, ANTREA_MAC, mac, port))
        self._pods[pod.address] = pod

    def learn_neighbours(self):
        """Open vSwitch sees the answers to its node's ARP and sends its tunnel packets there."""
        for egress in sorted({egress for _, egress in self._first_pods}):
            self.nodes[0].namespace.run("ping", "-c", "1", "-W", "1", egress, check=False)

    def pod_at(self, address, node=1):
        return self._pods[address]

    def model(self, **over):
        model = super().model()
        node = self.nodes[0]
        model["ports"][0]["addresses"] = ["%s/%d" % (topology.UPLINK, topology.UPLINK_BITS)]
        egresses = sorted({egress for _, egress in self._first_pods})
        model["tunnels"] = [{"name": "egress-%d" % n, "type": "geneve", "local": egress,
                             "vni": "any"} for n, egress in enumerate(egresses)]
        model["nodes"] = [{"name": "node-%d" % n, "tunnel": "egress-%d" % n, "vtep": node.vtep,
                           "pod_cidrs": [node.pod_cidr], "mac": ANTREA_MAC}
                          for n in range(len(egresses))]
        model["namespaces"] = [
            {"name": "ns-%d" % n, "tunnel": "egress-%d" % n,
             "pods": ["%s%d" % (node.prefix, last) for last, own in self._first_pods
                      if own == egress]} for n, egress in enumerate(egresses)]
        model["egress_ips"] = [{"name": "out-%d" % n, "namespaces": ["ns-%d" % n],
                                "addresses": [egress]} for n, egress in enumerate(egresses)]
        model.update(over)
        return model

    def complaints(self):
        """What goes to a node is judged as on an underlay, the rest as on an uplink."""
        yield from self.gateway.end_complaints()
        lost = self._watch.stop()
        if lost:
            yield "the capture lost %d frames" % lost
        egresses = {egress for _, egress in self._first_pods}
        for egress in sorted(egresses):
            yield from capture.few(capture.underlay_complaints(
                [p for p in self.sent() if p.kind == topology.frames.ETH_IP and
                 p.dst in self._known_nodes and p.src == egress], egress, self._known_nodes))
        yield from capture.few(capture.uplink_complaints(
            [p for p in self.sent() if p.dst not in self._known_nodes],
            egresses, topology.UPLINK))
